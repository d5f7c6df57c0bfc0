"""How many instructions a program takes on a core, estimated from its steps."""

from importlib.resources import files

import msgspec

from micronet_edge.counting.graph import Graph, Operator

CORES = {"cortex-m4": "Cortex-M4", "cortex-m55": "Cortex-M55"}
"""The cores whose costs are known, with their makers' names."""


class StepCost(msgspec.Struct, frozen=True):
    """Instructions of a step of one kind: for each multiply-add, each number it writes, and each call."""

    madd: float
    output: float
    call: float


def expected_instructions(graph: Graph, core: str) -> int | None:
    """Instructions of one inference in int8, from costs by kind of step; None where a kind has none.

    Args:
        graph: the steps of the program, without those that fill borders: the costs include them.
        core: one of CORES.
    """
    costs = step_costs()[core]
    if any(step.kind not in costs for step in graph.operators):
        return None
    return round(sum(_instructions(step, costs[step.kind]) for step in graph.operators))


def step_costs() -> dict[str, dict[str, StepCost]]:
    """The costs by core and kind of step, as benchmarks/suites/mcu_instructions.py fits them."""
    text = files("micronet_edge_c").joinpath("instructions.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, dict[str, StepCost]])


def _instructions(step: Operator, cost: StepCost) -> float:
    assert step.arithmetic is not None  # every step of ours is counted
    outputs = sum(each.elements for each in step.outputs)
    return cost.madd * step.arithmetic.products + cost.output * outputs + cost.call
