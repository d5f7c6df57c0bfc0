"""MobileOne (Vasu et al. 2023): blocks of several branches as trained, and merged into one convolution."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 64, 64)


class MobileOneBlock(nn.Module):
    def __init__(self, cin, cout, k, stride=1, groups=1, branches=3):
        super().__init__()
        self.stride, self.groups, self.k, self.cin = stride, groups, k, cin
        self.reparam = None
        self.skip = nn.BatchNorm2d(cin) if cin == cout and stride == 1 else None
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)
            )
            for _ in range(branches)
        )
        self.scale = None
        if k > 1:
            self.scale = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride, groups=groups, bias=False), nn.BatchNorm2d(cout)
            )

    def forward(self, x):
        if self.reparam is not None:
            return F.relu(self.reparam(x))
        out = 0
        if self.skip is not None:
            out = self.skip(x)
        if self.scale is not None:
            out = out + self.scale(x)
        for conv in self.convs:
            out = out + conv(x)
        return F.relu(out)

    def merge(self):
        kernel, bias = 0, 0
        for conv, norm in self.convs:
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            kernel = kernel + conv.weight * scale.view(-1, 1, 1, 1)
            bias = bias + norm.bias - norm.running_mean * scale
        side = self.k // 2
        if self.scale is not None:
            conv, norm = self.scale
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            kernel = kernel + F.pad(conv.weight * scale.view(-1, 1, 1, 1), [side] * 4)
            bias = bias + norm.bias - norm.running_mean * scale
        if self.skip is not None:
            norm, each = self.skip, self.cin // self.groups
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            identity = torch.zeros(self.cin, each, self.k, self.k)
            for channel in range(self.cin):
                identity[channel, channel % each, side, side] = 1
            kernel = kernel + identity * scale.view(-1, 1, 1, 1)
            bias = bias + norm.bias - norm.running_mean * scale
        merged = nn.Conv2d(self.cin, len(bias), self.k, self.stride, side, groups=self.groups)
        merged.weight.data, merged.bias.data = kernel.detach(), bias.detach()
        self.reparam = merged
        del self.convs, self.scale, self.skip


class MobileOne(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        stages, cin = [MobileOneBlock(3, 16, 3, 2)], 16
        for cout, stride in [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1)]:
            stages += [MobileOneBlock(cin, cin, 3, stride, groups=cin), MobileOneBlock(cin, cout, 1)]
            cin = cout
        self.stages = nn.Sequential(*stages)
        self.gap = nn.AdaptiveAvgPool2d(output_size=1)
        self.linear = nn.Linear(cin, num_classes)

    def forward(self, x):
        x = self.gap(self.stages(x))
        return self.linear(x.reshape(x.shape[0], -1))


def build():
    return settled(MobileOne, IMAGE)


def build_merged():
    network = copy.deepcopy(build())
    for module in list(network.modules()):
        if isinstance(module, MobileOneBlock):
            module.merge()
    return network
