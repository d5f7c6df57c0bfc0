"""Computes the figures of a graph and adds them up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from micronet_edge.counting.constants import Constants, Stored
from micronet_edge.counting.figures import Figures, total
from micronet_edge.counting.graph import Graph, Operator
from micronet_edge.counting.layer_names import in_shift_max_layers, multiplies_computed
from micronet_edge.counting.memory import bytes_alive
from micronet_edge.util.text import plural

UNREAD = "(read by no operator)"


@dataclass(frozen=True, slots=True)
class OperatorCount:
    """An operator, its type in the format, its layer, and its figures.

    `activation_bytes` of the figures covers all tensors alive while it runs. `counted` says whether its
    arithmetic is known.
    """

    name: str
    kind: str
    layer: str
    figures: Figures
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """What one inference of `images` images costs, per operator and in total.

    `shift_max_known` says whether Dynamic Shift-Max's multiplies are identified; if not, they are among the
    other operations. `notes` say what the figures leave out or include.
    """

    operators: tuple[OperatorCount, ...]
    images: int
    shift_max_known: bool
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Figures:
        return total(operator.figures for operator in self.operators)

    @property
    def layers(self) -> Mapping[str, Figures]:
        """The figures of each layer, in the order in which layers start."""
        parts: dict[str, list[Figures]] = {}
        for operator in self.operators:
            parts.setdefault(operator.layer, []).append(operator.figures)
        return {layer: total(figures) for layer, figures in parts.items()}

    @property
    def uncounted(self) -> Mapping[str, int]:
        """The number of operators by type whose arithmetic is unknown."""
        return Counter(operator.kind for operator in self.operators if not operator.counted)

    @property
    def peak(self) -> OperatorCount | None:
        """The operator at which activation memory peaks; None if there is none."""
        return max(self.operators, key=lambda each: each.figures.activation_bytes, default=None)

    @property
    def params(self) -> int:
        return self.total.params

    @property
    def conv_madds(self) -> int:
        return self.total.conv_madds

    @property
    def linear_madds(self) -> int:
        return self.total.linear_madds

    @property
    def conv_linear_madds(self) -> int:
        return self.total.conv_linear_madds

    @property
    def shift_max_madds(self) -> int | None:
        return self.total.shift_max_madds if self.shift_max_known else None

    @property
    def paper_madds(self) -> int | None:
        return self.total.paper_madds if self.shift_max_known else None


def counted(graph: Graph) -> Count:
    """Counts everything in the graph.

    Given    operators with their arithmetic
    Result   the same without those that read only constants; constants count with the first operator that
             reads them, multiplies count as Dynamic Shift-Max inside such a layer
    """
    constants = Constants(graph.operators)
    operators, layers = constants.operators, graph.shift_max_layers
    if layers is None:
        operators, layers = in_shift_max_layers(operators, graph)
    alive = bytes_alive(operators, graph.inputs, graph.outputs)
    counts = [
        OperatorCount(
            operator.name,
            operator.kind,
            operator.layer,
            replace(
                _with_constants(_work(operator, layers or frozenset()), constants.first_read(operator)),
                activation_bytes=size,
            ),
            counted=operator.arithmetic is not None,
        )
        for operator, size in zip(operators, alive, strict=True)
    ]
    if graph.unread:
        unread = tuple(Stored(tensor, weighs=True) for tensor in graph.unread)
        counts.append(OperatorCount(UNREAD, UNREAD, UNREAD, _with_constants(Figures(), unread)))
    return Count(tuple(counts), graph.images, layers is not None, (*graph.notes, *_notes(operators)))


def _work(operator: Operator, shift_max: frozenset[str]) -> Figures:
    found = operator.arithmetic
    if found is None:
        return Figures()
    if operator.layer in shift_max and multiplies_computed(operator):
        return Figures(shift_max_madds=found.products, other_operations=found.other)
    return Figures(
        conv_madds=found.conv, linear_madds=found.linear, other_operations=found.multiplies + found.other
    )


def _with_constants(figures: Figures, stored: tuple[Stored, ...]) -> Figures:
    weights = [part.tensor for part in stored if part.weighs]
    return replace(
        figures,
        params=sum(tensor.elements for tensor in weights),
        weight_bytes=sum(tensor.size_bytes for tensor in weights),
        constant_bytes=sum(part.tensor.size_bytes for part in stored if not part.weighs),
    )


def _notes(operators: list[Operator]) -> list[str]:
    tensors = {
        tensor.name: tensor for operator in operators for tensor in (*operator.reads, *operator.outputs)
    }
    unknown = sum(tensor.shape is None for tensor in tensors.values())
    if not unknown:
        return []
    return [f"the peak activation memory leaves out {plural(unknown, 'tensor')} of unknown size"]
