"""A small ConvNeXt (Liu et al. 2022)."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from networks_of_users.settling import settled

IMAGE = (3, 64, 64)


class LayerNorm(nn.Module):
    """Over the channels, which stand last or first."""

    def __init__(self, shape, eps=1e-6, data_format="channels_last"):
        super().__init__()
        self.weight = nn.Parameter(1 + 0.2 * torch.randn(shape))
        self.bias = nn.Parameter(0.2 * torch.randn(shape))
        self.eps, self.data_format, self.normalized_shape = eps, data_format, (shape,)

    def forward(self, x):
        if self.data_format == "channels_last":
            return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class Block(nn.Module):
    def __init__(self, dim, layer_scale=0.5):
        super().__init__()
        self.dwconv = nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim)
        self.norm = LayerNorm(dim)
        self.pwconv1 = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * dim, dim)
        self.gamma = nn.Parameter(layer_scale * torch.rand(dim))

    def forward(self, x):
        shortcut = x
        x = self.dwconv(x)
        x = x.permute(0, 2, 3, 1)
        x = self.norm(x)
        x = self.pwconv2(self.act(self.pwconv1(x)))
        x = self.gamma * x
        x = x.permute(0, 3, 1, 2)
        return shortcut + x


class ConvNeXt(nn.Module):
    def __init__(self, depths=(1, 1, 2), dims=(24, 48, 96), num_classes=10):
        super().__init__()
        self.downsample_layers = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Conv2d(3, dims[0], kernel_size=4, stride=4),
                    LayerNorm(dims[0], data_format="channels_first"),
                )
            ]
        )
        for before, after in zip(dims, dims[1:]):
            self.downsample_layers.append(
                nn.Sequential(
                    LayerNorm(before, data_format="channels_first"),
                    nn.Conv2d(before, after, kernel_size=2, stride=2),
                )
            )
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(dim) for _ in range(depth))) for depth, dim in zip(depths, dims)
        )
        self.norm = nn.LayerNorm(dims[-1], eps=1e-6)
        self.head = nn.Linear(dims[-1], num_classes)

    def forward(self, x):
        for i in range(len(self.stages)):
            x = self.downsample_layers[i](x)
            x = self.stages[i](x)
        return self.head(self.norm(x.mean([-2, -1])))


def build():
    return settled(ConvNeXt, IMAGE)
