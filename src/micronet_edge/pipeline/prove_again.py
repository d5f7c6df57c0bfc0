"""Repeats the proof of an existing file from the network it was made from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import fx

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.samples import read_calibration_of, read_samples
from micronet_edge.data.unseen_images import QuantizationImages
from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels
from micronet_edge.lowering import lower
from micronet_edge.models.scores import giving
from micronet_edge.models.source import Given, Source, reread_source
from micronet_edge.pipeline.probe import probe_of
from micronet_edge.pipeline.quantized_graphs import float_graph, written_graph
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import BITS, Recipe, load_recipe, recipe_path
from micronet_edge.targets.isolated_targets import given_target
from micronet_edge.targets.protocol import Target
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import for_runtime, integer_lowering_of, target_of
from micronet_edge.verification.outputs import TOLERANCES
from micronet_edge.verification.prove import FileToProve, Proof, prove, prove_quantized


@dataclass(frozen=True, slots=True)
class ProvenAgain:
    """A proof, and whether the checkpoint is the same file or only holds the same weights."""

    proof: Proof
    metadata: FileMetadata
    same_checkpoint: bool


@dataclass(frozen=True, slots=True)
class ProofInputs:
    """What the user gives to prove a file on: images or arrays for an integer file, or for a float one."""

    calibration: Path | str | None = None
    samples: Path | str | None = None


def verify(
    file: Path | str,
    network: Given,
    *,
    calibration: Path | str | None = None,
    samples: Path | str | None = None,
    kernels: Kernels = "auto",
) -> Proof:
    """Proves that an existing file computes the same function as the network it was made from.

    Args:
        file: the file.
        network: a checkpoint, a factory or the module itself.
        calibration: images or arrays to compare an integer file on.
        samples: images or arrays to compare a float file on; None takes photographs or noise.
        kernels: "auto" uses the fused kernels where available.

    Raises:
        VerificationError: the proof fails.
        MicronetEdgeError: file or network cannot be read.
    """
    return prove_again(Path(file), network, ProofInputs(calibration, samples), kernels).proof


def prove_again(
    path: Path, network: Given, given: ProofInputs = ProofInputs(), kernels: Kernels = "auto"
) -> ProvenAgain:
    """Does what `verify` does and also returns the file's metadata."""
    target = given_target(path)
    metadata = target.read_metadata(path)
    file = FileToProve(path, target, metadata)
    origin = giving(reread_source(network, metadata, same_network=True), metadata.scores)
    if metadata.precision in TOLERANCES:
        if given.calibration is not None:
            raise SettingsError(f"{path} is {metadata.precision}: give --samples instead of --calibration")
        samples = None if given.samples is None else read_samples(Path(given.samples), metadata)
        proof = prove(file, origin.network, (kernels,), samples)
    else:
        proof = _prove_quantized(file, origin, given, kernels)
    same = origin.metadata.checkpoint_sha256 == metadata.checkpoint_sha256
    return ProvenAgain(proof, metadata, same)


def quantized_from(file: Path, network: Given) -> tuple[QuantizedNetwork, fx.GraphModule]:
    """Rebuilds the content of a quantized file from its recipe and the network it was made from.

    Result   the quantized network, and the same operators in float with the network's own weights; both give
             logits, even if the file gives probabilities of them
    Raises   SettingsError on a file that is not quantized, has no recipe, or is of another network.
    """
    metadata = read_metadata(file)
    _check_quantized(file, metadata)
    again = _Again.of(file, metadata, reread_source(network, metadata))
    return again.written(), again.in_float()


def _prove_quantized(file: FileToProve, origin: Source, given: ProofInputs, kernels: Kernels) -> Proof:
    path, metadata = file.path, file.metadata
    if given.calibration is None:
        what = "DIR, images" if metadata.takes_images else "FILE, arrays"
        raise SettingsError(f"{path} is {metadata.precision}: give --calibration {what} to compare it on")
    _check_quantized(path, metadata)
    quantized = _Again.of(path, metadata, origin).written()
    images = read_calibration_of(metadata, Path(given.calibration))
    return prove_quantized(
        file, origin.network, quantized, QuantizationImages(images, images.inputs), kernels
    )


def _check_quantized(file: Path, metadata: FileMetadata) -> None:
    if metadata.precision not in BITS or metadata.naive:
        raise SettingsError(
            f"{file} is {'naive' if metadata.naive else metadata.precision}, not quantized by a recipe: give "
            "a file that `quantize` wrote"
        )


@dataclass(frozen=True, slots=True)
class _Again:
    """The inputs of a quantized file: its target, its recipe, and the network lowered by the same costs."""

    file: Path
    target: Target
    recipe: Recipe
    network: fx.GraphModule
    metadata: FileMetadata

    @classmethod
    def of(cls, file: Path, metadata: FileMetadata, origin: Source) -> "_Again":
        recipe = load_recipe(recipe_path(file))
        if origin.metadata.checkpoint_sha256 != metadata.checkpoint_sha256:
            raise SettingsError(
                f"{file} was not made from {origin.called}: give the checkpoint it was made from"
            )
        target = for_runtime(target_of(file), metadata.runtime)
        lowering = integer_lowering_of([target])
        passes = lowering.pipeline(recipe.costs)
        network = lower(origin.network, passes, probe_of(metadata)).network
        return cls(file, target, recipe, network, origin.metadata)

    def written(self) -> QuantizedNetwork:
        with self._errors_named():
            return written_graph(self.recipe, self.network, self.metadata, self.target)

    def in_float(self) -> fx.GraphModule:
        with self._errors_named():
            return float_graph(self.recipe, self.network, self.metadata, self.target)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except SettingsError as error:
            raise SettingsError(f"{recipe_path(self.file)}: {error}") from error
