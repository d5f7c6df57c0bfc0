"""What does nothing in inference: gone."""

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import dtype_of
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_spells = VOCABULARY.spells


@_spells(
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Identity
)
def idle_layer(write: Writer, _: nn.Module, x: object, *__: object, **___: object) -> object:
    del write
    return x


@_spells("contiguous", "clone", "detach", "cpu", "requires_grad_", "alias", torch.clone, torch.detach)
def idle(write: Writer, x: fx.Node, *_: object, **__: object) -> fx.Node:
    del write
    return x


@_spells("to", "type", "float", "double", "half", "bfloat16", "type_as")
def converted(write: Writer, x: fx.Node, *_: object, **__: object) -> fx.Node:
    """To the type that the tensor has."""
    if dtype_of(write.node) != dtype_of(x):
        raise write.refusal(
            f"it changes the type of numbers to {dtype_of(write.node)}: leave the type to the export"
        )
    return x


@_spells(functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d)
@_spells(functional.alpha_dropout, functional.feature_alpha_dropout, torch.dropout)
def dropout(
    write: Writer, x: fx.Node, p: float = 0.5, training: bool = True, inplace: bool = False
) -> fx.Node:
    if training and p > 0:
        raise write.refusal("it drops numbers in inference too: pass training=self.training")
    return x


@_spells("zero_", torch.zeros_like, torch.ones_like, torch.full_like, "new_zeros", "new_ones", "new_full")
def filled(write: Writer, x: fx.Node, *args: object, fill_value: object = None, **_: object) -> Tensor:
    """A tensor of one number, of the call's shape and type: a constant."""
    del x
    name = getattr(write.node.target, "__name__", str(write.node.target))
    value = fill_value if fill_value is not None else args[-1] if "full" in name else float("ones" in name)
    if not isinstance(value, int | float):
        raise write.refusal("it fills with a computed number: expand that instead")
    return torch.full(write.shape, value, dtype=dtype_of(write.node))


@_spells("new_tensor")
def new_tensor(write: Writer, x: fx.Node, data: object, **_: object) -> Tensor:
    """Numbers as a constant of the call's type."""
    del x
    if isinstance(data, fx.Node):
        raise write.refusal("it copies computed numbers: use clone")
    return torch.as_tensor(data).to(dtype_of(write.node))
