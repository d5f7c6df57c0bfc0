"""What tensors of an ONNX graph stand for, as far as Dynamic Shift-Max needs them.

Every value holds whole numbers in the place of the tensor's own: `places` says for each element which channel
of a map, or which coefficient, it is. Channel c of image n of a map of C channels is n * C + c; coefficients
are numbered alike. What moves a tensor moves its places, so its form need not be known beforehand.
"""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx
from numpy.typing import NDArray

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Whole maps of the tensor `root`: shape [*places.shape, *pixels]."""

    root: str
    places: Places
    pixels: tuple[int, ...]

    def moved(self, places: Places) -> "Maps":
        return replace(self, places=places)


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means over all pixels of the channels of `root`."""

    root: str
    places: Places

    def moved(self, places: Places) -> "Means":
        return replace(self, places=places)


@dataclass(frozen=True, slots=True, eq=False)
class Squeezed:
    """The product of the `means` of `root` with the weight of the node `squeeze`, then perhaps a Relu."""

    root: str
    images: int
    means: Places
    squeeze: onnx.NodeProto
    rectified: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """How all coefficients come of a squeezed row: (clip(excite, 0, span) + offset) * scale."""

    squeezed: Squeezed
    excite: onnx.NodeProto
    count: int
    span: float | None = None
    offset: str | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Some of a gate's coefficients, in any form."""

    gate: Gate
    places: Places

    def moved(self, places: Places) -> "Coefficients":
        return replace(self, places=places)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """For each element the largest, over k, of the sums over j of coefficient times map.

    `coefficients` and `sources` are [k, j, *form] of a tensor of the shape [*form, *pixels].
    """

    gate: Gate
    root: str
    coefficients: Places
    sources: Places
    pixels: tuple[int, ...]

    @property
    def form(self) -> tuple[int, ...]:
        return self.sources.shape[2:]

    def in_form(self, form: tuple[int, ...], pixels: tuple[int, ...]) -> "Sums":
        shape = *self.sources.shape[:2], *form
        return replace(
            self,
            coefficients=self.coefficients.reshape(shape),
            sources=self.sources.reshape(shape),
            pixels=pixels,
        )


Value = Maps | Means | Squeezed | Coefficients | Sums


def product(coefficients: Coefficients, maps: Maps) -> Sums | None:
    """Each map times the coefficient of its place."""
    ones = (1,) * len(maps.pixels)
    if not is_finished(coefficients.gate) or coefficients.places.shape != (*maps.places.shape, *ones):
        return None
    form = (1, 1, *maps.places.shape)
    return Sums(
        coefficients.gate,
        maps.root,
        coefficients.places.reshape(form),
        maps.places.reshape(form),
        maps.pixels,
    )


def matrix_product(matrices: Coefficients, maps: Maps) -> Sums | None:
    """Matrices [..., k, j] times maps [..., j]: sums over j, in the form [..., k]."""
    matrix, places = matrices.places, maps.places
    if not is_finished(matrices.gate) or matrix.ndim < 2 or matrix.shape[:-2] != places.shape[:-1]:  # noqa: PLR2004
        return None
    if matrix.shape[-1] != places.shape[-1]:
        return None
    coefficients = np.moveaxis(matrix, -1, 0)
    sources = np.broadcast_to(np.moveaxis(places, -1, 0)[..., None], coefficients.shape)
    return Sums(matrices.gate, maps.root, coefficients[None], sources[None], maps.pixels)


def are_alike(one: Sums, other: Sums) -> bool:
    """Whether two can be added or compared, element by element."""
    return (
        one.gate is other.gate
        and one.root == other.root
        and (one.form, one.pixels) == (other.form, other.pixels)
    )


def added(one: Sums, other: Sums) -> Sums | None:
    """The sum of two sums, the first one's terms first."""
    if not are_alike(one, other) or len(one.sources) != 1 or len(other.sources) != 1:
        return None
    return _joined([one, other], axis=1)


def largest(several: list[Sums]) -> Sums | None:
    """The largest of several, of equally many terms each."""
    if not all(are_alike(several[0], each) for each in several):
        return None
    if len({each.sources.shape[1] for each in several}) != 1:
        return None
    return _joined(several, axis=0)


def largest_along(sums: Sums, axis: int) -> Sums | None:
    """The largest along an axis of the form."""
    if len(sums.sources) != 1 or not 0 < axis < len(sums.form):
        return None
    moved = (np.moveaxis(each[0], axis + 1, 0) for each in (sums.coefficients, sums.sources))
    coefficients, sources = moved
    return replace(sums, coefficients=coefficients, sources=sources)


def split_shape(
    shape: tuple[int, ...], maps: int, pixels: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """A shape as that of the maps and that of their pixels, of two sides if it can be."""
    ends = [len(shape) - 2, *range(len(shape) + 1)]
    for end in ends:
        if end >= 0 and prod(shape[:end]) == maps and prod(shape[end:]) == pixels:
            return shape[:end], shape[end:]
    return None


def is_finished(gate: Gate) -> bool:
    """Whether the gate's clip and offset are known."""
    return gate.span is not None and gate.offset is not None


def _joined(several: list[Sums], axis: int) -> Sums:
    return replace(
        several[0],
        coefficients=np.concatenate([each.coefficients for each in several], axis),
        sources=np.concatenate([each.sources for each in several], axis),
    )
