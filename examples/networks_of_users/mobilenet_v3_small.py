"""MobileNetV3-Small (Howard et al. 2019), half as wide."""

import torch.nn as nn
import torch.nn.functional as F

from networks_of_users.settling import settled

IMAGE = (3, 96, 96)
CONFIG = [
    # kernel, expanded, out, squeeze, activation, stride
    (3, 16, 8, True, "relu", 2),
    (3, 40, 16, False, "relu", 2),
    (3, 56, 16, False, "relu", 1),
    (5, 64, 24, True, "hswish", 2),
    (5, 120, 24, True, "hswish", 1),
    (5, 64, 24, True, "hswish", 1),
    (5, 144, 48, True, "hswish", 2),
    (5, 288, 48, True, "hswish", 1),
]


class SqueezeExcite(nn.Module):
    def __init__(self, channels, reduction=4):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x):
        scale = F.adaptive_avg_pool2d(x, 1)
        scale = F.relu(self.fc1(scale), inplace=True)
        scale = F.hardsigmoid(self.fc2(scale), inplace=True)
        return scale * x


class InvertedResidual(nn.Module):
    def __init__(self, in_channels, kernel, expanded, out_channels, squeeze, activation, stride):
        super().__init__()
        act = nn.ReLU if activation == "relu" else nn.Hardswish
        layers = []
        if expanded != in_channels:
            layers += [
                nn.Conv2d(in_channels, expanded, 1, bias=False),
                nn.BatchNorm2d(expanded),
                act(inplace=True),
            ]
        layers += [
            nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False),
            nn.BatchNorm2d(expanded),
            act(inplace=True),
        ]
        if squeeze:
            layers.append(SqueezeExcite(expanded))
        layers += [nn.Conv2d(expanded, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)]
        self.block = nn.Sequential(*layers)
        self.use_residual = stride == 1 and in_channels == out_channels

    def forward(self, x):
        out = self.block(x)
        if self.use_residual:
            out += x
        return out


class MobileNetV3Small(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish(inplace=True)
        )
        blocks, channels = [], 16
        for kernel, expanded, out, squeeze, activation, stride in CONFIG:
            blocks.append(InvertedResidual(channels, kernel, expanded, out, squeeze, activation, stride))
            channels = out
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Sequential(
            nn.Conv2d(channels, 288, 1, bias=False), nn.BatchNorm2d(288), nn.Hardswish(inplace=True)
        )
        self.classifier = nn.Sequential(
            nn.Linear(288, 256),
            nn.Hardswish(inplace=True),
            nn.Dropout(0.2, inplace=True),
            nn.Linear(256, num_classes),
        )

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        x = self.last(x)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.classifier(x)


def build():
    return settled(MobileNetV3Small, IMAGE)
