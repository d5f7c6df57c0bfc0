"""The contract of a pass, and the code that enforces it."""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.composite import check_composites
from micronet_edge.lowering.ir.graph import finish, note_shapes
from micronet_edge.lowering.ir.plain_copy import plain_copy
from micronet_edge.lowering.ir.probes import Probe, examples, repeated
from micronet_edge.lowering.ir.runs import check_finite, check_repeats, tensors_in
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.util.threads import one_thread

SAME_NUMBERS = 1e-4
"""Largest difference that a pass may cause, relative to the largest output.

A pass is exact in real numbers; in float32 it reorders sums. Over all variants and sizes the whole
pipeline measures below 2e-5; a wrong channel or border gives more than 1e-2.
"""

ROUNDING_ALONE = "by the rounding of float32 alone"
"""Says so of a network that is the same in real numbers."""

SAME_FUNCTION = 1e-2
"""Largest difference of two samples at once: they are no photographs, so that rounding may grow."""


class Pass(ABC):
    """One exact change to a traced network.

    `check_before` is the precondition on the network, `change` rewrites the matches and counts them,
    `check_after` is the postcondition. For every pass, `apply` checks that the numbers stay the same and
    composites stay whole.
    """

    @property
    def name(self) -> str:
        return type(self).__name__

    def check_before(self, network: fx.GraphModule) -> None:  # noqa: B027 - most passes have no precondition
        """Raises LoweringError, with the reason, on a network that the pass cannot handle."""

    @abstractmethod
    def change(self, network: fx.GraphModule) -> int:
        """Rewrites the network in place and returns the number of places changed."""

    @abstractmethod
    def check_after(self, network: fx.GraphModule) -> None:
        """Raises LoweringError unless the postcondition holds."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The effect of one pass: places changed, and the largest relative difference."""

    name: str
    places: int
    difference: float


@dataclass(frozen=True, slots=True)
class Lowered:
    """A lowered network and the passes applied to it."""

    network: fx.GraphModule
    applied: tuple[Applied, ...]


def apply(
    pass_: Pass, network: fx.GraphModule, probe: Tensor | tuple[Tensor, ...]
) -> tuple[fx.GraphModule, Applied]:
    """Applies a pass to a copy of the network; the given network, with its shapes noted, stays unchanged.

    Raises LoweringError, naming the pass, if it refuses the network or violates its contract; or where
    the network outputs NaN or infinity.
    """
    changed, inputs = copy.deepcopy(network), examples(probe)
    try:
        pass_.check_before(changed)
        places = pass_.change(changed)
        finish(changed)
        difference = relative_difference(network, changed, inputs)
        note_shapes(changed, inputs)
        pass_.check_after(changed)
        check_composites(network, changed, inputs)
    except LoweringError as error:
        raise LoweringError(f"{pass_.name}: {error}") from error
    except (RuntimeError, IndexError, TypeError, ValueError) as error:  # what PyTorch's layers raise
        reason = " ".join(str(error).split())
        raise LoweringError(
            f"{pass_.name}: the network no longer runs ({reason}); please report this network"
        ) from error
    if not difference <= SAME_NUMBERS:
        check_finite(network, inputs)
        raise LoweringError(
            f"{pass_.name}: the network's output changed by {difference:.1e} of its largest value, "
            f"{SAME_NUMBERS:.0e} allowed: {_why(network, changed, inputs)}"
        )
    return changed, Applied(pass_.name, places, difference)


def _why(before: fx.GraphModule, after: fx.GraphModule, inputs: tuple[Tensor, ...]) -> str:
    """Why an output changed, and what to do: double precision tells rounding from another function."""
    one, other = (copy.deepcopy(each).double() for each in (before, after))
    try:
        difference = relative_difference(one, other, tuple(each.double() for each in inputs))
    except RuntimeError:  # a network that makes float32 tensors of its own
        return "please report this network"
    if difference > SAME_NUMBERS:
        return "not by rounding; please report this network"
    return (
        f"{ROUNDING_ALONE}: a norm of numbers that are all alike, or a small divisor, enlarges it; "
        "give a larger eps, or leave that layer out"
    )


def lower(network: nn.Module, pipeline: tuple[Pass, ...], probe: Probe) -> Lowered:
    """Applies the pipeline's passes in order to a copy of the network.

    Given    a network; the side of square images, or an example of each input
    Result   the same function for inputs of these shapes, as a plain inference module
    Raises   LoweringError on a network that cannot be traced or that a pass refuses.
    """
    inputs = (probe_image(probe),) if isinstance(probe, int) else examples(probe)
    applied = []
    with one_thread():
        lowered = trace(network, inputs)
        for pass_ in pipeline:
            lowered, step = apply(pass_, lowered, inputs)
            applied.append(step)
        _check_several(network, lowered, inputs)
    return Lowered(lowered, tuple(applied))


def _check_several(network: nn.Module, lowered: fx.GraphModule, inputs: tuple[Tensor, ...]) -> None:
    """Raises LoweringError where several samples at once come out as something else."""
    several = repeated(inputs, 2)
    difference = relative_difference(plain_copy(network), lowered, several)
    if not difference <= SAME_FUNCTION:
        check_repeats(plain_copy(network), several)
        check_finite(lowered, several)
        raise LoweringError(
            f"the network's output for several samples changed by {difference:.1e} of its largest value: "
            f"please report this network"
        )


def probe_image(input_size: int) -> Tensor:
    """A photograph [1, 3, input_size, input_size]; noise may drive a network to where rounding grows."""
    return torch.from_numpy(Preprocessing.imagenet(input_size).batch(photographs()[:1]))


def relative_difference(before: nn.Module, after: nn.Module, probe: Tensor | tuple[Tensor, ...]) -> float:
    """The largest difference between two networks' outputs, relative to the largest output."""
    inputs = probe if isinstance(probe, tuple) else (probe,)
    with torch.no_grad():
        expected, found = (tensors_in(each(*inputs)) for each in (before, after))
    if [tensor.shape for tensor in found] != [tensor.shape for tensor in expected]:
        raise LoweringError("the shapes of the network's outputs have changed")
    differences = [
        (ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30)
        for theirs, ours in zip(expected, found, strict=True)
    ]
    # torch's max propagates NaN; Python's drops it unless it comes first.
    return float(torch.stack(differences).max())
