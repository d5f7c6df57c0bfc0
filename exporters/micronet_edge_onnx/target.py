"""The ONNX target, an implementation of `targets/protocol.py`."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from torch import fx, nn

from micronet_edge.counting.count import Count
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.lowering import Pass
from micronet_edge.lowering.cost_model.tuning import shipped_tables
from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import calls
from micronet_edge.quantization.qparams import PAIRED_WEIGHT_LIMIT
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import BITS, INT8, INT8_A16
from micronet_edge.quantization.rewrite_quantized import rewritten
from micronet_edge.targets.common import as_written, check_signature, forbidden_operators
from micronet_edge.targets.protocol import (
    FLOAT16,
    FLOAT32,
    INT8_IO,
    UINT8_IO,
    CostTable,
    Ends,
    ExportSpec,
    Session,
)
from micronet_edge.verification.conversion_check import check_conversion
from micronet_edge_onnx.ends import NHWC, layout_of, quantized_with_ends, with_ends
from micronet_edge_onnx.passes.border_behind_columns import BorderBehindColumns
from micronet_edge_onnx.passes.factorize_spatial_convolution import FactorizeSpatialConvolution
from micronet_edge_onnx.passes.fuse_normalization import FuseNormalization
from micronet_edge_onnx.passes.pad_channels_to_block import PadChannelsToBlock
from micronet_edge_onnx.pipelines import onnxruntime, portable

if TYPE_CHECKING:
    from onnx import ModelProto

_COSTS = shipped_tables(__package__)
_BLOCK = _COSTS["onnxruntime"].depthwise_block


class OnnxTarget:
    """ONNX files for ONNX Runtime, or with `portable` for any runtime that reads ONNX."""

    name = "onnx"
    suffix = ".onnx"
    precisions = (FLOAT32, FLOAT16, INT8, INT8_A16)
    modules = ("onnx", "onnxruntime")
    cost_tables: ClassVar[Mapping[str, CostTable]] = {
        "onnxruntime": CostTable(_COSTS["onnxruntime"]),
        "portable": CostTable(_COSTS["portable"], portable=True),
    }

    def check(self, spec: ExportSpec) -> None:
        if spec.portable and spec.precision == INT8_A16:
            raise TargetError(
                "an int8-a16 ONNX file quantizes to 16 bits with operators that only ONNX Runtime has: leave "
                "--portable out, or give --precision int8"
            )
        if spec.fused and (spec.naive or spec.portable):
            raise TargetError(
                "--fused writes nodes for our kernels; --portable and --naive write none: give one of the "
                "three alone"
            )
        if spec.ends.io == INT8_IO:
            raise TargetError(
                "an ONNX file takes float32 or uint8: give --io uint8, or --io int8 with --format tflite"
            )
        if layout_of(spec.ends) == NHWC and not spec.metadata.takes_images:
            raise TargetError("--layout nhwc is for networks that take images: leave it out")

    def pipeline(self, spec: ExportSpec) -> tuple[Pass, ...]:
        if spec.portable:
            return with_ends(portable(spec.tuning.costs("portable", _COSTS["portable"])), spec)
        costs = spec.tuning.costs("onnxruntime", _COSTS["onnxruntime"])
        return with_ends(onnxruntime(costs, fixed_batch=spec.batch is not None), spec)

    def export(self, network: nn.Module, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_onnx.format import TensorNames
        from micronet_edge_onnx.surgery.store_in_float16 import store_in_float16
        from micronet_edge_onnx.write import float_model, is_writable

        if is_writable(network):
            check_signature(network, spec.signature)
            names = TensorNames.of(spec.signature)
            model = float_model(network, spec.batch, names, gathers=not spec.portable)
        else:
            _check_convertible(spec)
            model = _converted(network, spec)
        if spec.precision == FLOAT16:
            store_in_float16(model)
        _save(model, spec, path, _activations_of(network))

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        from micronet_edge_onnx.choose_float_layers import (
            layers_better_in_float,
            layers_without_integers,
            weights_to_store_in_integers,
        )

        kept = quantized.float_layers | layers_without_integers(quantized.network)
        quantized = replace(quantized, half_weights=True, float_layers=kept)
        if quantized.bits != BITS[INT8]:
            return quantized
        kept |= layers_better_in_float(quantized.network)
        form = replace(quantized, float_layers=kept)
        for pass_ in (
            FuseNormalization(),
            BorderBehindColumns(kept),
            FactorizeSpatialConvolution(kept),
            PadChannelsToBlock(_BLOCK),
        ):
            form = rewritten(form, pass_)
        return replace(
            form,
            integer_weights=weights_to_store_in_integers(form.network) - quantized.float_layers,
            # Without VNNI, ONNX Runtime's kernels for x86-64 add two products in 16 bits.
            weight_limit=PAIRED_WEIGHT_LIMIT,
        )

    def quantize(self, quantized: QuantizedNetwork, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_onnx.format import TensorNames
        from micronet_edge_onnx.write import quantized_model

        check_signature(quantized.network, spec.signature)
        names = TensorNames.of(spec.signature)
        model = quantized_model(
            quantized_with_ends(quantized, spec), spec.batch, names, gathers=not spec.portable
        )
        _save(model, spec, path, _activations_of(quantized.network))

    def converter_baseline(self, network: nn.Module, images: Images, spec: ExportSpec, path: Path) -> None:
        import onnx

        from micronet_edge_onnx.converter.converter_baseline import converter_baseline
        from micronet_edge_onnx.session import outputs_of

        with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
            float_file = Path(folder, "model.onnx")
            self.export(network, spec, float_file)
            preprocessing, batch = spec.metadata.preprocessing, spec.batch or 1
            run = outputs_of(float_file)
            check_conversion(path.name, network, run, preprocessing=preprocessing, batch=batch)
            converter_baseline(float_file, images, path)
        _save(onnx.load(path), spec, path, frozenset())

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        from micronet_edge_onnx.session import OnnxSession

        return OnnxSession(path, threads, kernels=kernels)

    def for_kernels(self, path: Path) -> bytes:
        from micronet_edge_onnx.recognition.for_kernels import for_kernels

        return for_kernels(path).content or path.read_bytes()

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        del session  # ONNX Runtime runs all of a file or none of it
        if metadata.naive:
            return []
        from micronet_edge_onnx import operators as registered

        kinds = {registered.PORTABLE} | (set() if metadata.portable else {registered.ONNXRUNTIME})
        if metadata.io == UINT8_IO:
            kinds.add(registered.BYTES)
        if metadata.precision != FLOAT32:
            kinds.add(registered.FLOAT16 if metadata.precision == FLOAT16 else registered.INTEGER)
        return forbidden_operators(operators, set().union(*map(registered.OPERATORS.allowed, kinds)))

    def read_metadata(self, path: Path) -> FileMetadata:
        from micronet_edge_onnx.metadata import read_metadata

        return read_metadata(path)

    def count(self, path: Path) -> Count:
        from micronet_edge_onnx.counting.count import count_file

        return count_file(path)


def _check_convertible(spec: ExportSpec) -> None:
    """Raises TargetError where a file that is converted could not take what it should."""
    if spec.ends.io != FLOAT32 or spec.ends.pixels != Ends().pixels or layout_of(spec.ends) == NHWC:
        raise TargetError(
            "the network has layers that no ONNX operator here writes, and torch.onnx writes float32 inputs of "
            "normalized images alone: leave --io, --pixels and --layout out"
        )


def _converted(network: nn.Module, spec: ExportSpec) -> "ModelProto":
    """The model by torch.onnx, for networks as trained and for layers that are not written here."""
    from micronet_edge_onnx.converter.convert import to_onnx

    return to_onnx(network, spec.signature, spec.batch)


def _activations_of(network: nn.Module) -> frozenset[str]:
    """The layers of a lowered network that are a Dynamic Shift-Max, whole or decomposed."""
    if not isinstance(network, fx.GraphModule):
        return frozenset()
    whole = {str(node.target) for node, _ in calls(network, FrozenShiftMax)}
    return frozenset(whole | {region.composite.layer for region in regions(network)})


def _save(model: "ModelProto", spec: ExportSpec, path: Path, activations: frozenset[str]) -> None:
    import onnx

    from micronet_edge_onnx.metadata import write_metadata
    from micronet_edge_onnx.recognition.fold_activations import fold_activations

    if spec.fused:
        fold_activations(model, activations)
    write_metadata(model, as_written(spec, layout=layout_of(spec.ends)))
    onnx.save(model, path)


TARGET = OnnxTarget()
