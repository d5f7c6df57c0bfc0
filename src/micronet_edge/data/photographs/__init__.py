"""Real images that come with the package: every pass and every file is proven on them."""

from importlib.resources import files
from pathlib import Path


def photographs() -> list[Path]:
    """The photographs, always in the same order."""
    folder = files(__package__)
    return sorted(Path(str(item)) for item in folder.iterdir() if item.name.endswith(".jpg"))
