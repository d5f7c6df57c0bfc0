"""What several targets share: batches, the checks of a file's inputs and operators."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from torch import fx

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Signature
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import inputs, results
from micronet_edge.quantization.recipe import INT8
from micronet_edge.settings import Pixels
from micronet_edge.targets.protocol import (
    FLOAT32,
    INT8_IO,
    UINT8_IO,
    Ends,
    ExportSpec,
    Logits,
    Memory,
    Reader,
    Target,
)
from micronet_edge.util.text import plural

Tensor = TypeVar("Tensor")


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


def check_signature(network: fx.GraphModule, signature: Signature) -> None:
    """Raises TargetError unless the signature names each input and output of the network."""
    names = [[spec.name for spec in specs] for specs in (signature.inputs, signature.outputs)]
    counts = [len(each) for each in (inputs(network), results(network))]
    if counts != [len(each) for each in names]:
        has = f"{plural(counts[0], 'input')} and {plural(counts[1], 'output')}"
        raise TargetError(
            f"the network has {has}, its signature names {', '.join(names[0])} and {', '.join(names[1])}: "
            "name all of them"
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


def check_ends(spec: ExportSpec) -> None:
    """Raises TargetError on an input or output that no format has in this precision."""
    ends, images = spec.ends, spec.metadata.takes_images
    if ends.io not in {FLOAT32, INT8_IO, UINT8_IO}:
        raise TargetError(f"--io {ends.io}: give float32, uint8 or int8")
    if ends.io == INT8_IO and spec.precision != INT8:
        raise TargetError(f"--io int8 is for --precision int8, not {spec.precision}: give uint8 or float32")
    if ends.pixels != "normalized" and ends.io != FLOAT32:
        raise TargetError(f"--io {ends.io} takes pixels as they are: leave --pixels out")
    if (ends.pixels != "normalized" or ends.io == UINT8_IO) and not images:
        option = "--io uint8" if ends.io == UINT8_IO else f"--pixels {ends.pixels}"
        raise TargetError(f"{option} is for networks that take images: leave it out")
    if spec.naive and ends != Ends():
        raise TargetError(
            "a naive file has the ends that the usual converters give it: leave --io, --pixels, --scores and "
            "--layout out, or --naive"
        )


def check_memory(target: Target, spec: ExportSpec) -> None:
    """Raises TargetError on limits of memory for a target that does not plan any."""
    if spec.memory != Memory() and not getattr(target, "plans_memory", False):
        raise TargetError(
            f"--sram and --weights-section are for C files, not for {target.name}: leave them out, or give "
            "--format c"
        )


def unprovable(target: Reader) -> str | None:
    """Why this machine cannot run files of the target, and so not prove them; None if it can."""
    return cast("Target", target).cannot_prove() if hasattr(target, "cannot_prove") else None


def check_provable(targets: Sequence[Target], *, unproven: bool) -> None:
    """Raises TargetError on a target whose files cannot be proven here, unless they may stay unproven."""
    if unproven and not any(hasattr(target, "cannot_prove") for target in targets):
        raise TargetError("--unproven is for C files: leave it out, or give --format c")
    for reason in () if unproven else filter(None, map(unprovable, targets)):
        raise TargetError(f"{reason}, or write the file --unproven")


def as_written(
    spec: ExportSpec, layout: str, *, io: str | None = None, pixels: Pixels | None = None
) -> FileMetadata:
    """The spec's metadata, completed with what only the target knows: layout, and ends that differ."""
    io = io or spec.ends.io
    pixels = pixels or ("raw" if io != FLOAT32 else spec.ends.pixels)
    return replace(spec.metadata, layout=layout, io=io, pixels=pixels)
