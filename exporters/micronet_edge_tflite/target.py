"""The TFLite target, as `targets/protocol.py` describes one."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import numpy as np
from torch import fx, nn

from micronet_edge.counting.count import Count
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.lowering import INTEGER_COSTS, Pass
from micronet_edge.lowering.cost_model.tuning import INTEGER, shipped_tables
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.lowering.passes.space_to_depth_width import SpaceToDepthWidth
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import INT8, INT8_A16
from micronet_edge.quantization.refine_stem import refine_stem
from micronet_edge.quantization.rewrite_quantized import rewritten
from micronet_edge.settings import Runtime
from micronet_edge.targets.common import as_written, forbidden_operators
from micronet_edge.targets.file_ends import FileEnds
from micronet_edge.targets.protocol import FLOAT16, FLOAT32, INT8_IO, CostTable, ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge.targets.session_protocol import Reader, Session
from micronet_edge.verification.conversion_check import check_conversion
from micronet_edge_tflite.operators import MICRO
from micronet_edge_tflite.other_readers import notes, readers
from micronet_edge_tflite.passes.split_borders import SplitBorders
from micronet_edge_tflite.pipelines import xnnpack, xnnpack_from_pixels
from micronet_edge_tflite.reader import COMPILED_READER, READER

if TYPE_CHECKING:
    from micronet_edge_tflite.network_file import FileForm

INTERPRETER, COMPILED = "litert", "litert-compiled"
"""The runtimes that open the files here: LiteRT's interpreter, with our kernels, and its compiled model."""

MAXIMUM_PARTITIONS = 2
OWN_OPERATORS = frozenset(
    {
        "ADD",
        "BATCH_MATMUL",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "FULLY_CONNECTED",
        "HARD_SWISH",
        "MAXIMUM",
        "MEAN",
        "MINIMUM",
        "MUL",
        "PAD",
        "RELU",
        "RELU6",
        "RESHAPE",
        "SLICE",
        "SOFTMAX",
        "SPLIT",
    }
)
"""Those of a MicroNet's float files, for which the limit holds: XNNPACK takes all of them."""


_ELSEWHERE = "put another layer in its place, or give --format onnx alone"

_TABLES = shipped_tables(__package__)
_COSTS = _TABLES["xnnpack"]


class TfliteTarget:
    """TFLite files for LiteRT with XNNPACK."""

    name = "tflite"
    suffix = ".tflite"
    precisions = (FLOAT32, FLOAT16, INT8, INT8_A16)
    modules = ("flatbuffers", "ai_edge_litert.interpreter")
    cost_tables: ClassVar[Mapping[str, CostTable]] = {
        "xnnpack": CostTable(_COSTS),
        # All targets share one integer network; LiteRT computes all of it in integers.
        INTEGER: CostTable(INTEGER_COSTS, INT8),
    }

    def check(self, spec: ExportSpec) -> None:
        if spec.batch is None:
            raise TargetError("a TFLite file has a fixed batch: give --batch N, or --format onnx alone")
        if spec.ends.layout == "NCHW":
            raise TargetError("a TFLite file takes NHWC: leave --layout nchw out, or give --format onnx")
        if spec.naive:
            from micronet_edge_tflite.converter.installed import require_converter

            require_converter("a naive TFLite file", "give --format onnx alone")

    def pipeline(self, spec: ExportSpec) -> tuple[Pass, ...]:
        costs, white = spec.tuning.costs("xnnpack", _COSTS), spec.ends.white
        if white is None:
            return xnnpack(costs)
        return xnnpack_from_pixels(costs, spec.metadata.preprocessing, white)

    def export(self, network: nn.Module, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_tflite.metadata import append_metadata
        from micronet_edge_tflite.network_file import float_file, is_writable

        metadata = as_written(spec, layout="NHWC")
        if isinstance(network, fx.GraphModule) and is_writable(network):
            path.write_bytes(float_file(network, spec.metadata.preprocessing, _form(spec, metadata)))
        else:
            self._convert(network, spec, path)
        append_metadata(path, metadata)

    @staticmethod
    def _convert(network: nn.Module, spec: ExportSpec, path: Path) -> None:
        """Converts the ONNX file: of a network as it was trained, or with layers that `operators/` lacks."""
        from micronet_edge_tflite.converter.convert import convert
        from micronet_edge_tflite.converter.installed import require_converter
        from micronet_edge_tflite.converter.name_tensors import name_tensors
        from micronet_edge_tflite.converter.plain_pointwise import with_plain_pointwise
        from micronet_edge_tflite.converter.sign import sign

        if spec.precision != FLOAT32:
            raise TargetError(
                f"{_lacking(network)} has no form in TFLite files of {spec.precision}: export it with "
                "--precision float32, or put another layer in its place"
            )
        if spec.ends.white is not None:
            raise TargetError(
                f"{_lacking(network)} has no TFLite operator, and the converter's files take normalized "
                "float32 alone: leave --io and --pixels out, or put another layer in its place"
            )
        given = spec.signature.inputs
        if len(given) != 1 or not given[0].is_map:
            raise TargetError(
                f"{_lacking(network)} has no TFLite operator, and the converter takes one map alone: put "
                "another layer in its place"
            )
        require_converter(f"{_lacking(network)} has no TFLite operator: its conversion", _ELSEWHERE)
        with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
            onnx_file = Path(folder, "model.onnx")
            find_target("onnx").export(with_plain_pointwise(network), replace(spec, portable=True), onnx_file)
            convert(onnx_file, path, lowered=not spec.naive)
            if not spec.naive:
                name_tensors(path, onnx_file, _photograph(spec))
            sign(path, as_written(spec, layout="NHWC"))

    def for_runtime(self, runtime: Runtime) -> "TfliteTarget":
        from micronet_edge_tflite.micro.target import MicroTarget

        assert runtime == MICRO  # there are two, and the registry answers for the other
        return MicroTarget()

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        from micronet_edge_tflite.operators import float_layers

        written = rewritten(rewritten(refine_stem(quantized), SpaceToDepthWidth()), SplitBorders())
        # LiteRT has an integer kernel for every layer of a MicroNet: none of those is to stay in float.
        kept = float_layers(written.network, written.bits)
        return replace(written, float_layers=written.float_layers | kept) if kept else written

    def quantize(self, quantized: QuantizedNetwork, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_tflite.metadata import append_metadata
        from micronet_edge_tflite.network_file import quantized_file
        from micronet_edge_tflite.start_at_pixels import starting_at_pixels

        quantized = starting_at_pixels(quantized, spec.ends)
        # Integers stand for pixels only where a convolution reads those.
        normalized = spec.ends.io == INT8_IO and pixels_of(quantized.network) is None
        metadata = as_written(spec, layout="NHWC", pixels="normalized" if normalized else None)
        path.write_bytes(quantized_file(quantized, _form(spec, metadata)))
        append_metadata(path, metadata)

    def converter_baseline(self, network: nn.Module, images: Images, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_tflite.converter.converter_baseline import converter_baseline
        from micronet_edge_tflite.converter.outputs import outputs_of
        from micronet_edge_tflite.converter.sign import sign
        from micronet_edge_tflite.metadata import append_metadata

        with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
            onnx_file, float_file = Path(folder, "model.onnx"), Path(folder, path.name)
            find_target("onnx").export(network, spec, onnx_file)
            converter_baseline(onnx_file, images, path, float_file)
            # The integers may be as coarse as the converter makes them; the function must be the network's.
            assert spec.batch is not None  # check() has refused that
            preprocessing = spec.metadata.preprocessing
            run = outputs_of(float_file)
            check_conversion(path.name, network, run, preprocessing=preprocessing, batch=spec.batch)
            sign(path, as_written(spec, layout="NHWC"))
        append_metadata(path, as_written(spec, layout="NHWC"))

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        return READER.open(path, threads, kernels)

    def file_ends(self, path: Path) -> FileEnds:
        from micronet_edge_tflite.file_ends import read_ends

        return read_ends(path)

    def opening_in(self, runtime: str) -> Reader:
        if runtime == COMPILED:
            return CompiledReader()
        if runtime != INTERPRETER:
            raise TargetError(f"TFLite files do not open in {runtime}: choose from {INTERPRETER}, {COMPILED}")
        return self

    def for_kernels(self, path: Path) -> bytes:
        return path.read_bytes()  # the delegate finds by itself what it replaces

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        from micronet_edge_tflite.operators import FLOAT, OPERATORS, kind_of_file

        if metadata.naive:
            return []
        found = forbidden_operators(operators, OPERATORS.allowed(kind_of_file(metadata)))
        if metadata.precision not in FLOAT or not OWN_OPERATORS.issuperset(operators):
            # In integers XNNPACK leaves MAXIMUM to LiteRT, whose own is four times as fast, and it does not
            # take every operator of other networks: more partitions are right.
            return found
        assert isinstance(session, _Delegated)  # as every session of ours
        if session.partitions() > MAXIMUM_PARTITIONS:
            found.append(f"{session.partitions()} XNNPACK partitions, at most {MAXIMUM_PARTITIONS} allowed")
        return found

    def read_metadata(self, path: Path) -> FileMetadata:
        return READER.read_metadata(path)

    def lacking(self, path: Path) -> tuple[str, ...]:
        from micronet_edge_tflite.micro.limits import notes_on

        return notes_on(path.read_bytes())

    def output_types(self, path: Path) -> tuple[str, ...]:
        from micronet_edge_tflite.counting.output_types import output_types

        return output_types(path.read_bytes())

    def notes(self, metadata: FileMetadata) -> tuple[str, ...]:
        return notes(metadata)

    def readers(self, metadata: FileMetadata) -> tuple[str, ...]:
        return readers(metadata)

    def count(self, path: Path) -> Count:
        from micronet_edge_tflite.counting.count import count_file

        return count_file(path)


def _form(spec: ExportSpec, metadata: FileMetadata) -> "FileForm":
    from micronet_edge_tflite.network_file import FileForm

    assert spec.batch is not None  # check() has refused that
    return FileForm(
        batch=spec.batch,
        ends=spec.ends,
        signature=spec.signature,
        float16=spec.precision == FLOAT16,
        metadata=metadata,
        micro=spec.runtime == MICRO,
    )


class CompiledReader(TfliteTarget):
    """Opens TFLite files in LiteRT's compiled model, where our kernels cannot run."""

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        del kernels  # it takes no delegate
        return COMPILED_READER.open(path, threads)


@runtime_checkable
class _Delegated(Protocol):
    def partitions(self) -> int: ...


def _lacking(network: nn.Module) -> str:
    """The first layer that no operator here writes, in words."""
    from micronet_edge_tflite.network_file import described, unwritable

    node = unwritable(network) if isinstance(network, fx.GraphModule) else None
    return f"the network as trained ({type(network).__name__})" if node is None else described(node)


def _photograph(spec: ExportSpec) -> Images:
    """One photograph, repeated to the file's batch."""
    assert spec.batch is not None  # check() has refused that
    return np.repeat(spec.metadata.preprocessing.batch(photographs()[:1]), spec.batch, axis=0)


TARGET = TfliteTarget()
