"""Does the file compute the same function? Proven on photographs, and it fails closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.unseen_images import QuantizationImages, evenly
from micronet_edge.errors import VerificationError
from micronet_edge.kernels import Kernels
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import FLOAT16, FLOAT32, Logits, Reader, Session
from micronet_edge.util.text import plural
from micronet_edge.util.threads import one_thread

FLOAT32_TOLERANCE = 1e-4
"""Largest difference of a float32 file, relative to the largest logit of the PyTorch network.

Both runtimes sum in other orders than PyTorch. Measured on m0 to m3 the difference stays below
2e-5; a wrong channel or border, or a wrong weight that the image passes through, gives 1e-3 and
more. A single wrong weight in a branch that computes coefficients may stay below the tolerance.
"""

FLOAT16_TOLERANCE = 3e-2
"""The same of a float16 file, whose weights are rounded to 11 bits, each by up to 5e-4 of itself.

Measured on trained networks it stays below 4e-3, with random weights below 1.2e-2. A wrong weight does not
hide in it: the target holds the file against the rounded network within FLOAT32_TOLERANCE.
"""

TOLERANCES = {FLOAT32: FLOAT32_TOLERANCE, FLOAT16: FLOAT16_TOLERANCE}
"""By precision, those of files that compute in float."""

_EXPORT_AGAIN = "export it again"
_TOO_COARSE = "float16 is too coarse for it, export float32"

PROOF_IMAGES = 128
"""Images that an integer file is proven on."""

SIMULATION_COSINE, SIMULATION_AGREEMENT = 0.95, 0.9
"""How close an integer file must be to its simulation in PyTorch.

They differ by ties in rounding, which grow on the way: cosines are above 0.99 on trained networks, 0.97
and more on random ones. A wrong grid, weight or order of channels gives below 0.9.
"""

CLOSE = {"int8": (0.85, 0.9), "int8-a16": (0.95, 0.98)}
"""Share of images with the same class, and cosine of logits, that a file must reach against float."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How far a file is from the PyTorch network, and what it is made of.

    `difference` is absolute, `relative_difference` that over the largest logit; `top1_agreement` is
    the share of images on which both name the same class; `spread` is how far the PyTorch logits move
    from image to image, over the largest; `operators` counts the file's operators;
    `cosine` is that between all logits of the file and of the network; `fused` says how many activations
    ran in our own kernels.
    """

    images: int
    difference: float
    relative_difference: float
    top1_agreement: float
    spread: float
    operators: dict[str, int]
    cosine: float
    fused: int

    @property
    def weakness(self) -> str | None:
        """Why the proof says little of the early layers, where it does; None for a sound one.

        A network may well answer all photographs alike, being trained for other images; but then a
        fault in what comes before its last layers would not show either.
        """
        if self.spread > FLOAT32_TOLERANCE:
            return None
        return (
            f"the PyTorch network answers every photograph alike (its logits move by {self.spread:.0e} of "
            "the largest), so a fault in its early layers would not show: compare it on your own images"
        )


@dataclass(frozen=True, slots=True)
class FileToProve:
    """A file with the target that reads it and what it says of itself; it is opened once for each kernels."""

    path: Path
    target: Reader
    metadata: FileMetadata
    _sessions: dict[Kernels, Session] = field(default_factory=dict, repr=False, compare=False)

    def session(self, kernels: Kernels = "off") -> Session:
        """The file in its own runtime. Raises TargetError where it cannot be opened."""
        if kernels not in self._sessions:
            self._sessions[kernels] = self.target.open(self.path, kernels=kernels)
        return self._sessions[kernels]

    def operators(self) -> Mapping[str, int]:
        """How often each plain operator stands in the file: one that is open with our kernels was read."""
        return self.session("auto" if "auto" in self._sessions else "off").operators()


def prove(file: FileToProve, network: nn.Module, kernels: Sequence[Kernels] = ("off",)) -> Proof:
    """Runs the file in its own runtime and holds it against the PyTorch network.

    Given    a file and the unlowered network it was made from; the kernels that it is to run in one after
             the other, by itself the runtime's own, which everybody has
    Result   the comparison in the first of them
    Raises   VerificationError on a difference above the tolerance, a forbidden operator, or a network
             that gives NaN or infinity.
    """
    images = file.metadata.preprocessing.batch(photographs())
    expected = reference_logits(network, images)
    answers = [file.session(each).run(images) for each in kernels]
    for logits in answers:
        _check_same(file.path, logits, expected, TOLERANCES[file.metadata.precision])
    _check_rules(file)
    return _proof(file, kernels[0], answers[0], expected)


def prove_quantized(
    file: FileToProve,
    network: nn.Module,
    quantized: QuantizedNetwork,
    images: QuantizationImages,
    kernels: Kernels = "off",
) -> Proof:
    """Runs an integer file in its own runtime and holds it against PyTorch, twice.

    It must give what the same quantized network gives in PyTorch, up to ties in rounding; and unless its
    weights are random, what the float network gives, as closely as integers can, on images that are such as
    the network will see.

    Given    a file, the float network and the quantized one that was written
    Result   the comparison with the float network, on some of the images
    Raises   VerificationError on too large a difference, or on a forbidden operator.
    """
    chosen = evenly(images.proven_on, PROOF_IMAGES)
    expected = reference_logits(network, chosen)
    session = file.session(kernels)
    logits = session.run(chosen)
    if session.fused:
        quantized = with_fused_activations(quantized)
    with torch.no_grad(), one_thread():
        simulated: Logits = Simulation(quantized)(torch.from_numpy(chosen)).numpy()
    cosine, agreement = _cosine(logits, simulated), float((logits.argmax(1) == simulated.argmax(1)).mean())
    trained = file.metadata.checkpoint_sha256 is not None  # random ones tell many classes hardly apart
    if not (cosine >= SIMULATION_COSINE and (agreement >= SIMULATION_AGREEMENT or not trained)):
        raise VerificationError(
            f"{file.path.name} does not compute what was written into it: cosine {cosine:.4f} to the "
            f"simulation, the same class on {agreement:.0%} of {plural(len(chosen), 'image')}; please report "
            "this network"
        )
    _check_rules(file)
    proof = _proof(file, kernels, logits, expected)
    if trained and images.judged:
        _check_close(file, proof)
    return proof


def compare(file: FileToProve, network: nn.Module, images: Images) -> Proof:
    """How far a file is from the float network on these images, without judging it."""
    expected = reference_logits(network, images)
    return _proof(file, "off", file.session().run(images), expected)


def _proof(file: FileToProve, kernels: Kernels, logits: Logits, expected: Logits) -> Proof:
    difference = float(np.abs(logits - expected).max())
    return Proof(
        images=len(expected),
        difference=difference,
        relative_difference=difference / _largest(expected),
        top1_agreement=float((logits.argmax(1) == expected.argmax(1)).mean()),
        spread=float(np.ptp(expected, axis=0).max()) / _largest(expected),
        operators=dict(sorted(file.operators().items())),
        cosine=_cosine(logits, expected),
        fused=file.session(kernels).fused,
    )


def _check_rules(file: FileToProve) -> None:
    violations = file.target.violations(file.session(), file.operators(), file.metadata)
    if violations:
        raise VerificationError(f"{file.path.name} holds {'; '.join(violations)}: please report this network")


def _cosine(ours: Logits, theirs: Logits) -> float:
    length = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return float((ours * theirs).sum()) / max(length, float(np.finfo(np.float32).tiny))


def _check_close(file: FileToProve, proof: Proof) -> None:
    agreement, cosine = CLOSE[file.metadata.precision]
    if not (proof.top1_agreement >= agreement and proof.cosine >= cosine):
        raise VerificationError(
            f"{file.path.name} is too far from the float network: the same class on "
            f"{proof.top1_agreement:.0%} of {proof.images} images (at least {agreement:.0%} asked), cosine "
            f"{proof.cosine:.3f} ({cosine:.2f} asked): give images like those it will see, --finetune or "
            "--precision int8-a16"
        )


def reference_logits(network: nn.Module, images: Images) -> Logits:
    """What the PyTorch network says of the images.

    Raises VerificationError where its answers are not finite.
    """
    with torch.no_grad(), one_thread():
        logits: Logits = network.eval()(torch.from_numpy(images)).numpy()
    if not np.isfinite(logits).all():
        raise VerificationError("the PyTorch network itself gives NaN or infinity on photographs")
    return logits


def _largest(logits: Logits) -> float:
    """The largest magnitude, and never zero: a hard swish may well give zeros alone."""
    return max(float(np.abs(logits).max()), float(np.finfo(np.float32).tiny))


def _check_same(path: Path, logits: Logits, expected: Logits, tolerance: float) -> None:
    if logits.shape != expected.shape:
        raise VerificationError(
            f"{path.name} gives {list(logits.shape)}, the PyTorch network {list(expected.shape)}"
        )
    errors = np.abs(logits - expected) / _largest(expected)
    if not errors.max() <= tolerance:
        image, output = np.unravel_index(np.nan_to_num(errors, nan=np.inf).argmax(), errors.shape)
        raise VerificationError(
            f"{path.name} is not the same function: its output {output} is {logits[image, output]:.5g} on "
            f"{photographs()[image].name}, the PyTorch network's {expected[image, output]:.5g} "
            f"(difference {errors[image, output]:.1e} of the largest, {tolerance:.0e} allowed): "
            + (
                "export it again"
                if tolerance == FLOAT32_TOLERANCE
                else "float16 is too coarse for it, export float32"
            )
        )
