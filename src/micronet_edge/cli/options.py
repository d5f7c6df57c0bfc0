"""Options that several commands have."""

from typing import Annotated, Literal

import typer

KernelsOption = Annotated[
    Literal["auto", "off"],
    typer.Option(help="Our fused kernels where they are at hand, or the runtime's own alone."),
]

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
