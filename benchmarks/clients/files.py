"""Writes the files, and for each what goes in and what its own runtime makes of it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import micronet_edge
from clients.kinds import PROGRAM, Kind
from clients.networks import Network
from clients.program import run_program, write_program
from micronet_edge.data.preprocessing import Images, open_image
from micronet_edge.models.source import read_source
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.registry import target_of
from micronet_edge.targets.session_protocol import Logits

IMAGES = 20


@dataclass(frozen=True, slots=True)
class Written:
    """A file, with what its clients need.

    Attributes:
        inputs: a .npy of images as the file's input holds them.
        pixels: a .npy of the same as uint8 [n, h, w, 3].
        reference: what its own runtime gives in plain operators, [n, classes].
        scale: what one step of an integer output stands for; None of a float one.
        zero_point: the integer that stands for zero.
    """

    network: str
    kind: Kind
    path: Path
    sha256: str
    inputs: Path
    pixels: Path
    reference: Logits
    scale: float | None = None
    zero_point: int = 0

    def in_floats(self, scores: NDArray[np.generic]) -> Logits:
        """Scores as numbers: a client gives an integer output as it is, or as what it stands for."""
        if self.scale is None or not np.issubdtype(scores.dtype, np.integer):
            return scores.astype(np.float32)
        return (scores.astype(np.float32) - self.zero_point) * np.float32(self.scale)


def write(network: Network, kind: Kind, folder: Path) -> Written:
    """Writes one file of the network into a folder of its own, unless it is there from an earlier run.

    Raises MicronetEdgeError where the product refuses the kind.
    """
    place = folder / network.name / kind.name
    if not list(place.glob(f"*.{kind.format}")):
        network.write_images()
        if kind == PROGRAM:
            write_program(network.checkpoint, place / f"{network.name}.{kind.format}")
        else:
            settings = kind.settings(place, network.calibration_folder)
            micronet_edge.export(str(network.checkpoint), settings=settings)
    (path,) = place.glob(f"*.{kind.format}")
    return _with_images(network, kind, path)


def _with_images(network: Network, kind: Kind, path: Path) -> Written:
    preprocessing = read_source(str(network.checkpoint), None, ExportSettings()).metadata.preprocessing
    pictures = [open_image(each) for each in network.test_images(IMAGES)]
    images = np.stack([preprocessing.array(each) for each in pictures])
    inputs, pixels = path.with_name("inputs.npy"), path.with_name("pixels.npy")
    np.save(pixels, np.stack([np.asarray(preprocessing.cropped(each)) for each in pictures]))
    taken, reference = _in_own_runtime(kind, path, images)
    np.save(inputs, taken)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Written(network.name, kind, path, digest, inputs, pixels, reference, *_quantization(path))


def _in_own_runtime(kind: Kind, path: Path, images: Images) -> tuple[NDArray[np.generic], Logits]:
    """The images as the file takes them, and its scores for them."""
    if kind == PROGRAM:
        return images, run_program(path, images)
    session = target_of(path).open(path, kernels="off")
    return session.input_array(images), session.run(images)


def _quantization(path: Path) -> tuple[float | None, int]:
    """Scale and zero point of an integer output."""
    if path.suffix != ".tflite":
        return None, 0
    from ai_edge_litert.interpreter import Interpreter

    (scores,) = Interpreter(str(path)).get_output_details()
    scale, zero_point = scores["quantization"]
    return scale or None, zero_point
