"""The TFLite target for TensorFlow Lite Micro: the same format, another network."""

from dataclasses import replace

from micronet_edge.errors import TargetError
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import INT8
from micronet_edge.quantization.refine_stem import with_pixels
from micronet_edge.quantization.rewrite_quantized import rewritten
from micronet_edge.targets.protocol import ExportSpec, IntegerLowering
from micronet_edge_tflite.micro.pipeline import COSTS, TABLE, micro
from micronet_edge_tflite.passes.split_borders import SplitBorders
from micronet_edge_tflite.target import TfliteTarget

NUMBERS_THAT_PAY = 100
"""Elements of a map per border column from which its own convolution is cheaper than an addition."""


class MicroTarget(TfliteTarget):
    """TFLite files of int8 for TensorFlow Lite Micro with the kernels of CMSIS-NN."""

    def check(self, spec: ExportSpec) -> None:
        super().check(spec)
        if spec.naive:
            raise TargetError("--for micro is for our own files: leave --naive out")
        if spec.precision != INT8:
            raise TargetError(f"--for micro writes int8, not {spec.precision}: give --precision int8")
        if spec.batch != 1:
            raise TargetError(f"--for micro writes files for one image: give --batch 1, not {spec.batch}")

    def integer_lowering(self) -> IntegerLowering:
        return IntegerLowering(TABLE, COSTS, micro)

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        from micronet_edge_tflite.operators import float_layers

        written = rewritten(with_pixels(quantized), SplitBorders(NUMBERS_THAT_PAY))
        kept = float_layers(written.network, written.bits)
        return replace(written, float_layers=written.float_layers | kept) if kept else written
