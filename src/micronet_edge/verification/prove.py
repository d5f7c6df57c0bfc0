"""Proves on images that a file computes the same function as its network; fails closed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.pixels import as_taken
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.samples import ProofSamples, default_samples
from micronet_edge.data.signature import Samples
from micronet_edge.data.unseen_images import QuantizationImages, evenly
from micronet_edge.errors import VerificationError
from micronet_edge.kernels import Kernels
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import Logits, Reader, Session
from micronet_edge.util.text import plural
from micronet_edge.util.threads import one_thread
from micronet_edge.verification.outputs import (
    FLOAT32_TOLERANCE,
    OutputProof,
    check_same,
    compared,
    is_near,
    largest,
)

PROOF_IMAGES = 128
"""Number of images to prove an integer file on."""

SIMULATION_COSINE, SIMULATION_AGREEMENT = 0.95, 0.9
"""Smallest agreement and cosine of an integer file with its simulation in PyTorch.

They differ by rounding of ties, which accumulates: cosines are above 0.99 on trained networks and at least
0.97 on random ones. Wrong quantization parameters, weights or channel orders give below 0.9.
"""

CLOSE = {"int8": (0.85, 0.9), "int8-a16": (0.95, 0.98)}
"""Smallest share of images with the same class, and smallest cosine of logits, against float."""

SIMULATION_SIGNAL_DB = 10.0
"""Smallest signal-to-noise ratio, in decibels, of an output of an integer file that is no classifier against
its simulation.

The noise is the difference, the signal what of the simulation's output varies about its mean. Noise of R dB
that is independent of the signal leaves a cosine of 1 / sqrt(1 + 10 ** (-R / 10)), so 10 dB are as strict as
SIMULATION_COSINE.
"""

CLOSE_SIGNAL_DB = {"int8": 6.0, "int8-a16": 14.0}
"""The same against float; as strict as the cosines in CLOSE."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The comparison of a file with the PyTorch network.

    Attributes:
        difference: largest absolute difference of a logit.
        relative_difference: the same, divided by the largest logit.
        top1_agreement: share of images for which both predict the same class; None of what is no classifier.
        spread: variation of the PyTorch logits over the images, divided by the largest.
        operators: number of the file's operators by type.
        cosine: between all logits of the file and of the network.
        fused: number of activations that ran in the fused kernels.
        outputs: each output of what is no classifier. The figures above are then those of the worst output,
            but for the spread, which is the largest.
        noise_alone: whether the samples are noise, since the user gave none and photographs do not fit.
    """

    images: int
    difference: float
    relative_difference: float
    top1_agreement: float | None
    spread: float
    operators: dict[str, int]
    cosine: float
    fused: int
    outputs: tuple[OutputProof, ...] = ()
    noise_alone: bool = False

    def values(self) -> dict[str, object]:
        """As plain values; without the fields that a classifier's proof does not have."""
        values: dict[str, object] = asdict(self)
        if not self.outputs:
            del values["outputs"], values["noise_alone"]
        return values

    @property
    def weakness(self) -> str | None:
        """Why the proof does not cover the early layers, or all inputs; None if it does.

        A network trained for other images may give the same output for all photographs. Then a fault before
        its last layers would not show.
        """
        if self.noise_alone:
            return "proven on noise alone: give --samples FILE, with inputs like those the network will see"
        if self.spread > FLOAT32_TOLERANCE:
            return None
        return (
            f"the PyTorch network gives the same output for every photograph (its outputs vary by "
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

    def outputs(self, kernels: Kernels, inputs: Samples) -> Samples:
        """All outputs of the file for these samples."""
        session = self.session(kernels)
        return (session.run(*inputs),) if self.metadata.is_classifier else session.outputs(*inputs)

    def operators(self) -> Mapping[str, int]:
        """The number of the file's operators by type, without those that the fused kernels replace."""
        return self.session("auto" if "auto" in self._sessions else "off").operators()


def prove(
    file: FileToProve,
    network: nn.Module,
    kernels: Sequence[Kernels] = ("off",),
    samples: ProofSamples | None = None,
) -> Proof:
    """Runs a float file in its own runtime and compares it with the PyTorch network.

    Given    a file and the unlowered network it was made from; the settings of `kernels` to run it with; the
             samples to run it on, or None for the bundled photographs, or noise if it takes no images
    Result   the comparison for the first setting
    Raises   VerificationError on a difference above the tolerance, a forbidden operator, or a network
             that outputs NaN or infinity.
    """
    samples = samples or default_samples(file.metadata)
    samples = replace(samples, inputs=as_taken(samples.inputs, file.metadata))
    expected = reference_outputs(network, samples.inputs, samples.source)
    answers = [file.outputs(each, samples.inputs) for each in kernels]
    for outputs in answers:
        check_same(file.path, file.metadata, outputs, expected, samples)
    _check_rules(file)
    return _proof(file, kernels[0], answers[0], expected, noise_alone=samples.made_up)


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
    some = tuple(evenly(each, PROOF_IMAGES) for each in images.proven_on)
    chosen = as_taken(some, file.metadata)
    expected = reference_outputs(network, chosen, "the calibration samples")
    outputs = file.outputs(kernels, chosen)
    if file.session(kernels).fused:
        quantized = with_fused_activations(quantized)
    with torch.no_grad(), one_thread():
        simulated = tensors_in(Simulation(quantized)(*map(torch.from_numpy, chosen)))
    trained = file.metadata.checkpoint_sha256 is not None  # random weights hardly separate many classes
    _check_simulation(file, outputs, tuple(each.numpy() for each in simulated), trained=trained)
    _check_rules(file)
    proof = _proof(file, kernels, outputs, expected)
    if trained and images.judged:
        _check_close(file, proof)
    return proof


def compare(file: FileToProve, network: nn.Module, inputs: Samples) -> Proof:
    """Compares a file with the float network on these samples, without a verdict."""
    taken = as_taken(inputs, file.metadata)
    expected = reference_outputs(network, taken, "the calibration samples")
    return _proof(file, "off", file.outputs("off", taken), expected)


def _proof(
    file: FileToProve, kernels: Kernels, found: Samples, expected: Samples, *, noise_alone: bool = False
) -> Proof:
    metadata = file.metadata
    names = [spec.name for spec in metadata.interface.outputs]
    outputs = tuple(compared(*each) for each in zip(names, found, expected, strict=True))
    classifies = metadata.is_classifier
    return Proof(
        images=len(expected[0]),
        difference=max(each.difference for each in outputs),
        relative_difference=max(each.relative_difference for each in outputs),
        top1_agreement=_agreement(found[0], expected[0]) if classifies else None,
        spread=max(float(np.ptp(each, axis=0).max()) / largest(each) for each in expected),
        operators=dict(sorted(file.operators().items())),
        cosine=min(each.cosine for each in outputs),
        fused=file.session(kernels).fused,
        outputs=() if classifies else outputs,
        noise_alone=noise_alone,
    )


def _agreement(logits: Logits, expected: Logits) -> float:
    return float((logits.argmax(1) == expected.argmax(1)).mean())


def _check_simulation(file: FileToProve, found: Samples, simulated: Samples, *, trained: bool) -> None:
    """Raises VerificationError if a file differs from its simulation by more than ties in rounding."""
    name = file.path.name
    if not file.metadata.is_classifier:
        outputs = zip(file.metadata.interface.outputs, found, simulated, strict=True)
        for each in (compared(spec.name, *pair) for spec, *pair in outputs):
            if not is_near(each, SIMULATION_SIGNAL_DB):
                raise VerificationError(
                    f"{name} does not match its simulation: {each}; please report this network"
                )
        return
    (scores,), (same,), (spec,) = found, simulated, file.metadata.interface.outputs
    cosine, agreement = compared(spec.name, scores, same).cosine, _agreement(scores, same)
    if not (cosine >= SIMULATION_COSINE and (agreement >= SIMULATION_AGREEMENT or not trained)):
        raise VerificationError(
            f"{name} does not match its simulation: cosine of the {spec.name} {cosine:.4f}, same class on "
            f"{agreement:.0%} of {plural(len(scores), 'image')}; please report this network"
        )


def _check_rules(file: FileToProve) -> None:
    violations = file.target.violations(file.session(), file.operators(), file.metadata)
    if violations:
        raise VerificationError(
            f"{file.path.name} contains {'; '.join(violations)}: please report this network"
        )


def _check_close(file: FileToProve, proof: Proof) -> None:
    finer = " or --precision int8-a16" if file.metadata.precision == "int8" else ""
    for each in proof.outputs:
        if not is_near(each, CLOSE_SIGNAL_DB[file.metadata.precision]):
            raise VerificationError(
                f"{file.path.name} is too far from the float network: {each}: give --calibration samples "
                f"like those the network will see{finer}"
            )
    if proof.top1_agreement is None:
        return
    agreement, cosine = CLOSE[file.metadata.precision]
    if not (proof.top1_agreement >= agreement and proof.cosine >= cosine):
        raise VerificationError(
            f"{file.path.name} is too far from the float network: same class on {proof.top1_agreement:.0%} "
            f"of {proof.images} images (at least {agreement:.0%} required), cosine {proof.cosine:.3f} "
            f"({cosine:.2f} required): give images like those the network will see, --finetune{finer}"
        )


def reference_logits(network: nn.Module, images: Images) -> Logits:
    """The PyTorch network's logits for the images.

    Raises VerificationError if they are not finite.
    """
    (logits,) = reference_outputs(network, (images,), "photographs")
    return logits


def reference_outputs(network: nn.Module, inputs: Samples, source: str) -> Samples:
    """All outputs of the PyTorch network for the samples, which `source` names in messages.

    Raises VerificationError if they are not finite.
    """
    with torch.no_grad(), one_thread():
        tensors = tensors_in(network.eval()(*map(torch.from_numpy, inputs)))
    outputs = tuple(each.numpy() for each in tensors)
    if not all(np.isfinite(each).all() for each in outputs):
        raise VerificationError(
            f"the PyTorch network itself outputs NaN or infinity on {source}: check its weights"
        )
    return outputs
