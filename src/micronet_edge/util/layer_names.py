"""The names of operators in files: the layer's name and the operator's part in it.

Decomposition takes the names of a layer's parts from here; counting and measuring read them with the same
definitions. A Dynamic Shift-Max is recognized by its parts, never by its layer's name.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum


class Part(StrEnum):
    """Parts that occur once in a decomposed Dynamic Shift-Max."""

    MEAN = "mean"
    SQUEEZE = "squeeze"
    SQUEEZED = "squeezed"
    EXCITE = "excite"
    GATE = "gate"
    COEFFICIENTS = "coefficients"
    SCALED = "scaled"
    MAXIMUM = "maximum"


class FusionPart(StrEnum):
    """Parts that occur once per fusion, some of them once per shift."""

    EXCITE = "excite"
    COEFFICIENT = "coefficient"
    MATRIX = "matrix"
    MIX = "mix"
    PRODUCT = "product"
    SUM = "sum"


def part_of_fusion(fusion: int, part: FusionPart, shift: int | None = None) -> str:
    """The name of a part of a fusion, such as fusion0_product1 or fusion1_mix."""
    return f"fusion{fusion}_{part}" + ("" if shift is None else str(shift))


def shifted_part(shift: int, start: int | None = None, stop: int | None = None) -> str:
    """The name of a shift's input, such as shift1, or of a slice of its channels, such as shift1_0_16."""
    return f"shift{shift}" if start is None else f"shift{shift}_{start}_{stop}"


# torch.onnx names operators by type; for a layer that is one module the name follows the module's path.
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

    Such a layer has a mean and parts that no other layer has: those of its fusions or, in a file that
    torch.onnx wrote, the split of the coefficients.
    """
    names = list(operators)
    pooled, fused = ({path for name in names for path in _paths(name, part)} for part in (_POOLED, _FUSED))
    return frozenset(pooled & fused)


def _paths(name: str, part: re.Pattern[str]) -> Iterator[str]:
    """The text before each such part in the name."""
    steps = name.split("/")
    return ("/".join(steps[:place]) for place, step in enumerate(steps) if place and part.match(step))


def fused_layer(name: str) -> str:
    """The activation that one fused operator computes, from its output's name or its own."""
    return max(_paths(name, _FUSED), key=len, default=name)


def layer_among(layers: Collection[str], name: str) -> str | None:
    """The layer among these that contains an operator of that name."""
    while name:
        if name in layers:
            return name
        name = name.rpartition("/")[0]
    return None


def makes_coefficients(part: str) -> bool:
    """Whether a part of a Dynamic Shift-Max computes the coefficients; all other parts apply them.

    Given    the name after the layer's: squeeze, maximum/excite, Add_1
    """
    # `maximum/excite` and `fusion0_mix/gate` are nested under the part they serve.
    return any(_COEFFICIENTS.match(each) for each in (part, part.partition("/")[2]))


def common_start(layers: Collection[str]) -> str:
    """The path prefix of more than half of the layers, with its slash: `features/`; empty for none."""
    folders = [layer.partition("/")[0] for layer in layers if "/" in layer]
    most = max(folders, key=folders.count, default="")
    return f"{most}/" if 2 * folders.count(most) > len(layers) else ""
