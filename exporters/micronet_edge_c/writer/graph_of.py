"""A program as the graph that counting works on."""

from micronet_edge.counting.graph import Graph, Operator, Tensor
from micronet_edge_c.program.buffers import Buffer, Constant
from micronet_edge_c.program.steps import Program, Step


def graph_of(program: Program) -> Graph:
    """The program's steps as operators, without those that only fill borders."""
    operators = tuple(_operator(step) for step in program.steps if step.kind != "border")
    layers = frozenset(step.layer for step in program.steps if step.kind == "shift-max")
    return Graph(
        operators,
        (_tensor(program.image),),
        (_tensor(program.scores),),
        shift_max_layers=layers,
        named=True,
    )


def _operator(step: Step) -> Operator:
    weights = tuple(_stored(each) for each in step.constants if each.weighs)
    settings = tuple(_stored(each) for each in step.constants if not each.weighs)
    reads, writes = map(_tensors, (step.reads, step.writes))
    return Operator(step.name, step.layer, step.kind, (*reads, *weights), writes, step.arithmetic, settings)


def _tensors(buffers: tuple[Buffer, ...]) -> tuple[Tensor, ...]:
    return tuple(map(_tensor, buffers))


def _tensor(buffer: Buffer) -> Tensor:
    return Tensor(buffer.name, (1, buffer.height, buffer.width, buffer.channels), buffer.size_bytes)


def _stored(constant: Constant) -> Tensor:
    size = constant.elements * (2 if constant.ctype.endswith("16_t") else 1)
    return Tensor(constant.name, (constant.elements,), size, stored=constant.name)
