"""The members of the structs that kernels take, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from micronet_edge_c.program.steps import Argument, Step, Struct


@dataclass(frozen=True, slots=True)
class Shape:
    """A kernel's function, and the struct that holds its shape: its C type and the names of its members."""

    function: str
    ctype: str
    members: tuple[str, ...]

    def struct(self, values: Mapping[str, int]) -> Struct:
        """The struct with these values. Raises KeyError if one is missing."""
        return Struct(self.ctype, tuple(values[name] for name in self.members))


LINES = Shape(
    "micronet_depthwise_lines",
    "micronet_lines",
    (
        *("channels", "multiplier", "taps", "stride", "length", "lines"),
        *("x_step", "x_line", "y_step", "y_line", "wide_x", "wide_y"),
    ),
)
WINDOW = Shape(
    "micronet_convolution",
    "micronet_window",
    (
        *("ci", "co", "groups", "kernel_h", "kernel_w", "stride_h", "stride_w", "top", "left", "rows_in"),
        *("columns_in", "rows", "columns", "x_pitch", "y_pitch", "above", "is_unsigned", "wide_y"),
    ),
)


def member(step: Step, shape: Shape, name: str) -> int:
    """A member of the struct that the step's kernel takes."""
    return _struct(step, shape).values[shape.members.index(name)]


def with_members(step: Step, shape: Shape, changed: Mapping[str, int]) -> Step:
    """The step with other values for some members of its struct."""
    struct = _struct(step, shape)
    values = tuple(changed.get(name, value) for name, value in zip(shape.members, struct.values, strict=True))
    arguments: tuple[Argument, ...] = tuple(
        replace(each, values=values) if each is struct else each for each in step.arguments
    )
    return replace(step, arguments=arguments)


def _struct(step: Step, shape: Shape) -> Struct:
    return next(each for each in step.arguments if isinstance(each, Struct) and each.ctype == shape.ctype)
