"""Options that describe a file of another tool, which does not state its preprocessing and labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from micronet_edge.cli.options import as_given, input_shapes, three_numbers, whole_number

_PANEL = "For files of other tools (--labels for any)"


def _option(help_text: str, metavar: str | None = None, **more: Any) -> Any:  # noqa: ANN401 - typer's own
    return typer.Option(metavar=metavar, help=help_text, rich_help_panel=_PANEL, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOptions:
    """What the user says of a file."""

    labels: Annotated[Path | None, _option("Text file with one label per line, in class order.", "FILE")] = (
        None
    )
    input_size: Annotated[
        int | None, _option("Side of the square input image.", "PIXELS", parser=whole_number)
    ] = None
    input_shape: Annotated[
        list[str] | None,
        _option("Shape of an image that is no square of three colours.", "C,H,W"),
    ] = None
    resize: Annotated[
        int | None,
        _option("Length of the short side before the crop.", "PIXELS", parser=whole_number),
    ] = None
    crop: Annotated[float | None, _option("Input height divided by --resize; replaces it.", "SHARE")] = None
    interpolation: Annotated[
        Literal["bilinear", "bicubic"] | None, _option("Interpolation when images are resized.")
    ] = None
    mean: Annotated[str | None, _option("Mean of the pixels, scaled to 0..1.", "M[,M,M]")] = None
    std: Annotated[str | None, _option("Standard deviation of the pixels, scaled to 0..1.", "S[,S,S]")] = None
    color_order: Annotated[
        Literal["rgb", "bgr", "gray"] | None, _option("Order of the colour channels.", case_sensitive=False)
    ] = None

    def settings(self) -> dict[str, Any]:
        """The keyword arguments for the settings."""
        given = as_given(self)
        return given | {
            "input_shapes": input_shapes(given.pop("input_shape") or ()),
            "mean": three_numbers(self.mean, "--mean"),
            "std": three_numbers(self.std, "--std"),
            "color_order": None if self.color_order is None else self.color_order.upper(),
        }
