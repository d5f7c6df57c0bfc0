"""Whether onnx2tf is here, which comparisons and unknown layers need and nothing else does."""

from importlib.util import find_spec

from micronet_edge.errors import TargetError
from micronet_edge.util.extras import PROVIDERS, advice

_CONVERTER = "onnx2tf"
_NEEDED = (_CONVERTER, "tensorflow")


def require_converter(purpose: str, otherwise: str) -> None:
    """Checks that the converter can run, which costs nothing, before any work is done for it.

    Args:
        purpose: What needs the converter, to begin the message with.
        otherwise: What to do without it.

    Raises:
        TargetError: If it is not installed, with the line that installs it.
    """
    for package in _NEEDED:
        if find_spec(package) is None:
            raise TargetError(
                f"{purpose} needs {package}, which is not installed: {advice(PROVIDERS[_CONVERTER])}, or "
                f"{otherwise}"
            )
