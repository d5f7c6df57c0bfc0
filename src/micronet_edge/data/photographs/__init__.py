"""The bundled photographs, on which every pass and every file is proven."""

from importlib.resources import files
from pathlib import Path


def photographs() -> list[Path]:
    """The paths of the photographs, in a fixed order."""
    folder = files(__package__)
    return sorted(Path(str(item)) for item in folder.iterdir() if item.name.endswith(".jpg"))
