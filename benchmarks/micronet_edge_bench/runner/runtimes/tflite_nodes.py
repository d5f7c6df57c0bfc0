"""The operators of a TFLite file in the interpreter, and which of them a delegate runs.

The interpreter keeps every operator of the file and adds an operator DELEGATE for each piece of the graph
that a delegate runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

DELEGATE = "DELEGATE"


@dataclass(frozen=True)
class TfliteNode:
    """One operator: its index, its type, its tensors' indices and its first output's name."""

    index: int
    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    output: str


def read_nodes(interpreter: Any) -> list[TfliteNode]:  # noqa: ANN401 - untyped
    """The operators in the file's order, then the delegates' pieces."""
    names = {int(tensor["index"]): str(tensor["name"]) for tensor in interpreter.get_tensor_details()}
    # The only access to a loaded graph's operators is this private method.
    return [_node(details, names) for details in interpreter._get_ops_details()]  # noqa: SLF001


def delegated(nodes: Sequence[TfliteNode], partition: TfliteNode) -> list[TfliteNode]:
    """The operators that a piece replaces: those between its inputs and outputs, in the file's order."""
    makers = {tensor: node for node in nodes if node.operator != DELEGATE for tensor in node.outputs}
    given, found, open_ends = set(partition.inputs), {}, list(partition.outputs)
    while open_ends:
        maker = makers.get(open_ends.pop())
        if maker is not None and maker.index not in found:
            found[maker.index] = maker
            open_ends += [tensor for tensor in maker.inputs if tensor not in given]
    return [found[index] for index in sorted(found)]


def _node(details: dict[str, Any], names: dict[int, str]) -> TfliteNode:
    inputs, outputs = ([int(tensor) for tensor in details[side]] for side in ("inputs", "outputs"))
    return TfliteNode(
        int(details["index"]),
        str(details["op_name"]),
        tuple(inputs),
        tuple(outputs),
        names.get(outputs[0], "") if outputs else "",
    )
