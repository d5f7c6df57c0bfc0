"""The files to measure, each with its input array."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.image_files import image_files
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.targets.isolated_targets import PATIENCE_SECONDS, Errand, asked, given_target
from micronet_edge.targets.isolation import process_for
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import target_of
from micronet_edge.targets.session_protocol import Reader
from micronet_edge.targets.unchanged import check_unchanged
from micronet_edge.util.user_files import NETWORK, check_file
from micronet_edge_bench.distinct_names import distinct_names
from micronet_edge_bench.runner.runtimes import RuntimeUnusableError, runtime_for
from micronet_edge_bench.runner.runtimes.checks import SEED, random_array


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFile:
    """A file, its unique name, and its input array, which `input` describes.

    `madds` are the multiply-adds of its convolutions and matrix products, None if they cannot be counted.
    `kernels` says whether the fused kernels may run it.
    """

    name: str
    path: Path
    format: str
    metadata: FileMetadata | None
    array: NDArray[np.generic]
    input: str
    madds: int | None
    kernels: Kernels = "off"


def prepare(
    paths: Sequence[Path], images: Path | None = None, *, random: bool = False, own: bool = False
) -> list[PreparedFile]:
    """Opens every file once and makes its input.

    Given    files of any runtime that the bench knows; `images`, a folder whose first images are the input;
             the default is a bundled photograph. `random` numbers from a fixed seed are for files without
             images, or on request for all, and for all inputs of a file but the first. `own` files were just
             written here and open in this process.
    Raises   SettingsError on a file given twice and on a folder without images; TargetError on a file that
             is not a network or cannot be measured, and if `images` are given for a file without
             preprocessing.
    """
    names = distinct_names(paths)
    chosen = image_files(images) if images is not None else photographs()
    origin = "the package's photographs" if images is None else images.resolve().name
    return [
        _prepare(path, name, None if random else chosen, origin, must=images is not None, own=own)
        for path, name in zip(paths, names, strict=True)
    ]


def _prepare(
    path: Path, name: str, chosen: list[Path] | None, origin: str, *, must: bool, own: bool
) -> PreparedFile:
    target = target_of(path) if own else _checked(path)
    shape, dtype = _input_of(path, own=own)
    kind = runtime_for(path).SUFFIXES[0].lstrip(".")
    metadata = None
    with suppress(TargetError):  # files of other tools can be measured as well
        metadata = read_metadata(path)
    takes_images = metadata is not None and metadata.takes_images
    if not takes_images and must:
        why = (
            "does not state its preprocessing, as files of this tool do"
            if metadata is None
            else "takes no images"
        )
        raise TargetError(f"{path} {why}: give --input random")
    if metadata is None or chosen is None or not takes_images:
        array, words = random_array(shape, dtype), f"random numbers, seed {SEED}"
    else:
        assert target is not None  # the metadata comes from it
        array, taken = _image_array(path, target, metadata.preprocessing, chosen, shape[0])
        words = f"{taken} of {origin}"
    return PreparedFile(name, path, kind, metadata, array, words, _madds(path, target))


def _checked(path: Path) -> Reader | None:
    """The file's target; None for a file of no target.

    Raises TargetError on a file that is not regular, or differs from its manifest.
    """
    check_file(path, NETWORK)
    check_unchanged(path)
    with suppress(TargetError):
        return given_target(path)
    return None


def _madds(path: Path, target: Reader | None) -> int | None:
    if target is None:
        return None
    try:
        return target.count(path).conv_linear_madds
    except TargetError:  # files of other tools may contain operators that cannot be counted
        return None


def _input_of(path: Path, *, own: bool) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    try:
        if own:
            return _opened_input(path)
        errand = Errand(process_for(path), path, "opening it", PATIENCE_SECONDS, (RuntimeUnusableError,))
        return asked(errand, _opened_input, path)
    except RuntimeUnusableError as error:
        raise TargetError(str(error)) from error


def _opened_input(path: Path) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    session = runtime_for(path).open(path, 1)
    return session.input_shape, session.input_dtype


def _image_array(
    path: Path, target: Reader, preprocessing: Preprocessing, chosen: list[Path], batch: int
) -> tuple[NDArray[np.generic], str]:
    """The images for one inference, in the file's type, and their description."""
    session = target.open(path, kernels="off")
    taken = chosen[:batch]
    images = preprocessing.batch(taken)
    array = session.input_array(np.resize(images, (batch, *images.shape[1:])))
    return array, taken[0].name if len(taken) == 1 else f"{len(taken)} images"
