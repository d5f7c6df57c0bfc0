"""Functions and methods of tensors compute the same in canonical layers."""

import pytest
import torch
from lowering.vocabulary.spelled import Calls, assert_spelled
from torch import nn
from torch.nn import functional as F

ROW, HALF = torch.linspace(-2, 2, 8, dtype=torch.float64), torch.arange(8) > 3
FILTER = torch.arange(4 * 4 * 9.0, dtype=torch.float64).view(4, 4, 3, 3) / 100

FUNCTIONS = {
    "relu": F.relu,
    "relu6": lambda x: x * F.relu6(x + 3) / 6,
    "relu in place": lambda x: x.mul(2).relu_(),
    "clamp": lambda x: x.clamp(-1, 1) + x.clamp(min=0) + torch.clamp(x, max=0.3),
    "softmax": lambda x: x.softmax(1) + F.log_softmax(x, -1),
    "glu": lambda x: F.glu(x, 1),
    "prelu": lambda x: F.prelu(x, torch.arange(4.0, dtype=x.dtype)),
    "mean of maps": lambda x: x.mean((2, 3)),
    "mean, kept": lambda x: x.mean([2, 3], keepdim=True) * x,
    "means": lambda x: (x.mean(1), x.mean(dim=-1, keepdim=True)),
    "sums": lambda x: (x.sum(dim=(1, 2)), x.sum(-1)),
    "extremes": lambda x: (x.amax(1, keepdim=True), x.amin((1, 3)), x.max(1)[0], x.min(dim=2).values),
    "variances": lambda x: (
        x.var(1),
        x.std((2, 3), keepdim=True, unbiased=False),
        x.var(dim=2, correction=0),
    ),
    "norms": lambda x: (x.norm(dim=1), torch.norm(x, 1, dim=1), F.normalize(x, dim=1)),
    "flatten": lambda x: x.flatten(1),
    "flatten maps": lambda x: torch.flatten(x, 2),
    "view": lambda x: x.view(x.size(0), -1),
    "view by shape": lambda x: x.view(x.shape[0], 2, 2, *x.shape[2:]),
    "reshape": lambda x: x.reshape(-1, 4 * 48),
    "to channels last": lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1, 4),
    "transpose": lambda x: x.transpose(1, -1).swapaxes(1, 2).movedim(1, 3),
    "unsqueeze": lambda x: x.unsqueeze(1).unsqueeze(-1),
    "squeeze": lambda x: x.mean((2, 3), keepdim=True).squeeze(-1).squeeze(-1),
    "several rows a sample": lambda x: x.view(len(x) * 4, 6, 8).mean(1).view(len(x), 4, 8),
    "a constant of several rows": lambda x: (
        x.view(len(x) * 4, 6, 8) + torch.arange(192.0, dtype=x.dtype).view(4, 6, 8).repeat(len(x), 1, 1)
    ).view(x.shape),
    "windows": lambda x: (
        x.view(len(x), 4, 3, 2, 4, 2)
        .permute(0, 2, 4, 1, 3, 5)
        .reshape(-1, 4, 4)
        .softmax(-1)
        .view(len(x), 3, 4, 4, 2, 2)
        .permute(0, 3, 1, 4, 2, 5)
        .reshape(x.shape)
    ),
    "shuffle by hand": lambda x: x.view(len(x), 2, 2, 6, 8).transpose(1, 2).contiguous().view(x.shape),
    "samples behind": lambda x: x.mean((2, 3)).transpose(0, 1).relu().transpose(0, 1),
    "roll": lambda x: torch.roll(x, (1, -2), (2, 3)),
    "flip": lambda x: x.flip(3),
    "chunk": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "split": lambda x: (x.split([1, 3], 1)[1], torch.split(x, 4, 3), x.tensor_split(3, 3)[0]),
    "unbind": lambda x: x.unbind(1)[2],
    "one number a sample": lambda x: x.flatten(1).unbind(1)[-1].relu().unsqueeze(-1),
    "iterate": lambda x: sum(x.unbind(1)),
    "slices": lambda x: (x[:, :3], x[:, 0], x[..., ::2], x[:, :, 1:-1, None], x[:, -1:, ::2, 3]),
    "picks": lambda x: (x[:, [0, 2]], x[:, :, torch.tensor([3, 1])], x[..., HALF]),
    "picks of picks": lambda x: (x[:, [[0, 2], [1, 1]]], x[..., torch.tensor([[3], [-1]]), None]),
    "picks by a list of truths": lambda x: x[:, [True, False, True, True], 1:3, ..., None],
    "selects": lambda x: (x.narrow(1, 1, 2), x.select(2, -1), x.index_select(3, torch.tensor([1, 0]))),
    "stack": lambda x: torch.stack([x, x * 2], 1),
    "cat": lambda x: torch.cat([x, x + 1], dim=-1),
    "cat of constants": lambda x: torch.cat([x, ROW.expand(len(x), 1, 6, 8), torch.zeros_like(x)], 1),
    "new zeros": lambda x: torch.cat([x, x.new_zeros(x.shape[0], 1, 6, 8)], 1),
    "repeat": lambda x: (x.repeat(1, 2, 1, 3), x.repeat_interleave(2, dim=2), x.tile(2, 1)),
    "expand": lambda x: x.mean(1, keepdim=True).expand(-1, 5, -1, -1),
    "expand as": lambda x: x.mean((2, 3), keepdim=True).expand_as(x),
    "numbers": lambda x: (x + 1, 1 - x, 0.5 * x, x / 3, 2 / (x.abs() + 1), -x, abs(x)),
    "powers": lambda x: (
        x**2,
        x**3,
        (abs(x) + 1) ** -1,
        abs(x) ** 0.5,
        2**x,
        x.square(),
        torch.rsqrt(abs(x) + 1),
    ),
    "functions": lambda x: (x.exp(), (x.abs() + 1).log(), x.abs().sqrt(), x.tanh(), x.sigmoid()),
    "constants": lambda x: (x * ROW, ROW - x, ROW / (x.abs() + 1), x.mean(-1, keepdim=True) * ROW),
    "of higher rank": lambda x: x.mean((2, 3))[:, :, None] + x.mean(3),
    "two tensors": lambda x: (torch.maximum(x, x * 2), torch.max(x, ROW), x - x.tanh(), x / (x.abs() + 1)),
    "methods": lambda x: x.sub(1).mul(2).add(x, alpha=2).div(3).neg(),
    "in place": lambda x: (y := x * 3).add_(1) * y,
    "where": lambda x: torch.where(HALF, x, -x) + x.masked_fill(HALF, 0.5),
    "masked scores": lambda x: x.masked_fill(HALF, float("-inf")).softmax(-1),
    "squeeze and excite": lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)),
    "residual": lambda x: x + F.relu(x),
    "products": lambda x: (x @ x.transpose(2, 3), torch.bmm(x.mean(1), x.mean(2).transpose(1, 2))),
    "fixed products": lambda x: (x @ ROW.view(8, 1), ROW.view(1, 8).expand(5, 8)[:, :6] @ x, x @ ROW),
    "fixed matrices": lambda x: FILTER.flatten(2)[:1, :, :6].permute(1, 0, 2)[None, :, 0] @ x,
    "einsum": lambda x: (torch.einsum("bchw,bcvw->bchv", x, x), torch.einsum("nchw,nkhw->nck", x, x)),
    "einsum with a fixed tensor": lambda x: (
        torch.einsum("bchw,vw->bchv", x, ROW.view(2, 4).repeat(1, 2)),
        torch.einsum("kchl,bchw->lbkw", FILTER[:, :, :, :2].repeat(1, 1, 2, 1), x).transpose(0, 1),
        torch.einsum("bchw,k->kbcwh", x, ROW[:3]).transpose(0, 1),
    ),
    "pads": lambda x: (
        F.pad(x, (1, 2, 0, 1)),
        F.pad(x, (1, 2, 1, 1), mode="reflect"),
        F.pad(x, (1, 0), value=2.0),
    ),
    "other pads": lambda x: F.pad(F.pad(x, (1, 2, 0, 1), mode="replicate"), (1, 2, 0, 1), mode="circular"),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
    "to a size": lambda x: F.interpolate(
        F.interpolate(x, size=(x.shape[2] * 2, 3)), size=(3, 2), mode="area"
    ),
    "to the same size": lambda x: F.interpolate(x, size=x.shape[2:], mode="bilinear"),
    "nothing": lambda x: F.dropout(x.contiguous().clone().detach().to(x.dtype), training=False),
    "convolutions": lambda x: F.conv_transpose2d(F.conv2d(x, FILTER, padding=1), FILTER[:, :2], stride=2),
    "linear": lambda x: F.linear(x, ROW.expand(3, 8), ROW[:3]),
    "pools": lambda x: F.avg_pool2d(F.max_pool2d(x, 3, 2, 1, ceil_mode=True), 2),
    "adaptive pools": lambda x: F.adaptive_max_pool2d(F.adaptive_avg_pool2d(x, (5, 4)), 2),
    "norms of the input": lambda x: F.group_norm(F.layer_norm(x, (8,)), 2, ROW[:4]),
    "batch norm": lambda x: F.batch_norm(x, ROW[:4], ROW[4:].abs()),
    "pixel shuffle": lambda x: F.pixel_shuffle(x, 2),
    "channel shuffle": lambda x: torch.channel_shuffle(x, 2),
    "nested outputs": lambda x: (x, {"a": x + 1, "b": [x * 2]}),
    "layers made in forward": lambda x: nn.ReLU()(x) + nn.Tanh()(x),
    "asserts": lambda x: x if x.shape[2:] == (6, 8) and x.ndim == 4 and x.dim() == len(x.shape) else None,
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x * 2),
    "causal attention": lambda x: F.scaled_dot_product_attention(x, x, x * 2, is_causal=True),
    "masked attention": lambda x: F.scaled_dot_product_attention(
        x, x, x * 2, attn_mask=torch.ones(6, 6).tril() > 0, scale=0.3
    ),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function(function):
    assert_spelled(Calls(function), (4, 6, 8))


def test_means_and_flattens_are_layers_that_passes_know():
    assert assert_spelled(Calls(lambda x: x.mean((2, 3))), (4, 6, 8)) == ["AdaptiveAvgPool2d", "Flatten"]
    assert assert_spelled(Calls(lambda x: x.view(len(x), -1)), (4, 6, 8)) == ["Flatten"]


def test_sums_and_products_of_two_tensors_stay():
    assert assert_spelled(Calls(lambda x, y: x * y + x), (4, 6, 8), (4, 6, 8)) == ["mul", "add"]


def test_reshapes_that_undo_each_other_are_gone():
    assert assert_spelled(Calls(lambda x: x.flatten(2).view(x.shape).relu()), (4, 6, 8)) == ["ReLU"]


class Token(nn.Module):
    """Parameters in the middle: a token beside the rows, positions, a scale."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.positions = nn.Parameter(torch.zeros(1, 7, 8))
        self.scale = nn.Parameter(torch.zeros(8))
        self.register_buffer("offset", torch.ones(1))

    def forward(self, x):
        rows = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        return (rows + self.positions) * self.scale + self.offset


def test_parameters_are_constants():
    left = assert_spelled(Token(), (6, 8))
    assert left == ["StoredTensor", "Concatenate", "AddConstant", "MultiplyConstant", "AddConstant"]


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"kdim": 6, "vdim": 5}], ids=str)
def test_multihead_attention(batch_first, settings):
    layer = nn.MultiheadAttention(8, 2, batch_first=batch_first, **settings)
    turn = (lambda x: x) if batch_first else (lambda x: x.transpose(0, 1))

    def attend(x, y, z, layer):
        result, weights = layer(turn(x), turn(y), turn(z))
        return turn(result), weights

    assert_spelled(Calls(attend, layer), (5, 8), (3, layer.kdim), (3, layer.vdim))


def test_attention_with_a_fixed_mask():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    mask = torch.triu(torch.ones(5, 5), 1).bool()
    left = assert_spelled(
        Calls(lambda x, m: m(x, x, x, attn_mask=mask, need_weights=False)[0], layer), (5, 8)
    )
    assert "Mean" not in left


@pytest.mark.parametrize(
    "layer",
    [
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True), 2),
    ],
    ids=["layer", "encoder"],
)
def test_transformers_are_traced_into(layer):
    assert_spelled(nn.Sequential(layer), (5, 8))


def test_a_decoder_reads_two_inputs():
    layer = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    assert_spelled(Calls(lambda x, y, layer: layer(x, y), layer), (5, 8), (3, 8))
