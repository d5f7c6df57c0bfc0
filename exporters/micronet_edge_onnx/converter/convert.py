"""PyTorch module to ONNX model by torch.onnx and onnxsim, for networks that our writer does not write."""

import logging
import tempfile
import warnings
from pathlib import Path

import onnx
import onnxsim
import torch
from torch import nn

from micronet_edge.errors import TargetError
from micronet_edge_onnx.converter.name_constants import name_constants
from micronet_edge_onnx.format import INPUT_NAME, OPSET, OUTPUT_NAME
from micronet_edge_onnx.surgery.hoist_constants import hoist_constants


def to_onnx(network: nn.Module, input_size: int, batch: int | None) -> onnx.ModelProto:
    """The network as a simplified, checked ONNX model.

    Given    a network that takes [batch, 3, input_size, input_size]; batch None leaves it open
    Raises   TargetError where the result is no valid model.
    """
    model = _simplified(_traced(network, input_size, batch))
    _give_plain_names(model)
    hoist_constants(model)
    name_constants(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise TargetError(f"the exported ONNX model is not valid: {error}; please report this") from error
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def _traced(network: nn.Module, input_size: int, batch: int | None) -> onnx.ModelProto:
    image = torch.zeros(batch or 1, 3, input_size, input_size)
    dynamic = {INPUT_NAME: {0: "batch"}, OUTPUT_NAME: {0: "batch"}} if batch is None else None
    # The tracing exporter: the only one that names nodes after their layers.
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = Path(folder, "model.onnx")
        try:
            torch.onnx.export(
                network,
                (image,),
                str(written),
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
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
