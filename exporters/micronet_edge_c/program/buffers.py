"""Buffers: the tensors of a C file, each a map of pixels with adjacent channels."""

from dataclasses import dataclass, field

INT8, UINT8, INT16, UINT16, INT32, FLOAT = "int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "float"

_ELEMENT_BYTES = {INT8: 1, UINT8: 1, INT16: 2, UINT16: 2, INT32: 4, FLOAT: 4}

ALIGNMENT = 16
"""Bytes: the width of the widest vectors that kernels load."""


@dataclass(frozen=True, slots=True)
class Border:
    """The pixels around a map that hold its zero point, which is what a convolution's padding reads."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __or__(self, other: "Border") -> "Border":
        """The smallest border that has both."""
        return Border(
            max(self.top, other.top),
            max(self.bottom, other.bottom),
            max(self.left, other.left),
            max(self.right, other.right),
        )

    def __bool__(self) -> bool:
        return any((self.top, self.bottom, self.left, self.right))


NO_BORDER = Border()


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """The memory of a tensor.

    Attributes:
        name: the tensor's name, unique in its program.
        ctype: the C type of an element.
        channels: elements of a pixel, which are adjacent.
        height: rows, without the border.
        width: pixels of a row, without the border.
        border: around the map.
        in_arena: whether it lies in the arena; the image and the scores do not.
    """

    name: str
    ctype: str
    channels: int
    height: int = 1
    width: int = 1
    border: Border = field(default=NO_BORDER)
    in_arena: bool = True

    @property
    def element_bytes(self) -> int:
        return _ELEMENT_BYTES[self.ctype]

    @property
    def pixel_bytes(self) -> int:
        return self.channels * self.element_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row without its border."""
        return self.width * self.pixel_bytes

    @property
    def pitch(self) -> int:
        """Bytes from a pixel to the one below it."""
        return (self.border.left + self.width + self.border.right) * self.pixel_bytes

    @property
    def start(self) -> int:
        """Bytes from the start of the memory to the first pixel inside the border."""
        return self.border.top * self.pitch + self.border.left * self.pixel_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of the memory, rounded up so that buffers side by side stay aligned."""
        exact = (self.border.top + self.height + self.border.bottom) * self.pitch
        return -(-exact // ALIGNMENT) * ALIGNMENT

    @property
    def elements(self) -> int:
        """Elements of the tensor, without the border."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """An array in the file; `lines` are the C text of its elements, `elements` those of the tensor it holds.

    `layer` is the layer that it belongs to. `weighs` says whether it holds weights rather than tables.
    """

    name: str
    ctype: str
    lines: tuple[str, ...]
    layer: str
    elements: int
    weighs: bool = True
