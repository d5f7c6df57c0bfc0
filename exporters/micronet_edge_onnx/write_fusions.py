"""Writes fusions of shifted inputs in float, in the form that is fastest for the size of their map."""

from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np

from micronet_edge.lowering.convolutions import bias_of
from micronet_edge.quantization.rounded_tensors import tensor_name
from micronet_edge_onnx.find_fusions import Fusions
from micronet_edge_onnx.model_writer import ModelWriter

SMALL_MAP, MIDDLING_MAP = 64, 256
"""Pixels below which ONNX Runtime fuses faster element by element than with a product for each channel.

A product costs 0.1 us whatever its size. What an integer operator gives is read as often as there are
operators that read it, each with a conversion to float of its own: there only the smallest maps pay.
"""


@dataclass(frozen=True, slots=True)
class FusionWriter:
    """Adds the fusions of one tensor to a graph.

    `name` is that of the result, `shape` its own for one image, `batch` None for any number of them;
    `x` and `squeezed` are the tensors that the fusions read. `integer_weights` are the convolutions whose
    weights are stored in integers.
    """

    _writer: ModelWriter
    _fusions: Fusions
    _name: str
    _shape: tuple[int, ...]
    _batch: int | None
    _integer_weights: frozenset[str]

    def write(self, x: str, squeezed: str, *, of_integers: bool) -> str:
        """The result; `of_integers` says that an integer operator gives x."""
        sums = self._sums(of_integers=of_integers)
        return self._summed(x, squeezed) if sums else self._multiplied(x, squeezed)

    def _sums(self, *, of_integers: bool) -> bool:
        # A matrix for each channel wants its channels side by side, which only a Gather puts there.
        return not self._writer.gathers or prod(self._shape[2:]) < (
            SMALL_MAP if of_integers else MIDDLING_MAP
        )

    def _summed(self, x: str, squeezed: str) -> str:
        """Element by element, each shifted input picked once."""
        write, name, sums = self._writer.operator, self._name, []
        shifted = [self._shifted(x, j) for j in range(len(self._fusions.sources))]
        fusions = range(len(self._fusions.coefficients))
        coefficients = self._coefficients(squeezed, by_channel=False)
        pixel = self._writer.reshaped(f"{name}/pixel", coefficients, 0, -1, 1, 1)
        sizes = [self._shape[1]] * (len(fusions) * len(shifted))
        gates = iter(self._writer.split(f"{name}/split", pixel, sizes))
        for k in fusions:
            total = ""
            for j, term in enumerate(shifted):
                product = write("Mul", f"{name}/product{k}_{j}", [next(gates), term])
                total = write("Add", f"{name}/sum{k}_{j}", [total, product]) if total else product
            sums.append(total)
        return write("Max", name, sums) if len(sums) > 1 else sums[0]

    def _shifted(self, x: str, j: int) -> str:
        source = self._fusions.sources[j]
        if np.array_equal(source, np.arange(self._fusions.width)):
            return x
        return self._writer.picked(f"{self._name}/shifted{j}", x, source)

    def _multiplied(self, x: str, squeezed: str) -> str:
        """As products of small matrices [k, j], one for each channel of each image.

        For a given number of images that is a convolution in as many groups, which is faster.
        """
        write, name, reshaped = self._writer.operator, self._name, self._writer.reshaped
        _, c, h, w = self._shape
        k, j = len(self._fusions.coefficients), len(self._fusions.sources)
        x = self._writer.picked(f"{name}/shifted", x, np.stack(self._fusions.sources, axis=1).ravel())
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
        name, coefficients = self._name, list(chain(*self._fusions.coefficients))
        axis = 1 if by_channel else 0
        biases = np.stack([bias_of(each.excite).numpy() for each in coefficients], axis)
        lows = np.array([each.clip.min_val for each in coefficients], np.float32)
        lows = np.broadcast_to(np.expand_dims(lows, 1 - axis), biases.shape)
        weight = np.stack([each.excite.weight.detach().numpy()[:, :, 0, 0] for each in coefficients], axis)
        integer = all(tensor_name(each.node) in self._integer_weights for each in coefficients)
        store = self._writer.integer_weight if integer else self._writer.weight
        constants = [
            store(f"{name}/excite/weight", weight.reshape(-1, weight.shape[-1]), transposed=True),
            self._writer.constant(f"{name}/excite/bias", (biases - lows).ravel()),
        ]
        y = self._writer.operator("Gemm", f"{name}/excite", [squeezed, *constants])
        y = self._writer.clipped(f"{name}/gate", y, 0.0, self._fusions.span)
        low = self._writer.constant(f"{name}/low", lows.ravel())
        return self._writer.operator("Add", f"{name}/coefficients", [y, low])
