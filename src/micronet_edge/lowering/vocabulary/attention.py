"""Attention: linear layers, two products of matrices, and a softmax between them."""

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.ir.primitives import Mean
from micronet_edge.lowering.vocabulary.arithmetic import LOWEST_SCORE
from micronet_edge.lowering.vocabulary.broadcasting import combined
from micronet_edge.lowering.vocabulary.linear import linear, products
from micronet_edge.lowering.vocabulary.reductions import reduced
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Value, Writer

_spells = VOCABULARY.spells
_RANK = 3


@_spells(functional.scaled_dot_product_attention)
def scaled_dot_product_attention(
    write: Writer,
    query: fx.Node,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> fx.Node:
    """softmax(query @ key.T * scale + mask) @ value. Source: Vaswani et al., arXiv 1706.03762, equation 1."""
    if dropout_p:
        raise write.refusal("it drops numbers in inference too: pass dropout_p=0.0 unless self.training")
    if enable_gqa:
        raise write.refusal("repeat the keys and values by hand in the place of enable_gqa")
    keys, values = write.tensor(key), write.tensor(value)
    factor = 1 / sqrt(shape_of(query)[-1]) if scale is None else scale
    mask = _causal(shape_of(query)[-2], shape_of(keys)[-2]) if is_causal else attn_mask
    weights = _weights(write, combined(write, "multiply", query, factor), keys, mask)
    return products(write, weights, values)


def _weights(write: Writer, query: fx.Node, key: fx.Node, mask: Value | None) -> fx.Node:
    rank = len(shape_of(key))
    turned = write.permute(key, (*range(rank - 2), rank - 1, rank - 2))
    scores = products(write, query, turned)
    if isinstance(mask, Tensor):
        scores = combined(write, "add", scores, added(mask))
    elif mask is not None:
        scores = combined(write, "add", scores, mask)
    return write("weights", nn.Softmax(rank - 1), scores)


def added(mask: Tensor, *, keeps: bool = True) -> Tensor:
    """What a mask adds to scores; one of truth values says what it keeps, or what it hides."""
    if mask.dtype == torch.bool:
        hidden = ~mask if keeps else mask
        return hidden.to(torch.get_default_dtype()) * LOWEST_SCORE
    return mask.detach().clamp_min(LOWEST_SCORE)


def _causal(queries: int, keys: int) -> Tensor:
    return torch.ones(queries, keys, dtype=torch.bool).tril()


@dataclass(frozen=True, slots=True)
class _Projections:
    """Weights and biases of queries, keys and values."""

    weights: tuple[Tensor, Tensor, Tensor]
    biases: tuple[Tensor | None, Tensor | None, Tensor | None]


@_spells(nn.MultiheadAttention)
def multihead_attention(
    write: Writer,
    layer: nn.MultiheadAttention,
    query: Value,
    key: Value,
    value: Value,
    key_padding_mask: Value | None = None,
    need_weights: bool = True,
    attn_mask: Value | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[fx.Node, fx.Node | None]:
    """The heads side by side on an axis of their own. Source: as above, section 3.2.2."""
    if layer.bias_k is not None or layer.add_zero_attn:
        raise write.refusal("add_bias_kv, add_zero_attn: join rows to keys and values by hand")
    if key_padding_mask is not None:
        raise write.refusal("key_padding_mask differs by sample: pass a fixed attn_mask")
    if attn_mask is not None and not isinstance(attn_mask, Tensor):
        raise write.refusal("its mask is computed: it must be fixed")
    given = [_rows_first(write, layer, write.tensor(each)) for each in (query, key, value)]
    parts, projections = [], _projections(layer)
    for number, (x, weight, bias) in enumerate(
        zip(given, projections.weights, projections.biases, strict=True)
    ):
        factor = 1 / sqrt(layer.head_dim) if number == 0 else 1.0
        rows = linear(write, x, weight * factor, None if bias is None else bias * factor)
        parts.append(_heads(write, rows, layer.num_heads))
    mask = None if attn_mask is None else _mask_of_heads(write, attn_mask, layer.num_heads)
    weights = _weights(write, parts[0], parts[1], mask)
    together = write.permute(products(write, weights, parts[2]), (0, 2, 1, 3))
    n, rows_, *_ = shape_of(together)
    joined = write.reshape(together, (n, rows_, layer.embed_dim), 0)
    result = linear(write, joined, layer.out_proj.weight, layer.out_proj.bias)
    shown = weights
    if average_attn_weights:
        shown = reduced(write, Mean, weights, 1, keepdim=False)
    return _rows_first(write, layer, result), shown if need_weights else None


def _rows_first(write: Writer, layer: nn.MultiheadAttention, x: fx.Node) -> fx.Node:
    """From the layer's order of axes to [samples, rows, features], or back."""
    if len(shape_of(x)) != _RANK:
        raise write.refusal("it reads one sample without an axis of samples: give it three axes")
    return x if layer.batch_first else write.permute(x, (1, 0, 2))


def _heads(write: Writer, rows: fx.Node, heads: int) -> fx.Node:
    n, length, features = shape_of(rows)
    if batch_axis(rows) != 0:
        raise write.refusal("its samples do not lie on the axis of the batch: check batch_first")
    return write.permute(write.reshape(rows, (n, length, heads, features // heads), 0), (0, 2, 1, 3))


def _mask_of_heads(write: Writer, mask: Tensor, heads: int) -> Tensor:
    """[rows, keys] as it is; [samples * heads, rows, keys], the same for every sample, by head."""
    hidden = added(mask, keeps=False)
    if hidden.ndim != _RANK:
        return hidden
    if hidden.shape[0] % heads:
        raise write.refusal(f"its mask is for {hidden.shape[0]} heads, not {heads}")
    return hidden[:heads]


def _projections(layer: nn.MultiheadAttention) -> _Projections:
    biases = (None, None, None) if layer.in_proj_bias is None else layer.in_proj_bias.detach().chunk(3)
    if layer.in_proj_weight is not None:
        query, key, value = layer.in_proj_weight.detach().chunk(3)
    else:
        query, key, value = (
            each.detach() for each in (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
        )
    return _Projections((query, key, value), (biases[0], biases[1], biases[2]))
