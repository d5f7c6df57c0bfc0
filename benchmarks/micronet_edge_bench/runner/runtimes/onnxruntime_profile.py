"""The time of each operator of an ONNX file, from ONNX Runtime's trace.

The trace is JSON, one event per line; an operator's event is named `<node>_kernel_time`. The nodes are those
of the optimized graph. A fused node has the name of its last node, with `_nchwc` in another memory layout, or
`fused ` before the name of its first node. `_token_<number>` distinguishes equal names. A QuantizeLinear that
is repeated for each consumer is `/duplicated`. Nodes of a function have its name as prefix. HardSwish becomes
two numbered nodes, unless it is fused into the convolution before it.

The profiler adds several microseconds to every operator, a multiple of what small ones take. The fastest
operator, which does almost nothing, shows that overhead.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes.grouped_times import CUT_OFF, grouped_median

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from micronet_edge_bench.runner.runtimes.onnx_nodes import OnnxNode
    from micronet_edge_bench.runner.runtimes.protocol import OperatorTime

METHOD = (
    "ONNX Runtime's profiler on its optimized graph, in whole microseconds, medians of grouped data; "
    "{own_us:.1f} us, the time of the fastest operator, are subtracted from each as profiler overhead; "
    "{made} of {count} operators are the runtime's own (changes of layout and quantization); {fused} "
    "operators of the file took no time of their own (fused into another)"
)

# With this many operators, one does almost nothing.
_MANY = 50
_NS_PER_US = 1000
_KERNEL = "_kernel_time"
_DECORATIONS = re.compile(r"^(fused )?(_inlfunc_DynamicShiftMax\d+_)?|(_token_\d+|_nchwc|/duplicated)+$")
_HARD_SWISH, _CONV = "HardSwish", "Conv"
_ITS_NODES = re.compile(r"(HardSigmoid|Mul)_\d+$")


@dataclass(frozen=True)
class Kernel:
    """One operator: its name in the optimized graph, its type, and the microseconds of each round."""

    name: str
    operator: str
    counts: list[int]


def read_trace(trace: Path, wanted: slice) -> list[Kernel]:
    """The operators in order of execution, with the `wanted` part of their times."""
    kernels: dict[tuple[str, str], Kernel] = {}
    with trace.open(encoding="utf-8") as lines:
        for line in lines:
            if _KERNEL not in line:
                continue
            event = json.loads(line.strip().rstrip(","))
            facts = event["args"]
            name = event["name"][: -len(_KERNEL)]
            key = (name, facts.get("node_index", ""))
            kernel = kernels.setdefault(key, Kernel(name, facts.get("op_name", ""), []))
            kernel.counts.append(int(event["dur"]))
    return [Kernel(one.name, one.operator, one.counts[wanted]) for one in kernels.values()]


def operator_times(nodes: Sequence[OnnxNode], kernels: Sequence[Kernel]) -> tuple[str, list[OperatorTime]]:
    """The method, and the time of each operator that ran, by the file's name if it has one."""
    places = {name: place for place, node in enumerate(nodes) for name in (node.name, *node.outputs) if name}
    swishes = _hard_swishes(nodes, kernels, places)
    times_us = [grouped_median(kernel.counts, CUT_OFF) for kernel in kernels]
    own_us = min(times_us) if len(times_us) >= _MANY else 0.0
    found: list[OperatorTime] = []
    for kernel, took_us in zip(kernels, times_us):
        plain = _DECORATIONS.sub("", kernel.name)
        index = places.get(plain, swishes.get(plain))
        found.append(
            {
                "index": index,
                "operator": kernel.operator,
                "output": plain if index is None else nodes[index].name or plain,
                "median_ns": _NS_PER_US * (took_us - own_us),
                "delegate": None,
            }
        )
    made = sum(entry["index"] is None for entry in found)
    fused = len(nodes) - len({entry["index"] for entry in found} - {None})
    return METHOD.format(own_us=own_us, made=made, count=len(found), fused=fused), found


def _hard_swishes(
    nodes: Sequence[OnnxNode], kernels: Sequence[Kernel], places: dict[str, int]
) -> dict[str, int]:
    """The HardSwish of each numbered node, if they run in the file's order.

    Some are fused into convolutions.
    """
    numbered = [one.name for one in kernels if _ITS_NODES.match(one.name) and one.name not in places]
    swishes = [place for place, node in enumerate(nodes) if node.operator == _HARD_SWISH]
    if len(numbered) < 2 * len(swishes):
        convolved = {output for node in nodes if node.operator == _CONV for output in node.outputs}
        swishes = [place for place in swishes if not convolved.intersection(nodes[place].inputs)]
    if [name.partition("_")[0] for name in numbered] != ["HardSigmoid", "Mul"] * len(swishes):
        return {}
    return {name: swishes[position // 2] for position, name in enumerate(numbered)}
