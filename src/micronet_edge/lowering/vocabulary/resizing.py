"""Maps in other sizes."""

from collections.abc import Sequence

from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.ir.primitives import Resize
from micronet_edge.lowering.vocabulary.adaptive_pools import average
from micronet_edge.lowering.vocabulary.convolutions import as_map
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_spells = VOCABULARY.spells
_MODES = {"nearest": "nearest", "bilinear": "bilinear", "linear": "bilinear"}
_SAME = 1e-6


@_spells(nn.Upsample)
def upsample_layer(write: Writer, layer: nn.Upsample, x: fx.Node) -> fx.Node:
    return resize(
        write,
        x,
        layer.size,
        layer.scale_factor,
        layer.mode,
        layer.align_corners,
        layer.recompute_scale_factor,
    )


@_spells(functional.interpolate, functional.upsample)
def resize(
    write: Writer,
    x: fx.Node,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> fx.Node:
    """Nearest and (bi)linear; a factor must give whole numbers of pixels."""
    if mode == "area":
        return average(write, x, None)
    if mode not in _MODES or antialias:
        how = f"antialiased {mode}" if antialias else mode
        raise write.refusal(f"files hold no {how} interpolation: use mode='bilinear' or 'nearest'")
    factors = () if scale_factor is None else _factors(scale_factor, len(shape_of(x)) - 2)
    sizes = zip(shape_of(x)[2:], write.shape[2:], factors, strict=False)
    if not (align_corners or recompute_scale_factor) and any(abs(a * f - b) > _SAME for a, b, f in sizes):
        raise write.refusal(
            f"scale_factor={scale_factor} gives no whole pixels: give recompute_scale_factor=True, or size="
        )
    if write.shape == shape_of(x):
        return x
    old = as_map(write, x, len(shape_of(x)) - 2)
    high, wide = write.shape[2:] if len(write.shape) == len(shape_of(old)) else (1, write.shape[2])
    layer = Resize((high, wide), _MODES[mode], aligns_corners=bool(align_corners))
    made = write("resized", layer, old, shape=(*shape_of(old)[:2], high, wide))
    return write.reshape(made, write.shape, write.axis)


def _factors(given: float | Sequence[float], rank: int) -> tuple[float, ...]:
    return (float(given),) * rank if isinstance(given, int | float) else tuple(given)
