"""Validation batches that stay in memory where they are small, so that they are decoded once."""

from collections.abc import Iterator

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.training.batches import Batch
from micronet_edge.training.loader import ValidationLoader

MOST_KEPT_BYTES = 512 << 20
"""1,100 images of 224 px, or 4,800 of 96 px: what takes longer to decode than a CPU needs for the network."""

_BYTES_PER_PIXEL = 3 * 4


class KeptBatches:
    """The batches of a loader, kept from the first time on if all of them are small enough."""

    def __init__(self, loader: ValidationLoader, images: int, preprocessing: Preprocessing) -> None:
        self._loader = loader
        self._keeps = images * preprocessing.size**2 * _BYTES_PER_PIXEL <= MOST_KEPT_BYTES
        self._kept: list[Batch] = []

    def __iter__(self) -> Iterator[Batch]:
        if self._kept:
            yield from self._kept
            return
        kept = []
        for batch in self._loader:
            if self._keeps:
                kept.append(batch.own())
            yield batch
        self._kept = kept
        if self._keeps:
            self._loader.close()

    def close(self) -> None:
        """Ends the loader's processes."""
        self._loader.close()
