"""How far the outputs of a quantized network are from float32, added up batch by batch."""

from collections.abc import Sequence

import torch
from torch import Tensor


class OutputNoise:
    """The noise in the outputs relative to their signal, and the classes of logits.

    Noise and signal of logits [n, classes] are those without what all classes share. Each of several outputs
    counts alike, however large its numbers are.
    """

    def __init__(self, *, of_logits: bool) -> None:
        self._of_logits = of_logits
        self._signal: list[float] = []
        self._noise: list[float] = []
        self._classes: list[Tensor] = []

    def take(self, exact: Sequence[Tensor], found: Sequence[Tensor]) -> None:
        """Adds a batch: the outputs in float32, and those of the quantized network."""
        if not self._signal:
            self._signal, self._noise = [0.0] * len(exact), [0.0] * len(exact)
        for number, (value, other) in enumerate(zip(exact, found, strict=True)):
            signal, error = self._centred(value), self._centred(other - value)
            self._signal[number] += float(signal.square().sum(dtype=torch.float64))
            self._noise[number] += float(error.square().sum(dtype=torch.float64))
        if self._of_logits:
            self._classes.append(found[0].argmax(1))

    @property
    def relative(self) -> float:
        """The power of the noise relative to that of the signal, the mean over the outputs."""
        parts = [
            noise / max(signal, torch.finfo(torch.float32).tiny)
            for signal, noise in zip(self._signal, self._noise, strict=True)
        ]
        return sum(parts) / len(parts)

    @property
    def classes(self) -> Tensor | None:
        """The class of each sample, [n]; None unless the output are logits."""
        return torch.cat(self._classes) if self._of_logits else None

    def _centred(self, values: Tensor) -> Tensor:
        return values - values.mean(1, keepdim=True) if self._of_logits else values
