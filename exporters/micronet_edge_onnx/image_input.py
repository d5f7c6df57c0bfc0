"""How an ONNX file takes images: normalized or as pixels, as numbers of which type, in which order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.pixels import BYTE, as_numbers
from micronet_edge.data.preprocessing import Images

_TO_LAST, _FROM_LAST = (0, 2, 3, 1), (0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class ImageInput:
    """What a file takes in the place of normalized images [n, c, h, w].

    `metadata` is what the file says of itself; None of a file of others, or of one that takes no images.
    """

    metadata: FileMetadata | None = None

    def array(self, images: Images) -> NDArray[np.generic]:
        """The images as the file takes them; of bytes, the nearest ones."""
        if self.metadata is None:
            return np.ascontiguousarray(images)
        numbers: NDArray[np.generic] = as_numbers(images, self.metadata)
        if self.metadata.io != "float32":
            numbers = np.rint(numbers).clip(0, BYTE).astype(self.metadata.io)
        return np.ascontiguousarray(numbers.transpose(_TO_LAST) if self._is_last else numbers)

    def shape(self, own: tuple[int, ...]) -> tuple[int, ...]:
        """The shape [n, c, h, w] of images for a file whose input has this one."""
        return (
            tuple(own[axis] for axis in _FROM_LAST) if self._is_last and len(own) == len(_FROM_LAST) else own
        )

    @property
    def _is_last(self) -> bool:
        """Whether the channels come last."""
        return self.metadata is not None and self.metadata.layout == "NHWC"
