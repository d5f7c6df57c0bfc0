"""Proves on images that a file computes the same function as its network; fails closed."""

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

Both runtimes sum in another order than PyTorch. Measured on m0 to m3 the difference stays below 2e-5; a
wrong channel or border, or a wrong weight on the image's path, gives at least 1e-3. A single wrong weight
in a branch that computes coefficients may stay below the tolerance.
"""

FLOAT16_TOLERANCE = 3e-2
"""The same for a float16 file, whose weights are rounded to 11 bits, each by up to 5e-4 of itself.

Measured on trained networks it stays below 4e-3, with random weights below 1.2e-2. A wrong weight cannot
hide in it: the target compares the file with the rounded network within FLOAT32_TOLERANCE.
"""

TOLERANCES = {FLOAT32: FLOAT32_TOLERANCE, FLOAT16: FLOAT16_TOLERANCE}
"""The tolerances of float files, by precision."""

_EXPORT_AGAIN = "export it again"
_TOO_COARSE = "float16 is too coarse for it, export float32"

PROOF_IMAGES = 128
"""Number of images to prove an integer file on."""

SIMULATION_COSINE, SIMULATION_AGREEMENT = 0.95, 0.9
"""Smallest agreement and cosine of an integer file with its simulation in PyTorch.

They differ by rounding of ties, which accumulates: cosines are above 0.99 on trained networks and at least
0.97 on random ones. Wrong quantization parameters, weights or channel orders give below 0.9.
"""

CLOSE = {"int8": (0.85, 0.9), "int8-a16": (0.95, 0.98)}
"""Smallest share of images with the same class, and smallest cosine of logits, against float."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The comparison of a file with the PyTorch network.

    Attributes:
        difference: largest absolute difference of a logit.
        relative_difference: the same, divided by the largest logit.
        top1_agreement: share of images for which both predict the same class.
        spread: variation of the PyTorch logits over the images, divided by the largest.
        operators: number of the file's operators by type.
        cosine: between all logits of the file and of the network.
        fused: number of activations that ran in the fused kernels.
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
        """Why the proof does not cover the early layers; None if it does.

        A network trained for other images may give the same output for all photographs. Then a fault before
        its last layers would not show.
        """
        if self.spread > FLOAT32_TOLERANCE:
            return None
        return (
            f"the PyTorch network gives the same output for every photograph (its logits vary by "
            f"{self.spread:.0e} of the largest), so a fault in its early layers would not show: compare it "
            "on your own images"
        )


@dataclass(frozen=True, slots=True)
class FileToProve:
    """A file with its target and metadata; it opens once for each setting of `kernels`."""

    path: Path
    target: Reader
    metadata: FileMetadata
    _sessions: dict[Kernels, Session] = field(default_factory=dict, repr=False, compare=False)

    def session(self, kernels: Kernels = "off") -> Session:
        """Opens the file in its own runtime. Raises TargetError if that fails."""
        if kernels not in self._sessions:
            self._sessions[kernels] = self.target.open(self.path, kernels=kernels)
        return self._sessions[kernels]

    def operators(self) -> Mapping[str, int]:
        """The number of the file's operators by type, without those that the fused kernels replace."""
        return self.session("auto" if "auto" in self._sessions else "off").operators()


def prove(file: FileToProve, network: nn.Module, kernels: Sequence[Kernels] = ("off",)) -> Proof:
    """Runs a float file in its own runtime and compares it with the PyTorch network.

    Given    a file and the unlowered network it was made from; the settings of `kernels` to run it with
    Result   the comparison for the first setting
    Raises   VerificationError on a difference above the tolerance, a forbidden operator, or a network
             that outputs NaN or infinity.
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
    """Runs an integer file in its own runtime and compares it with PyTorch, twice.

    It must match the simulation of the same quantized network, up to ties in rounding. Unless its weights are
    random, it must also be close to the float network on images like those the network will see.

    Given    a file, the float network and the quantized network that was written
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
    trained = file.metadata.checkpoint_sha256 is not None  # random weights hardly separate many classes
    if not (cosine >= SIMULATION_COSINE and (agreement >= SIMULATION_AGREEMENT or not trained)):
        raise VerificationError(
            f"{file.path.name} does not match its simulation: cosine of the logits {cosine:.4f}, "
            f"same class on {agreement:.0%} of {plural(len(chosen), 'image')}; please report "
            "this network"
        )
    _check_rules(file)
    proof = _proof(file, kernels, logits, expected)
    if trained and images.judged:
        _check_close(file, proof)
    return proof


def compare(file: FileToProve, network: nn.Module, images: Images) -> Proof:
    """Compares a file with the float network on these images, without a verdict."""
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
        raise VerificationError(
            f"{file.path.name} contains {'; '.join(violations)}: please report this network"
        )


def _cosine(ours: Logits, theirs: Logits) -> float:
    length = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return float((ours * theirs).sum()) / max(length, float(np.finfo(np.float32).tiny))


def _check_close(file: FileToProve, proof: Proof) -> None:
    agreement, cosine = CLOSE[file.metadata.precision]
    if not (proof.top1_agreement >= agreement and proof.cosine >= cosine):
        finer = " or --precision int8-a16" if file.metadata.precision == "int8" else ""
        raise VerificationError(
            f"{file.path.name} is too far from the float network: same class on {proof.top1_agreement:.0%} "
            f"of {proof.images} images (at least {agreement:.0%} required), cosine {proof.cosine:.3f} "
            f"({cosine:.2f} required): give images like those the network will see, --finetune{finer}"
        )


def reference_logits(network: nn.Module, images: Images) -> Logits:
    """The PyTorch network's logits for the images.

    Raises VerificationError if they are not finite.
    """
    with torch.no_grad(), one_thread():
        logits: Logits = network.eval()(torch.from_numpy(images)).numpy()
    if not np.isfinite(logits).all():
        raise VerificationError(
            "the PyTorch network itself outputs NaN or infinity on photographs: check its weights"
        )
    return logits


def _largest(logits: Logits) -> float:
    """The largest magnitude, but never zero: a hard swish may output only zeros."""
    return max(float(np.abs(logits).max()), float(np.finfo(np.float32).tiny))


def _check_same(path: Path, logits: Logits, expected: Logits, tolerance: float) -> None:
    if logits.shape != expected.shape:
        raise VerificationError(
            f"{path.name} outputs {list(logits.shape)}, the PyTorch network {list(expected.shape)}"
        )
    errors = np.abs(logits - expected) / _largest(expected)
    if not errors.max() <= tolerance:
        image, output = np.unravel_index(np.nan_to_num(errors, nan=np.inf).argmax(), errors.shape)
        raise VerificationError(
            f"{path.name} does not compute the same function: output {output} is "
            f"{logits[image, output]:.5g} on {photographs()[image].name}, in PyTorch "
            f"{expected[image, output]:.5g} (difference "
            f"{errors[image, output]:.1e} of the largest, {tolerance:.0e} allowed): "
            + (
                "export it again"
                if tolerance == FLOAT32_TOLERANCE
                else "float16 is too coarse for it, export float32"
            )
        )
