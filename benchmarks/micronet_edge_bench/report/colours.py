"""Colours of precisions and kinds of layer, as CSS classes; names of files never become classes."""

from collections.abc import Iterable

from micronet_edge.util.safe_text import escape
from micronet_edge_bench.layer_names import Kind
from micronet_edge_bench.results import FileResult

_PRECISIONS = {"float32": "float32", "float16": "float16", "int8": "int8", "int8-a16": "int8a16"}
_UNKNOWN = "unknown"

KIND_CLASSES = {
    Kind.STEM: "stem",
    Kind.POINTWISE: "pointwise",
    Kind.DEPTHWISE: "depthwise",
    Kind.COEFFICIENTS: "coefficients",
    Kind.APPLICATION: "application",
    Kind.FUSED: "fused",
    Kind.SHUFFLE: "shuffle",
    Kind.RESIDUAL: "residual",
    Kind.HEAD: "head",
    Kind.CONVOLUTION: "pointwise",
    Kind.ELEMENTWISE: "application",
    Kind.POOLING: "depthwise",
    Kind.MOVING: "shuffle",
    Kind.INPUT_OUTPUT: "overhead1",
    Kind.ROUNDING: "overhead2",
    Kind.LAYOUT: "overhead3",
    Kind.OTHER: "overhead4",
}
"""Classes by kind of layer. The runtime's own work is grey; the second four are for files without names."""


def precision_class(file: FileResult) -> str:
    """The CSS class of a file's precision."""
    return _PRECISIONS.get(file.precision or "", _UNKNOWN)


def legend(files: Iterable[FileResult]) -> str:
    """The legend of these files' colours; empty if there is only one."""
    found: dict[str, str] = {}
    for file in files:
        naive = " naive" if file.naive else ""
        named = f"{file.precision or 'precision unknown'}{', naive' if file.naive else ''}"
        found.setdefault(f"{precision_class(file)}{naive}", named)
    return swatches(found.items()) if len(found) > 1 else ""


def swatches(entries: Iterable[tuple[str, str]]) -> str:
    """Classes and their meanings, in a line."""
    each = "".join(f'<li class="{kind}"><i></i>{escape(words)}</li>' for kind, words in entries)
    return f'<ul class="legend">{each}</ul>'
