"""The released MicroNet family as one table of frozen settings.

Source: Li et al., "MicroNet: Improving Image Recognition with Extremely Low FLOPs", ICCV 2021
(arXiv 2108.05894), tables 4 and 5, and the configuration that the authors released with it. The
earlier arXiv 2011.12289 describes another family under the same names.
"""

from dataclasses import dataclass
from types import MappingProxyType

from micronet_edge.errors import SettingsError

PAPER = "arXiv 2108.05894 (ICCV 2021)"

STATIC = 0
"""Instead of the number of fusions K: the layer has no Dynamic Shift-Max."""

Coefficients = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One block: an expansion, a depthwise convolution and a compression, each optional.

    `depthwise_expansion` holds the channel multipliers of the K x 1 and the 1 x K convolution.
    `pointwise_expansion` is the factor of the grouped pointwise convolution before them. One of the two
    expands. `project_groups == 0` leaves out everything after the expansion.
    """

    channels: int
    stride: int
    kernel_size: int
    groups: int
    project_groups: int
    fusions: tuple[int, int, int]
    squeeze_ratio: int = 1
    pointwise_expansion: int = 1
    depthwise_expansion: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant, with the paper's figures (multiply-adds, top-1 in percent)."""

    name: str
    stem_groups: tuple[int, int]
    blocks: tuple[Block, ...]
    head_channels: int
    dropout: float
    initial_coefficients: Coefficients
    paper_madds: float
    paper_top1: float

    @property
    def stem_channels(self) -> int:
        return self.stem_groups[0] * self.stem_groups[1]


def _wide(channels: int, stride: int, kernel: int, groups: int, project: int, *rest: int) -> Block:
    """Expansion by the depthwise convolution: high resolution, few channels."""
    *fusions, ratio = rest
    return Block(
        channels, stride, kernel, groups, project, _three(fusions), ratio, 1, depthwise_expansion=(2, 2)
    )


def _deep(channels: int, stride: int, kernel: int, expansion: int, *rest: int) -> Block:
    """Expansion by a grouped pointwise convolution: low resolution, many channels."""
    groups, project, *fusions, ratio = rest
    return Block(channels, stride, kernel, groups, project, _three(fusions), ratio, expansion)


def _three(values: list[int]) -> tuple[int, int, int]:
    first, second, third = values
    return first, second, third


_IDENTITY_TWICE: Coefficients = ((1.0, 0.0), (1.0, 0.0))
_IDENTITY_AND_HALVES: Coefficients = ((1.0, 0.0), (0.5, 0.5))

# Columns: channels, stride, kernel, [expansion,] groups, project groups, K of the three
# activations, squeeze ratio.
FAMILY = MappingProxyType(
    {
        variant.name: variant
        for variant in (
            Variant(
                name="m0",
                stem_groups=(2, 2),
                blocks=(
                    _wide(8, 2, 3, 4, 2, 2, 0, 1, 1),
                    _wide(12, 2, 3, 8, 4, 2, 2, 1, 1),
                    _wide(16, 2, 5, 12, 4, 2, 2, 1, 1),
                    _deep(32, 1, 5, 4, 4, 4, 2, 2, 1, 1),
                    _deep(64, 2, 5, 4, 8, 8, 2, 2, 1, 1),
                    _deep(96, 1, 3, 4, 8, 8, 2, 2, 1, 2),
                    _deep(384, 1, 3, 4, 12, 0, 2, 2, 1, 2),
                ),
                head_channels=640,
                dropout=0.05,
                initial_coefficients=_IDENTITY_TWICE,
                paper_madds=4e6,
                paper_top1=46.6,
            ),
            Variant(
                name="m1",
                stem_groups=(3, 2),
                blocks=(
                    _wide(8, 2, 3, 6, 2, 2, 0, 1, 1),
                    _wide(16, 2, 3, 8, 4, 2, 2, 1, 1),
                    _wide(16, 2, 5, 16, 4, 2, 2, 1, 1),
                    _deep(32, 1, 5, 6, 4, 4, 2, 2, 1, 1),
                    _deep(64, 2, 5, 6, 8, 8, 2, 2, 1, 1),
                    _deep(96, 1, 3, 6, 8, 8, 2, 2, 1, 2),
                    _deep(576, 1, 3, 6, 12, 0, 2, 2, 1, 2),
                ),
                head_channels=960,
                dropout=0.05,
                initial_coefficients=_IDENTITY_TWICE,
                paper_madds=6e6,
                paper_top1=51.4,
            ),
            Variant(
                name="m2",
                stem_groups=(4, 2),
                blocks=(
                    _wide(12, 2, 3, 8, 4, 2, 0, 1, 1),
                    _wide(16, 2, 3, 12, 4, 2, 2, 1, 1),
                    _wide(24, 1, 3, 16, 4, 2, 2, 1, 1),
                    _deep(32, 2, 5, 6, 6, 4, 2, 2, 1, 1),
                    _deep(32, 1, 5, 6, 8, 4, 2, 2, 1, 2),
                    _deep(64, 1, 5, 6, 8, 8, 2, 2, 1, 2),
                    _deep(96, 2, 5, 6, 8, 8, 2, 2, 1, 2),
                    _deep(128, 1, 3, 6, 12, 8, 2, 2, 1, 2),
                    _deep(768, 1, 3, 6, 16, 0, 2, 2, 1, 2),
                ),
                head_channels=1024,
                dropout=0.1,
                initial_coefficients=_IDENTITY_TWICE,
                paper_madds=12e6,
                paper_top1=59.4,
            ),
            Variant(
                name="m3",
                stem_groups=(4, 3),
                blocks=(
                    _wide(16, 2, 3, 12, 4, 0, 2, 0, 1),
                    _wide(24, 2, 3, 16, 4, 0, 2, 0, 1),
                    _wide(24, 1, 3, 24, 4, 0, 2, 0, 1),
                    _deep(32, 2, 5, 6, 6, 4, 0, 2, 0, 1),
                    _deep(32, 1, 5, 6, 8, 4, 0, 2, 0, 2),
                    _deep(64, 1, 5, 6, 8, 8, 0, 2, 0, 2),
                    _deep(80, 1, 5, 6, 8, 8, 0, 2, 0, 2),
                    _deep(80, 1, 5, 6, 10, 8, 0, 2, 0, 2),
                    _deep(120, 2, 5, 6, 10, 10, 0, 2, 0, 2),
                    _deep(120, 1, 5, 6, 12, 10, 0, 2, 0, 2),
                    _deep(144, 1, 3, 6, 12, 12, 0, 2, 0, 2),
                    _deep(864, 1, 3, 6, 12, 0, 0, 2, 0, 2),
                ),
                head_channels=1024,
                dropout=0.1,
                initial_coefficients=_IDENTITY_AND_HALVES,
                paper_madds=21e6,
                paper_top1=62.5,
            ),
        )
    }
)


def find_variant(name: str) -> Variant:
    """The variant of that name.

    Raises SettingsError on an unknown name.
    """
    if name not in FAMILY:
        raise SettingsError(f"unknown variant {name!r}: choose one of {', '.join(FAMILY)}")
    return FAMILY[name]
