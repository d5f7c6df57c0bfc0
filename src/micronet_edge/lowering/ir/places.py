"""Where in the user's source a node comes from, and what errors call it."""

import sys
from pathlib import Path
from types import FrameType

import torch
from torch import fx

PLACE = "place"
"""The key in a node's meta for its place in the user's source."""

OWNER = "owner"
"""The key in a node's meta for the path of the module whose forward made the node."""

_NOT_WRITTEN = (f"{Path(torch.__file__).parent.as_posix()}/", "<@", "<eval_with_key", "<string>")
"""How the files of frames begin that nobody who builds a network wrote: PyTorch's, and made functions."""

_HERE = "/".join(Path(__file__).parts[-4:-2])  # micronet_edge/lowering


def place_now() -> str | None:
    """The nearest line of the call stack, as file.py:line, that is neither PyTorch's nor the tracer's.

    None where the network is built of torch.nn alone: the stack then ends in the tracer.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as the standard library finds callers
    while frame is not None:
        path, name = Path(frame.f_code.co_filename).as_posix(), frame.f_code.co_name
        if _HERE in path and name == "trace":
            return None
        if not path.startswith(_NOT_WRITTEN) and f"{_HERE}/" not in path:
            return f"{Path(path).name}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def place_of(node: fx.Node) -> str | None:
    """The node's place in the user's source, as file.py:line."""
    place: str | None = node.meta.get(PLACE)
    return place


def owner_of(node: fx.Node) -> str:
    """The path of the module whose forward made the node; empty for the network itself."""
    owner: str = node.meta.get(OWNER, "")
    return owner


def called(node: fx.Node) -> str:
    """The name of the function or method, or the path of the layer, that the node calls."""
    target = node.target
    return target if isinstance(target, str) else getattr(target, "__name__", str(target))


def described(node: fx.Node) -> str:
    """The node as errors name it: what it calls, its path, and its place in the user's source."""
    whole = node.op in {"call_module", "placeholder"}
    path = called(node) if whole else "/".join(filter(None, (owner_of(node), called(node))))
    place = place_of(node)
    return path if place is None else f"{path} ({place})"
