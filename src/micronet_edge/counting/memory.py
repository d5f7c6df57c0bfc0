"""The memory of computed tensors while each operator runs."""

from collections.abc import Iterable, Sequence

from micronet_edge.counting.graph import Operator, Tensor

METHOD = (
    "the largest sum of the computed tensors alive at one operator, each from the operator that writes it "
    "to the last one that reads it, in the graph's order and types; no operator writes over its own input, "
    "and working memory of libraries is not included"
)


def bytes_alive(
    operators: Sequence[Operator], inputs: Iterable[Tensor], outputs: Iterable[Tensor]
) -> list[int]:
    """For each operator, the bytes of all tensors alive while it runs, including its inputs and outputs.

    The graph's inputs live from the start, its outputs to the end. Tensors in the same memory count once, at
    the size of the largest.
    """
    if not operators:
        return []
    last = len(operators) - 1
    first_use, last_use = _first_and_last_use(operators)
    sizes: dict[str, int] = {}
    for tensor in _computed([*inputs, *(one for each in operators for one in (*each.reads, *each.outputs))]):
        sizes[tensor.memory] = max(sizes.get(tensor.memory, 0), tensor.size_bytes)
    first_use |= {tensor.memory: 0 for tensor in inputs}
    last_use |= {tensor.memory: last for tensor in outputs}
    # Changes per operator, then the running sum: one pass, since there may be thousands of operators.
    changes = [0] * (len(operators) + 1)
    for memory, size in sizes.items():
        changes[first_use.get(memory, 0)] += size
        changes[last_use.get(memory, first_use.get(memory, 0)) + 1] -= size
    alive, now = [], 0
    for change in changes[:-1]:
        now += change
        alive.append(now)
    return alive


def _first_and_last_use(operators: Sequence[Operator]) -> tuple[dict[str, int], dict[str, int]]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for step, operator in enumerate(operators):
        for tensor in _computed((*operator.reads, *operator.outputs)):
            first.setdefault(tensor.memory, step)
            last[tensor.memory] = step
    return first, last


def _computed(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [tensor for tensor in tensors if tensor.stored is None]
