"""Writes a decomposed Dynamic Shift-Max in float, in the form that is fastest for the size of its map."""

from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.lowering.ir.composite import Region
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at
from micronet_edge.lowering.ir.graph import module_of, only_input, shape_of
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge_onnx.writer.largest_sum import largest_sum
from micronet_edge_onnx.writer.model_writer import ModelWriter

Places = NDArray[np.int64]
"""For each channel of a tensor the channel of another one that it is."""

SMALL_MAP, MIDDLING_MAP = 64, 256
"""Pixels below which ONNX Runtime is faster element by element than with a product for each channel.

A product costs 0.1 us whatever its size. Each reader of an integer operator's result converts it to float
anew: there only the smallest maps pay.
"""


@dataclass(frozen=True, slots=True, eq=False)
class FloatShiftMax:
    """A Dynamic Shift-Max behind its squeezed row: `layers` compute it from the channels `sources` of x."""

    region: Region
    x: fx.Node
    sources: tuple[Places, ...]
    layers: frozenset[fx.Node]

    @property
    def squeezed(self) -> fx.Node:
        return self.region.squeezed

    @property
    def coefficients(self) -> list[tuple[fx.Node, nn.Conv2d, nn.Hardtanh]]:
        """For each, the node and the 1 x 1 convolution that compute it, and its clip; fusion by fusion."""
        return [_coefficient(node) for node in chain(*self.region.coefficients)]

    @property
    def width(self) -> int:
        """Channels of x."""
        return shape_of(self.x)[1]


def float_shift_max(region: Region) -> FloatShiftMax:
    """What the region computes from its squeezed row, including reorders in front of it."""
    x, sources, layers = region.x, [np.array(source) for source in region.composite.sources], set[fx.Node]()
    while isinstance(layer := module_of(x), GatheredReorder):
        layers.add(x)
        x, sources = only_input(x), [layer.index[source] for source in sources]
    for node in chain(*region.coefficients):
        layers |= {node, only_input(node)}
    return FloatShiftMax(region, x, tuple(sources), frozenset({*region.applying, *layers}))


def _coefficient(node: fx.Node) -> tuple[fx.Node, nn.Conv2d, nn.Hardtanh]:
    clip, excite = module_of(node), only_input(node)
    assert isinstance(clip, nn.Hardtanh)
    return excite, conv_at(excite), clip


@dataclass(frozen=True, slots=True)
class ShiftMaxWriter:
    """Adds the operators of one Dynamic Shift-Max to a model.

    `batch` is None for any number of images. `integer_weights` are the convolutions whose weights are
    stored in integers.
    """

    _model: ModelWriter
    _shift_max: FloatShiftMax
    _batch: int | None
    _integer_weights: frozenset[str]

    def write(self, x: str, squeezed: str, *, of_integers: bool) -> str:
        """The result, from two tensors; `of_integers` says that an integer operator gives x."""
        sums = self._sums(of_integers=of_integers)
        return self._summed(x, squeezed) if sums else self._multiplied(x, squeezed)

    @property
    def _name(self) -> str:
        return tensor_name(self._shift_max.region.result)

    @property
    def _shape(self) -> tuple[int, ...]:
        return shape_of(self._shift_max.region.result)

    def _sums(self, *, of_integers: bool) -> bool:
        # A matrix for each channel needs its channels side by side, and only Gather puts them there.
        return not self._model.gathers or prod(self._shape[2:]) < (SMALL_MAP if of_integers else MIDDLING_MAP)

    def _summed(self, x: str, squeezed: str) -> str:
        """Element by element, each shifted input picked once."""
        name, fusions = self._name, self._shift_max.region.composite.fusions
        shifted = [self._shifted(x, j) for j in range(len(self._shift_max.sources))]
        coefficients = self._coefficients(squeezed, by_channel=False)
        pixel = self._model.reshaped(f"{name}/pixel", coefficients, 0, -1, 1, 1)
        parts = self._model.split(f"{name}/split", pixel, [self._shape[1]] * (fusions * len(shifted)))
        return largest_sum(self._model, name, parts, shifted, lambda kind, k, j: f"{name}/{kind}{k}_{j}")

    def _shifted(self, x: str, j: int) -> str:
        source = self._shift_max.sources[j]
        if np.array_equal(source, np.arange(self._shift_max.width)):
            return x
        return self._model.picked(f"{self._name}/shifted{j}", x, source)

    def _multiplied(self, x: str, squeezed: str) -> str:
        """As products of small matrices [k, j], one for each channel of each image.

        For a fixed batch it is a convolution with that many groups, which is faster.
        """
        write, name, reshaped = self._model.operator, self._name, self._model.reshaped
        _, c, h, w = self._shape
        k, j = self._shift_max.region.composite.fusions, len(self._shift_max.sources)
        x = self._model.picked(f"{name}/shifted", x, np.stack(self._shift_max.sources, axis=1).ravel())
        matrices = self._coefficients(squeezed, by_channel=True)
        if self._batch is None:
            pixels = reshaped(f"{name}/pixels", x, 0, c, j, h * w)
            matrices = reshaped(f"{name}/matrices", matrices, 0, c, k, j)
            y = write("MatMul", f"{name}/sums", [matrices, pixels])
        else:
            groups = self._batch * c
            x = x if self._batch == 1 else reshaped(f"{name}/images", x, 1, groups * j, h, w)
            matrices = reshaped(f"{name}/matrices", matrices, groups * k, j, 1, 1)
            y = write("Conv", f"{name}/sums", [x, matrices], group=groups, kernel_shape=[1, 1])
        if k > 1:
            y = reshaped(f"{name}/fusions", y, self._batch or 0, c, k, h * w)
            y = write("ReduceMax", f"{name}/largest", [y], axes=[2], keepdims=0)
        return reshaped(name, y, self._batch or 0, c, h, w)

    def _coefficients(self, squeezed: str, *, by_channel: bool) -> str:
        """All coefficients at once: [n, c * k * j], or [n, k * j * c] if not by channel."""
        name, axis = self._name, 1 if by_channel else 0
        nodes, convs, clips = zip(*self._shift_max.coefficients, strict=True)
        biases = np.stack([bias_of(conv).numpy() for conv in convs], axis)
        lows = np.array([clip.min_val for clip in clips], np.float32)
        lows = np.broadcast_to(np.expand_dims(lows, 1 - axis), biases.shape)
        weight = np.stack([conv.weight.detach().numpy()[:, :, 0, 0] for conv in convs], axis)
        integer = all(tensor_name(node) in self._integer_weights for node in nodes)
        store = self._model.integer_weight if integer else self._model.weight
        constants = [
            store(f"{name}/excite/weight", weight.reshape(-1, weight.shape[-1]), transposed=True),
            self._model.constant(f"{name}/excite/bias", (biases - lows).ravel()),
        ]
        y = self._model.operator("Gemm", f"{name}/excite", [squeezed, *constants])
        bounds = [
            self._model.row_of_one(f"bound/{bound:.9g}", bound)
            for bound in (0.0, clips[0].max_val - clips[0].min_val)
        ]
        y = self._model.operator("Clip", f"{name}/gate", [y, *bounds])
        low = self._model.constant(f"{name}/low", lows.ravel())
        return self._model.operator("Add", f"{name}/coefficients", [y, low])
