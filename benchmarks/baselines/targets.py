"""The formats' targets with the integer passes that suit baselines; prepare.py has the measurements."""

from pathlib import Path
from typing import cast

from baselines.join_hard_swish import join_hard_swishes
from baselines.prepare import KEEPS_COMMON_GRAPH, KEEPS_HARD_SWISH
from micronet_edge.lowering.passes.space_to_depth_width import SpaceToDepthWidth
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rewrite_quantized import rewritten
from micronet_edge.targets.protocol import ExportSpec, Target
from micronet_edge.targets.registry import find_target


def baseline_target(name: str) -> Target:
    """The installed target of that name, adapted to baselines.

    Raises TargetError on a name of no installed target.
    """
    return cast("Target", _BaselineTarget(find_target(name)))


class _BaselineTarget:
    """A target that delegates all but two methods to another."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __getattr__(self, name: str) -> object:
        return getattr(self._target, name)

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        if self._target.name in KEEPS_COMMON_GRAPH:
            return rewritten(quantized, SpaceToDepthWidth())
        return self._target.quantized_graph(quantized)

    def quantize(self, quantized: QuantizedNetwork, spec: ExportSpec, path: Path) -> None:
        self._target.quantize(quantized, spec, path)
        if self._target.name in KEEPS_HARD_SWISH:
            import onnx

            model = onnx.load(path)
            join_hard_swishes(model)
            onnx.save(model, path)
