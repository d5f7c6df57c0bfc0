"""What files call operators: after the layer that they stand in, and after what they do in it.

Who decomposes a layer names its parts from here, and who counts or measures operators reads them here again.
A Dynamic Shift-Max is told by its parts, never by what its layer is called.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum


class Part(StrEnum):
    """Parts of a decomposed Dynamic Shift-Max that it has once."""

    MEAN = "mean"
    SQUEEZE = "squeeze"
    SQUEEZED = "squeezed"
    EXCITE = "excite"
    GATE = "gate"
    COEFFICIENTS = "coefficients"
    SCALED = "scaled"
    MAXIMUM = "maximum"


class FusionPart(StrEnum):
    """Parts that each fusion has, some of them for each shift."""

    EXCITE = "excite"
    COEFFICIENT = "coefficient"
    MATRIX = "matrix"
    MIX = "mix"
    PRODUCT = "product"
    SUM = "sum"


def part_of_fusion(fusion: int, part: FusionPart, shift: int | None = None) -> str:
    """fusion0_product1, fusion1_mix."""
    return f"fusion{fusion}_{part}" + ("" if shift is None else str(shift))


def shifted_part(shift: int, start: int | None = None, stop: int | None = None) -> str:
    """The input of a shift: shift1; or a piece of it, from one channel to another: shift1_0_16."""
    return f"shift{shift}" if start is None else f"shift{shift}_{start}_{stop}"


# torch.onnx names operators by their kind: of a layer that is one module these follow its path.
_POOLED = re.compile(rf"({Part.MEAN}|GlobalAveragePool)(_|$)")
_FUSED = re.compile(rf"(fusion\d+_({'|'.join(FusionPart)})\d*|{Part.MAXIMUM}\d*|Split)(_|$)")
_COEFFICIENTS = re.compile(
    rf"({Part.MEAN}|{Part.SQUEEZE}|{Part.SQUEEZED}|{Part.EXCITE}|{Part.GATE}|{Part.COEFFICIENTS}|{Part.SCALED}"
    rf"|fusion\d+_({FusionPart.EXCITE}|{FusionPart.COEFFICIENT}|{FusionPart.MATRIX})\d*|matrices"
    r"|GlobalAveragePool|Flatten|Relu|Clip|HardSigmoid|Sub|Add|Unsqueeze(_\d+)?|Split(_output_\d+)?)"
    r"(_output_\d+)?(/|_Q|$)"
)


def shift_max_layers(operators: Iterable[str]) -> frozenset[str]:
    """The layers that are a Dynamic Shift-Max, by the names of a file's operators.

    Such a layer has a mean of its own and parts that no other layer has: those of its fusions, or the
    split of the coefficients in a file that torch.onnx wrote.
    """
    names = list(operators)
    pooled, fused = ({path for name in names for path in _paths(name, part)} for part in (_POOLED, _FUSED))
    return frozenset(pooled & fused)


def _paths(name: str, part: re.Pattern[str]) -> Iterator[str]:
    """What stands before each such part in the name."""
    steps = name.split("/")
    return ("/".join(steps[:place]) for place, step in enumerate(steps) if place and part.match(step))


def fused_layer(name: str) -> str:
    """The activation that one operator of that name computes: by its result's name, or by its own."""
    return max(_paths(name, _FUSED), key=len, default=name)


def layer_among(layers: Collection[str], name: str) -> str | None:
    """The one of these layers that an operator of that name stands in."""
    while name:
        if name in layers:
            return name
        name = name.rpartition("/")[0]
    return None


def makes_coefficients(part: str) -> bool:
    """Whether a part of a Dynamic Shift-Max makes the coefficients; what else there is applies them.

    Given    the name behind the layer's: squeeze, maximum/excite, Add_1
    """
    # `maximum/excite` and `fusion0_mix/gate` stand under what they serve.
    return any(_COEFFICIENTS.match(each) for each in (part, part.partition("/")[2]))


def common_start(layers: Collection[str]) -> str:
    """The folder, with its slash, in which more than half of the layers lie: `features/`; empty for none."""
    folders = [layer.partition("/")[0] for layer in layers if "/" in layer]
    most = max(folders, key=folders.count, default="")
    return f"{most}/" if 2 * folders.count(most) > len(layers) else ""
