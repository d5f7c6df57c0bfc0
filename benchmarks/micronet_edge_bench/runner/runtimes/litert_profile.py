"""The time of each operator of a TFLite file, from the records of LiteRT's profiler."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes.grouped_times import CUT_OFF, DIFFERENCE, grouped_median
from micronet_edge_bench.runner.runtimes.match_operators import match_operators
from micronet_edge_bench.runner.runtimes.tflite_nodes import DELEGATE, delegated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from micronet_edge_bench.runner.runtimes.litert_profiler import Event
    from micronet_edge_bench.runner.runtimes.protocol import OperatorTime
    from micronet_edge_bench.runner.runtimes.tflite_nodes import TfliteNode

XNNPACK = "XNNPACK"
_NS_PER_US = 1000
METHOD = (
    "LiteRT's profiler on its compiled model, in whole microseconds, medians of grouped data: the {short} "
    "operators that always took less than one count as half of one; of {own} XNNPACK operators, {unmatched} "
    "match no operator of the file; {silent} operators of the file took no time of their own (folded into a "
    "neighbour)"
)


@dataclass(frozen=True)
class _Ran:
    """One operator that ran, and the matching operator of the file, if known."""

    event: Event
    node: TfliteNode | None


def operator_times(
    nodes: Sequence[TfliteNode], inferences: Sequence[tuple[Event, ...]]
) -> tuple[str, list[OperatorTime]]:
    """The method, and the times of the file's operators, then of unmatched work."""
    ran = _attribute(nodes, inferences[0])
    times: dict[int, float] = defaultdict(float)
    lost: list[OperatorTime] = []
    short = 0
    for place, one in enumerate(ran):
        counts = [events[place].elapsed_us for events in inferences]
        short += not any(counts)
        took = _NS_PER_US * grouped_median(counts, CUT_OFF if one.event.delegated else DIFFERENCE)
        if one.node is None:
            lost.append(_entry(None, one.event.name, "", took, XNNPACK))
        else:
            times[one.node.index] += took
    inside = {one.node.index for one in ran if one.node is not None and one.event.delegated}
    files = [node for node in nodes if node.operator != DELEGATE]
    found = [
        _entry(
            node.index,
            node.operator,
            node.output,
            times[node.index],
            XNNPACK if node.index in inside else None,
        )
        for node in files
        if node.index in times
    ]
    own = sum(one.event.delegated for one in ran)
    method = METHOD.format(short=short, own=own, unmatched=len(lost), silent=len(files) - len(found))
    return method, found + lost


def _attribute(nodes: Sequence[TfliteNode], events: Sequence[Event]) -> list[_Ran]:
    pieces = [delegated(nodes, node) for node in nodes if node.operator == DELEGATE]
    groups = _groups([event for event in events if event.delegated])
    if len(pieces) != len(groups):  # a piece without its own events: treat all as one
        pieces = [[node for piece in pieces for node in piece]]
        groups = [[event for group in groups for event in group]]
    of_event: dict[int, TfliteNode | None] = {}
    for piece, group in zip(pieces, groups):
        places = match_operators([node.operator for node in piece], [event.name for event in group])
        for event, place in zip(group, places):
            of_event[id(event)] = None if place is None else piece[place]
    return [_Ran(event, of_event[id(event)] if event.delegated else nodes[event.index]) for event in events]


def _groups(events: Sequence[Event]) -> list[list[Event]]:
    """XNNPACK's operators, split where its index within a piece of the graph restarts."""
    groups: list[list[Event]] = []
    for event in events:
        if event.index == 0 or not groups:
            groups.append([])
        groups[-1].append(event)
    return groups


def _entry(
    index: int | None, operator: str, output: str, median_ns: float, delegate: str | None
) -> OperatorTime:
    return {
        "index": index,
        "operator": operator,
        "output": output,
        "median_ns": median_ns,
        "delegate": delegate,
    }
