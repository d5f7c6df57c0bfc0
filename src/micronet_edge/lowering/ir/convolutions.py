"""Helpers for convolutions, plain or with a bias that depends on the column."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import module_of, only_input, shape_of
from micronet_edge.lowering.ir.primitives import AddConstant


class BorderedConv(nn.Module):
    """A convolution whose bias depends on the column.

    Given    x [n, c, h, w]
    Result   y [n, d, h', w']; `bias_map` is [1, d, 1, w']
    """

    def __init__(self, conv: nn.Conv2d, bias_map: Tensor) -> None:
        super().__init__()
        self.conv = conv
        self.register_buffer("bias_map", bias_map)
        self.bias_map: Tensor

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x) + self.bias_map
        return y


def conv_of(module: nn.Module | None) -> nn.Conv2d | None:
    """The layer's convolution: itself, or the one it wraps."""
    inner = module.conv if isinstance(module, BorderedConv) else module
    return inner if isinstance(inner, nn.Conv2d) else None


def corrects_borders(node: fx.Node) -> bool:
    """Whether the node adds a constant for each channel and column of a convolution's map, alike in rows."""
    layer = module_of(node)
    conv = module_of(only_input(node)) if isinstance(layer, AddConstant) else None
    if not isinstance(layer, AddConstant) or not isinstance(conv, nn.Conv2d):
        return False
    return layer.constant.shape == (1, conv.out_channels, 1, shape_of(node)[3])


def conv_at(node: fx.Node) -> nn.Conv2d:
    """The convolution that the node calls."""
    layer = module_of(node)
    assert isinstance(layer, nn.Conv2d)
    return layer


def bias_of(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> Tensor:
    """The layer's bias [n], zeros if it has none."""
    if layer.bias is not None:
        return layer.bias.detach()
    transposed = isinstance(layer, nn.ConvTranspose2d)
    return torch.zeros(layer.out_channels if transposed else layer.weight.shape[0])


def is_depthwise(conv: nn.Conv2d) -> bool:
    """Whether every channel has its own filter, so that the order does not matter."""
    return conv.groups == conv.in_channels == conv.out_channels


def is_dense(layer: nn.Module | None) -> bool:
    """Whether the layer is a convolution with one group."""
    return isinstance(layer, nn.Conv2d) and layer.groups == 1


def with_weights(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """The same convolution with other weights; channels and groups follow the shape."""
    result = nn.Conv2d(
        conv.in_channels,
        weight.shape[0],
        (weight.shape[2], weight.shape[3]),
        _pair(conv.stride),
        _pair(conv.padding),
        _pair(conv.dilation),
        groups=conv.in_channels // weight.shape[1],
        bias=bias is not None,
        padding_mode=conv.padding_mode,
    )
    with torch.no_grad():
        result.weight.copy_(weight)
        if bias is not None:
            assert result.bias is not None
            result.bias.copy_(bias)
    return result


def pointwise(linear: nn.Linear, *, gain: float = 1.0, bias: float = 0.0) -> nn.Conv2d:
    """The linear layer as a 1 x 1 convolution, which needs no reshapes around it."""
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
    with torch.no_grad():
        conv.weight.copy_((linear.weight.double() * gain)[:, :, None, None])
        assert conv.bias is not None
        conv.bias.copy_(bias_of(linear).double() + bias)
    return conv


def with_inputs(conv: nn.Conv2d, weight: Tensor) -> nn.Conv2d:
    """The same convolution as a dense one with as many input channels as the weight has."""
    result = nn.Conv2d(weight.shape[1], conv.out_channels, 1, bias=conv.bias is not None)
    result.stride, result.padding, result.dilation = conv.stride, conv.padding, conv.dilation
    return with_weights(result, weight, conv.bias)


def depthwise(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """The same convolution as a depthwise one with as many channels as the weight has."""
    channels = weight.shape[0]
    result = nn.Conv2d(channels, channels, 1, groups=channels)
    result.stride, result.padding, result.dilation = conv.stride, conv.padding, conv.dilation
    result.padding_mode = conv.padding_mode
    return with_weights(result, weight, bias)


def _pair(values: tuple[int, ...] | str) -> tuple[int, int]:
    if isinstance(values, str):
        raise LoweringError(f"convolutions must have their padding in pixels, not {values!r}")
    vertical, horizontal = values
    return vertical, horizontal


def with_conv(layer: nn.Module, conv: nn.Conv2d, outputs: list[int] | None = None) -> nn.Module:
    """The layer with another convolution; `outputs` selects the rows of its bias map."""
    if not isinstance(layer, BorderedConv):
        return conv
    return BorderedConv(conv, layer.bias_map if outputs is None else layer.bias_map[:, outputs])


def select_outputs(layer: nn.Module, outputs: list[int]) -> nn.Module:
    """The dense or depthwise convolution with only the selected output channels, in that order."""
    conv = conv_of(layer)
    assert conv is not None
    bias = None if conv.bias is None else conv.bias[outputs]
    return with_conv(layer, with_weights(conv, conv.weight[outputs], bias), outputs)
