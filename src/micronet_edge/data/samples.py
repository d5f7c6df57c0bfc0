"""Samples of a network's inputs: what files are proven and calibrated on, images or any arrays."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micronet_edge.data.image_arrays import read_array, read_arrays
from micronet_edge.data.image_files import image_files, is_folder, sha256_of_list
from micronet_edge.data.image_folders import (
    CalibrationImages,
    check_enough,
    is_array_file,
    name_of,
    read_calibration,
    read_each,
)
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Samples, TensorSpec
from micronet_edge.errors import SettingsError
from micronet_edge.util.text import listed, plural

NOISE_SAMPLES = 8
"""Number of samples of noise, on which a network is proven for which no others are given."""

_SEED = 0


@dataclass(frozen=True, slots=True)
class ProofSamples:
    """Samples to prove a file on.

    `inputs` holds an array for each input. `source` says in messages what the samples are, `names` is the
    name of each. `made_up` is whether they are noise, which no user gave.
    """

    inputs: Samples = field(repr=False, compare=False)
    source: str
    names: tuple[str, ...] = ()
    made_up: bool = False

    def called(self, place: int) -> str:
        """The name of a sample in messages."""
        return self.names[place] if place < len(self.names) else f"sample {place} of {self.source}"

    @property
    def count(self) -> int:
        return len(self.inputs[0])


def default_samples(metadata: FileMetadata) -> ProofSamples:
    """The bundled photographs for a network that takes images; noise for any other."""
    if metadata.takes_images:
        return photograph_samples(metadata.preprocessing)
    return ProofSamples(noise(metadata.interface.inputs, NOISE_SAMPLES), "noise", made_up=True)


def photograph_samples(preprocessing: Preprocessing) -> ProofSamples:
    """The bundled photographs, preprocessed."""
    paths = photographs()
    names = tuple(path.name for path in paths)
    return ProofSamples((preprocessing.batch(paths),), "photographs", names)


def noise(specs: Sequence[TensorSpec], count: int, seed: int = _SEED) -> Samples:
    """Normally distributed numbers for every input; the same every time."""
    random = np.random.default_rng(seed)
    return tuple(random.standard_normal((count, *spec.shape), np.float32) for spec in specs)


def read_samples(source: Path, metadata: FileMetadata, *, skip_unreadable: bool = False) -> ProofSamples:
    """Reads the samples to prove a file on.

    Given    for a network that takes images, what `read_calibration` takes, of any number; else what
             `read_inputs` takes
    Raises   SettingsError on a file that cannot be read or does not fit the network.
    """
    if not metadata.takes_images:
        return ProofSamples(read_inputs(source, metadata.interface.inputs), name_of(source))
    names: tuple[str, ...] = ()
    if is_array_file(source):
        images = read_array(source, metadata.preprocessing)
    else:
        found = image_files(source)
        images, files, _ = read_each(found, metadata.preprocessing, skip_unreadable=skip_unreadable)
        names = tuple(path.name for path in files)
    if not len(images):
        raise SettingsError(f"{source} holds no images: give at least one")
    return ProofSamples((images,), name_of(source), names)


def read_calibration_of(
    metadata: FileMetadata, source: Path, *, skip_unreadable: bool = False
) -> CalibrationImages:
    """Reads what to calibrate a network on: images, or arrays for a network that takes none.

    Raises SettingsError as `read_calibration` or `read_inputs` does, and on too few or identical samples.
    """
    if metadata.takes_images:
        return read_calibration(source, metadata.preprocessing, skip_unreadable=skip_unreadable)
    inputs = read_inputs(source, metadata.interface.inputs)
    count = len(inputs[0])
    check_enough(source, count, kind="samples")
    if all((array == array[:1]).all() for array in inputs):
        raise SettingsError(
            f"the {count} samples of {source} are identical: give different ones, like those the network "
            "will see"
        )
    first, *others = inputs
    sha256 = sha256_of_list([source], source.parent)
    return CalibrationImages(first, name_of(source), sha256, 0, others=tuple(others))


def read_inputs(source: Path, specs: Sequence[TensorSpec]) -> Samples:
    """Reads an array for every input.

    Given    a .npy file for one input, or a .npz file with an array [n, *shape] in float32 by each input's
             name
    Raises   SettingsError on another file or none, on arrays that are missing, of another type or shape, of
             different numbers of samples or of none, and on NaN or infinity.
    """
    wanted = listed([str(spec) for spec in specs])
    if is_folder(source):
        raise SettingsError(
            f"{source} is a folder, and the network takes arrays, not images ({wanted}): give a .npy or .npz "
            "file"
        )
    if not os.path.lexists(source):
        raise SettingsError(f"{source} does not exist: give a .npy or .npz file with arrays for {wanted}")
    if not is_array_file(source):
        raise SettingsError(f"{source} is no .npy or .npz file: give one with arrays for {wanted}")
    arrays = read_arrays(source)
    if len(specs) == 1 and len(arrays) == 1:
        arrays = {specs[0].name: next(iter(arrays.values()))}
    if missing := [spec.name for spec in specs if spec.name not in arrays]:
        held = listed(sorted(filter(None, arrays))) or "one array without a name"
        raise SettingsError(
            f"{source} lacks {listed(missing)} (it holds {held}): save a .npz file with an array for each "
            f"input: {wanted}"
        )
    for spec in specs:
        _check_array(source, spec, arrays[spec.name])
    counts = {spec.name: len(arrays[spec.name]) for spec in specs}
    if len(set(counts.values())) > 1:
        found = listed([f"{count} of {name}" for name, count in counts.items()])
        raise SettingsError(f"{source} holds {found}: give as many samples of every input")
    return tuple(np.ascontiguousarray(arrays[spec.name]) for spec in specs)


def _check_array(source: Path, spec: TensorSpec, array: np.ndarray) -> None:
    lengths = "".join(f", {length}" for length in spec.shape)
    if array.dtype != np.float32 or array.shape[1:] != spec.shape or array.ndim != len(spec.shape) + 1:
        raise SettingsError(
            f"{source}: {spec.name} is {array.dtype} {list(array.shape)}: give float32 [n{lengths}], with "
            f"n samples"
        )
    if not len(array):
        raise SettingsError(f"{source}: {spec.name} holds {plural(0, 'sample')}: give at least one")
    if not (finite := np.isfinite(array).reshape(len(array), -1).all(1)).all():
        raise SettingsError(f"{source}: {spec.name} holds NaN or infinity in sample {int(finite.argmin())}")
