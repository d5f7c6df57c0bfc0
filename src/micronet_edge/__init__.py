"""micronet-edge: PyTorch MicroNet to ONNX and TFLite files that compute the same function, fast."""

from importlib import import_module
from typing import TYPE_CHECKING

from micronet_edge.errors import MicronetEdgeError

if TYPE_CHECKING:
    from micronet_edge import kernels
    from micronet_edge.exporting import export
    from micronet_edge.settings import ExportSettings
    from micronet_edge.targets import read_metadata
    from micronet_edge.written_files import Exported

__all__ = ["ExportSettings", "Exported", "MicronetEdgeError", "export", "kernels", "read_metadata"]

_HOMES = {
    "ExportSettings": "micronet_edge.settings",
    "Exported": "micronet_edge.written_files",
    "export": "micronet_edge.exporting",
    "read_metadata": "micronet_edge.targets",
}

_PACKAGES = {"kernels"}


def __getattr__(name: str) -> object:
    """Loads torch only when something that needs it is asked for: `--help` must answer at once."""
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    return found
