"""Does the file compute the same function? Proven on photographs, and it fails closed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from micronet_edge.errors import VerificationError
from micronet_edge.metadata import FileMetadata
from micronet_edge.photographs import photographs
from micronet_edge.preprocessing import Images
from micronet_edge.targets import Logits, Target
from micronet_edge.threads import one_thread

FLOAT32_TOLERANCE = 1e-4
"""Largest difference of a float32 file, relative to the largest logit of the PyTorch network.

Both runtimes sum in other orders than PyTorch. Measured on m0 to m3 the difference stays below
2e-5; a wrong channel or border, or a wrong weight that the image passes through, gives 1e-3 and
more. A single wrong weight in a branch that computes coefficients may stay below the tolerance.
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """How far a file is from the PyTorch network, and what it is made of.

    `difference` is absolute, `relative_difference` that over the largest logit; `top1_agreement` is
    the share of images on which both name the same class; `spread` is how far the PyTorch logits move
    from image to image, over the largest; `operators` counts the file's operators.
    """

    images: int
    difference: float
    relative_difference: float
    top1_agreement: float
    spread: float
    operators: dict[str, int]

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


def prove(path: Path, target: Target, metadata: FileMetadata, network: nn.Module) -> Proof:
    """Runs the file in its own runtime and holds it against the PyTorch network.

    Given    a file of that target, what it says of itself, and the unlowered network it was made from
    Raises   VerificationError on a difference above the tolerance, a forbidden operator, or a network
             that gives NaN or infinity.
    """
    images = metadata.preprocessing.batch(photographs())
    expected = reference_logits(network, images)
    session = target.open(path)
    logits = session.run(images)
    _check_same(path, logits, expected)
    breaches = target.breaches(path, metadata)
    if breaches:
        raise VerificationError(f"{path.name} holds {'; '.join(breaches)}: please report this network")
    difference = float(np.abs(logits - expected).max())
    return Proof(
        images=len(images),
        difference=difference,
        relative_difference=difference / _largest(expected),
        top1_agreement=float((logits.argmax(1) == expected.argmax(1)).mean()),
        spread=float(np.ptp(expected, axis=0).max()) / _largest(expected),
        operators=dict(sorted(session.operators().items())),
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


def _check_same(path: Path, logits: Logits, expected: Logits) -> None:
    if logits.shape != expected.shape:
        raise VerificationError(
            f"{path.name} gives {list(logits.shape)}, the PyTorch network {list(expected.shape)}"
        )
    errors = np.abs(logits - expected) / _largest(expected)
    if not errors.max() <= FLOAT32_TOLERANCE:
        image, output = np.unravel_index(np.nan_to_num(errors, nan=np.inf).argmax(), errors.shape)
        raise VerificationError(
            f"{path.name} is not the same function: its output {output} is {logits[image, output]:.5g} on "
            f"{photographs()[image].name}, the PyTorch network's {expected[image, output]:.5g} "
            f"(difference {errors[image, output]:.1e} of the largest, {FLOAT32_TOLERANCE:.0e} allowed)"
        )
