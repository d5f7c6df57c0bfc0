"""Composites: layers that stay identifiable after decomposition, since their nodes carry marks.

Passes keep a composite whole. `regions` finds them by their marks, not by operators or names.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, product

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph_builder import LayerWriter
from micronet_edge.lowering.ir.probes import examples
from micronet_edge.lowering.ir.watch import Watched

COMPOSITE = "composite"
"""The key in a node's meta for its part of a composite."""

SAME_REGION = 1e-4
"""Largest difference between a region and its composite, relative to the largest value."""


class Role(StrEnum):
    """The role of a node in a Dynamic Shift-Max; there is one COEFFICIENT per fusion and shift."""

    MAKES_COEFFICIENTS = "makes coefficients"
    SQUEEZED = "squeezed"
    COEFFICIENT = "coefficient"
    APPLIES = "applies them"


@dataclass(frozen=True, slots=True)
class ShiftMax:
    """The Dynamic Shift-Max of one layer.

    Given    x [n, width, h, w], coefficients [k][j], each [n, c, 1, 1]
    Result   y [n, c, h, w] = max over k < fusions of  sum over j of  coefficients[k][j] * x[:, sources[j]]
    """

    layer: str
    sources: tuple[tuple[int, ...], ...]
    fusions: int

    @property
    def shifts(self) -> int:
        return len(self.sources)

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """All pairs of fusion and shift."""
        return tuple(product(range(self.fusions), range(self.shifts)))

    def __call__(self, x: Tensor, coefficients: dict[tuple[int, int], Tensor]) -> Tensor:
        """Computes the same as the decomposition."""
        shifted = [x[:, list(source)] for source in self.sources]
        sums = [
            torch.stack([coefficients[k, j] * each for j, each in enumerate(shifted)]).sum(0)
            for k in range(self.fusions)
        ]
        return torch.stack(sums).amax(0)


@dataclass(frozen=True, slots=True)
class Part:
    """The part that a node plays in a composite; `place` is the fusion and shift of a coefficient."""

    composite: ShiftMax
    role: Role
    place: tuple[int, int] | None = None


def part_of(node: fx.Node) -> Part | None:
    """The node's part of a composite, if it has one."""
    part = node.meta.get(COMPOSITE)
    assert part is None or isinstance(part, Part)
    return part


class PartWriter(LayerWriter):
    """Writes the nodes of a composite before the node that it replaces, under its name."""

    def __init__(self, network: fx.GraphModule, node: fx.Node, composite: ShiftMax) -> None:
        super().__init__(network, node, composite.layer)
        self._composite = composite

    def part(
        self,
        role: Role,
        name: str,
        layer: nn.Module,
        *inputs: fx.Node,
        place: tuple[int, int] | None = None,
    ) -> fx.Node:
        """The node that calls the layer."""
        written = self(f"{self._composite.layer}/{name}", layer, *inputs)
        written.meta[COMPOSITE] = Part(self._composite, role, place)
        return written


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """The nodes of a decomposed composite, in order of execution; the last one is its result."""

    composite: ShiftMax
    nodes: tuple[fx.Node, ...]

    @property
    def result(self) -> fx.Node:
        return self.nodes[-1]

    @property
    def x(self) -> fx.Node:
        """The tensor that the coefficients are applied to."""
        read = {source for node in self.applying for source in node.all_input_nodes} - set(self.nodes)
        if len(read) != 1:
            raise LoweringError(f"{self.composite.layer} reads {len(read)} tensors, not one")
        return read.pop()

    @property
    def squeezed(self) -> fx.Node:
        """The squeezed vector from which all coefficients are computed."""
        return self._only(Role.SQUEEZED, None)

    @property
    def applying(self) -> tuple[fx.Node, ...]:
        """The nodes that apply the coefficients."""
        return tuple(node for node in self.nodes if _role(node) is Role.APPLIES)

    def coefficient(self, fusion: int, shift: int) -> fx.Node:
        return self._only(Role.COEFFICIENT, (fusion, shift))

    @property
    def coefficients(self) -> tuple[tuple[fx.Node, ...], ...]:
        """The coefficients by fusion and shift."""
        shifts = range(self.composite.shifts)
        return tuple(tuple(self.coefficient(k, j) for j in shifts) for k in range(self.composite.fusions))

    def _only(self, role: Role, place: tuple[int, int] | None) -> fx.Node:
        wanted = Part(self.composite, role, place)
        found = [node for node in self.nodes if part_of(node) == wanted]
        if len(found) != 1:
            raise LoweringError(f"{self.composite.layer} has {len(found)} nodes of {role} {place or ''}")
        return found[0]


def regions(network: fx.GraphModule) -> tuple[Region, ...]:
    """The decomposed composites of the network, in order of execution."""
    found: dict[ShiftMax, list[fx.Node]] = {}
    for node in network.graph.nodes:
        part = part_of(node)
        if part is not None:
            found.setdefault(part.composite, []).append(node)
    return tuple(Region(composite, tuple(nodes)) for composite, nodes in found.items())


def check_composites(
    before: fx.GraphModule, after: fx.GraphModule, probe: Tensor | tuple[Tensor, ...]
) -> None:
    """Raises LoweringError unless every composite is still there, whole, and computes the same.

    A region is whole if it has all parts and only its result is read outside, so that no path leaves it and
    returns.
    """
    found = regions(after)
    lost = {region.composite for region in regions(before)} - {region.composite for region in found}
    if lost:
        raise LoweringError(f"{min(each.layer for each in lost)} is lost: its nodes are no longer marked")
    for region in found:
        _check_whole(region)
    if found:
        _check_numbers(after, found, examples(probe))


def _check_whole(region: Region) -> None:
    inside, made = set(region.nodes), {region.squeezed, *chain(*region.coefficients)}
    for node in region.nodes[:-1]:
        if not set(node.users) <= inside:
            raise LoweringError(f"{region.composite.layer}: {node.target} is read outside of it")
    if any(inside.isdisjoint(node.users) for node in made):
        raise LoweringError(f"{region.composite.layer} does not read all of its coefficients")


def _check_numbers(network: fx.GraphModule, found: tuple[Region, ...], inputs: tuple[Tensor, ...]) -> None:
    wanted = {node for region in found for node in (region.x, *region.nodes)}
    values: dict[fx.Node, Tensor] = {}

    def take(node: fx.Node, value: Tensor) -> None:
        if node in wanted:
            values[node] = value

    Watched(network, take)(*inputs)
    for region in found:
        composite = region.composite
        coefficients = {place: values[region.coefficient(*place)] for place in composite.places}
        expected, given = composite(values[region.x], coefficients), values[region.result]
        difference = float((given - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
        if not difference <= SAME_REGION:
            raise LoweringError(f"{composite.layer} computes something else, by {difference:.1e}")


def _role(node: fx.Node) -> Role | None:
    part = part_of(node)
    return None if part is None else part.role
