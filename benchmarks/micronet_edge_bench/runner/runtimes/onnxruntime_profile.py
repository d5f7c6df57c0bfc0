"""The time of each operator of an ONNX file, out of the trace that ONNX Runtime writes.

The trace is JSON, one event a line; an operator's is named `<node>_kernel_time`. Nodes are those of the graph
as ONNX Runtime optimised it: a fused node has the name of the last one fused, with `_nchwc` in another memory
layout, or `fused ` before the first one's; `_token_<number>` tells like names apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .grouped_times import CUT_OFF, grouped_median

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .onnx_nodes import OnnxNode
    from .seam import OperatorTime

METHOD = (
    "ONNX Runtime's profiler on the graph as it optimised it, in whole microseconds, the median as of "
    "grouped data; the profiler's own work is part of every operator's time; {made} of {count} operators are "
    "the runtime's (changes of layout and rounding), {fused} of the file's took no time of their own (fused "
    "into another)"
)

_NS_PER_US = 1000
_KERNEL = "_kernel_time"
_DECORATIONS = re.compile(r"^fused |(_token_\d+|_nchwc)+$")


@dataclass(frozen=True)
class Kernel:
    """One operator as it ran: its name in the optimised graph, its kind, each round's microseconds."""

    name: str
    operator: str
    counts: list[int]


def read_trace(trace: Path, warm_up: int) -> list[Kernel]:
    """The operators in the order of their running, without their first `warm_up` times."""
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
    return [Kernel(one.name, one.operator, one.counts[warm_up:]) for one in kernels.values()]


def operator_times(nodes: Sequence[OnnxNode], kernels: Sequence[Kernel]) -> tuple[str, list[OperatorTime]]:
    """How it was found, and the time of each operator that ran, by the file's name where it has one."""
    places = {name: place for place, node in enumerate(nodes) for name in (node.name, *node.outputs) if name}
    found: list[OperatorTime] = []
    for kernel in kernels:
        plain = _DECORATIONS.sub("", kernel.name)
        index = places.get(plain)
        found.append(
            {
                "index": index,
                "operator": kernel.operator,
                "output": plain if index is None else nodes[index].name or plain,
                "median_ns": _NS_PER_US * grouped_median(kernel.counts, CUT_OFF),
                "delegate": None,
            }
        )
    made = sum(entry["index"] is None for entry in found)
    fused = len(nodes) - len({entry["index"] for entry in found} - {None})
    return METHOD.format(made=made, count=len(found), fused=fused), found
