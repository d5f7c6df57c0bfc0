"""PyTorch module to ONNX model by torch.onnx and onnxsim, for networks that our writer does not write."""

import logging
import tempfile
import warnings
from pathlib import Path

import onnx
import onnxsim
import torch
from torch import nn

from micronet_edge.data.signature import Signature
from micronet_edge.errors import TargetError
from micronet_edge_onnx.converter.name_constants import name_constants
from micronet_edge_onnx.format import OPSET, TensorNames
from micronet_edge_onnx.surgery.hoist_constants import hoist_constants


def to_onnx(network: nn.Module, signature: Signature, batch: int | None) -> onnx.ModelProto:
    """The network as a simplified, checked ONNX model.

    Given    a network, what it takes and gives for one sample, and the number of samples, None for any
    Raises   TargetError where the result is no valid model.
    """
    model = _simplified(_traced(network, signature, batch))
    _give_plain_names(model)
    hoist_constants(model)
    name_constants(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise TargetError(f"the exported ONNX model is not valid: {error}; please report this") from error
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def _traced(network: nn.Module, signature: Signature, batch: int | None) -> onnx.ModelProto:
    inputs = tuple(torch.zeros(batch or 1, *spec.shape) for spec in signature.inputs)
    names = TensorNames.of(signature)
    dynamic = {name: {0: "batch"} for name in (*names.inputs, *names.outputs)} if batch is None else None
    # The tracing exporter: the only one that names nodes after their layers.
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = Path(folder, "model.onnx")
        try:
            torch.onnx.export(
                network,
                inputs,
                str(written),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(names.inputs),
                output_names=list(names.outputs),
                dynamic_axes=dynamic,
            )
        except torch.onnx.errors.UnsupportedOperatorError as error:
            operator = str(error).partition("'")[2].partition("'")[0]
            raise TargetError(
                f"the network computes {operator}, which ONNX files of opset {OPSET} cannot express: "
                "replace it with layers of plain operators"
            ) from error
        return onnx.load(written)


def _simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    logging.getLogger("onnxsim").setLevel(logging.ERROR)
    simplified, same = onnxsim.simplify(model)
    if not same:
        raise TargetError("onnxsim changed the network's output while simplifying it; please report this")
    result: onnx.ModelProto = simplified
    return result


def _give_plain_names(model: onnx.ModelProto) -> None:
    """Node and tensor names without the leading slash, which some converters refuse."""
    for node in model.graph.node:
        node.name = _plain(node.name)
        node.input[:] = [_plain(name) for name in node.input]
        node.output[:] = [_plain(name) for name in node.output]
    for value in [*model.graph.value_info, *model.graph.initializer]:
        value.name = _plain(value.name)
    _name_after_neighbours(model)


def _name_after_neighbours(model: onnx.ModelProto) -> None:
    """Names operators between layers, such as a residual addition, under the path of the layer before."""
    makers = {output: node.name for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        before = makers.get(node.input[-1]) if node.input else None
        if "/" not in node.name and before is not None:
            node.name = f"{before.rsplit('/', 2)[0]}/{node.name}"


def _plain(name: str) -> str:
    return name.removeprefix("/")
