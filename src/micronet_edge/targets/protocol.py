"""The seam between the network and the file formats: what a target must offer, and who offers it.

A target registers an object of this shape under the entry-point group `micronet_edge.targets`. Ours
(onnx, tflite) come in by the same door as a stranger's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import nn

from micronet_edge.counting.count import Count
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.lowering import SHIPPED, Pass, Tuning
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.targets.unchanged import check_unchanged
from micronet_edge.util.journal import settle
from micronet_edge.util.text import plural
from micronet_edge.util.user_files import NETWORK, check_file

Tensor = TypeVar("Tensor")

ENTRY_POINTS = "micronet_edge.targets"
FLOAT32 = "float32"
FLOAT16 = "float16"
"""Weights stored in 16 bits; what is computed stays in float32."""
INT8_IO = "int8"

Logits = Float32[np.ndarray, "n classes"]


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """What to write: `batch` images at a time (None: any number), `input_size` px square.

    `naive` writes the network as it was trained, for comparison. `portable` avoids operators that
    are fast in the target's own runtime but slow or missing in others. `precision` is one of the
    target's; `io` is what the file takes and gives, float32, or int8 where the target can do that.
    `tuning` says what operators cost where the file will run. `fused` writes each activation as a node for
    our own kernels where plain operators would hide it from them.
    """

    input_size: int
    batch: int | None
    naive: bool
    portable: bool
    metadata: FileMetadata
    precision: str = FLOAT32
    io: str = FLOAT32
    tuning: Tuning = SHIPPED
    fused: bool = False


class Session(Protocol):
    """An open file, ready to run in the target's own runtime."""

    def run(self, images: Images) -> Logits:
        """The logits of images [n, 3, size, size], any n."""

    def prepared(self, images: Images) -> Callable[[], Logits]:
        """One inference on these images, as many as the file takes, with nothing else in it to time.

        The session holds one such input at a time: a second call makes the first one's result stale.
        """

    def input_array(self, images: Images) -> NDArray[np.generic]:
        """The images as the file's input holds them: in its own layout and numbers."""

    def operators(self) -> Mapping[str, int]:
        """How often each plain operator stands in the file."""

    @property
    def fused(self) -> int:
        """How many Dynamic Shift-Max activations run in our own kernels."""


class Reader(Protocol):
    """What opens a format's files and reads what they say."""

    name: str
    suffix: str

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        """Opens a file in the runtime, with our own kernels where they are at hand or with none."""

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        """What the target's rules forbid and the file holds, in words; empty for a clean file.

        Given the file, open in the runtime's own kernels, and its plain operators.
        """

    def read_metadata(self, path: Path) -> FileMetadata:
        """What was written into the file about itself."""

    def count(self, path: Path) -> Count:
        """What one inference of the file costs, counted from its own graph."""


class Target(Reader, Protocol):
    """A file format with its runtime."""

    precisions: tuple[str, ...]
    modules: tuple[str, ...]
    """What must load for a file to be written and proven."""

    def check(self, spec: ExportSpec) -> None:
        """Raises TargetError on a spec that the format cannot hold."""

    def pipeline(self, spec: ExportSpec) -> tuple[Pass, ...]:
        """The passes that make a network ready for this target."""

    def export(self, network: nn.Module, spec: ExportSpec, path: Path) -> None:
        """Writes the network to `path`."""

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        """The network as the target writes it, perhaps with more layers in float."""

    def quantize(self, quantized: QuantizedNetwork, spec: ExportSpec, path: Path) -> None:
        """Writes a quantized network, in the target's integer form, to `path`."""

    def converter_baseline(self, network: nn.Module, images: Images, spec: ExportSpec, path: Path) -> None:
        """Writes what the target's usual tools make of the network as trained, calibrated on the images."""

    def for_kernels(self, path: Path) -> bytes:
        """The file as the runtime needs it to run our kernels, where that is not the file as it is."""


def target_names() -> tuple[str, ...]:
    """The names of all installed targets."""
    return tuple(sorted(point.name for point in entry_points(group=ENTRY_POINTS)))


def find_target(name: str) -> Target:
    """The installed target of that name.

    Raises TargetError on a name that no installed package offers.
    """
    for point in entry_points(group=ENTRY_POINTS, name=name):
        try:
            target: Target = point.load()
        except Exception as error:  # a stranger's module can fail in any way
            raise TargetError(
                f"format {name!r} cannot be loaded from {point.value} ({error}): install its package again"
            ) from error
        return target
    raise TargetError(f"unknown format {name!r}: choose from {', '.join(target_names())}")


def load_runtimes(targets: Sequence[Target]) -> None:
    """Loads what the targets need, before any work is done that would be lost without.

    Raises TargetError, which names the formats that can be written, where something is not installed.
    """
    missing = {target.name: _missing(target) for target in targets}
    ready = " ".join(f"--format {name}" for name, error in missing.items() if error is None)
    for name, error in missing.items():
        if error is not None:
            raise TargetError(
                f"format {name} cannot be written and proven ({error}): pip install 'micronet-edge[{name}]'"
                + (f", or write the others alone with {ready}" if ready else "")
            ) from error


def _missing(target: Target) -> Exception | None:
    try:
        for module in getattr(target, "modules", ()):  # strangers' targets need not say
            import_module(module)
    except Exception as error:  # noqa: BLE001 - a broken installation fails in any way
        return error
    return None


def target_of(path: Path) -> Target:
    """The target whose suffix the file has.

    Raises TargetError on a suffix that no installed target writes.
    """
    targets = []
    for name in target_names():
        with suppress(TargetError):  # a target that cannot be loaded is no reason to refuse another's file
            targets.append(find_target(name))
    for target in targets:
        if path.suffix == target.suffix:
            return target
    known = ", ".join(target.suffix for target in targets)
    raise TargetError(
        f"{path}: no installed target reads {path.suffix or 'files without suffix'}: give a file ending in "
        f"{known}"
    )


def read_metadata(path: Path | str) -> FileMetadata:
    """What a file of any target says of itself: labels, preprocessing, variant and origin.

    Raises TargetError on a file that is missing, is not what its manifest says, or was not written by this
    tool.
    """
    path = Path(path)
    settle(path.parent)  # who asks will read the files beside it as well
    check_file(path, NETWORK)
    check_unchanged(path)
    return target_of(path).read_metadata(path)


def in_batches(images: Images, batch: int | None, run: Callable[[Images], Logits]) -> Logits:
    """Runs any number of images through a session that takes `batch` at a time (None: any number)."""
    return np.concatenate([run(part)[:count] for part, count in _parts(images, batch or len(images))])


def _parts(images: Images, batch: int) -> Iterator[tuple[Images, int]]:
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        missing = batch - len(part)
        yield np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]), len(part)


def only_ones(path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The one input and the one output of a file, whatever its runtime calls them.

    Raises TargetError on a file that has more or none.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        found = f"{plural(len(inputs), 'input')} and {plural(len(outputs), 'output')}"
        raise TargetError(f"{path} has {found}, not one of each: only such files can be run here")
    return inputs[0], outputs[0]


def check_shape(path: Path, images: Images, expected: tuple[int, ...]) -> None:
    """Raises TargetError unless the images [n, c, h, w] have the file's channels, height and width."""
    if images.shape[1:] != expected:
        raise TargetError(
            f"{path} takes images of shape {list(expected)}, not {list(images.shape[1:])}: preprocess them "
            "as its metadata says, or give its own --input-size"
        )


def forbidden_operators(operators: Mapping[str, int], allowed: set[str]) -> list[str]:
    """The operators of a file that a target does not allow, in words."""
    return [
        f"{count} {name}, not on the list of allowed operators"
        for name, count in operators.items()
        if name not in allowed
    ]


def check_precision(target: Target, spec: ExportSpec) -> None:
    """Raises TargetError on a precision that the target does not write."""
    if spec.precision not in target.precisions:
        raise TargetError(
            f"{target.name} files have no precision {spec.precision}: choose from "
            f"{', '.join(target.precisions)}, or leave --format {target.name} out"
        )


def as_written(spec: ExportSpec, layout: str) -> FileMetadata:
    """The spec's metadata, completed with what only the target knows."""
    return replace(spec.metadata, layout=layout)
