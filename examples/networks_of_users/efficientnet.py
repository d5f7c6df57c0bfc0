"""An EfficientNet (Tan and Le 2019) of few blocks."""

import torch
from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 96, 96)


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class MBConv(nn.Module):
    def __init__(self, inp, oup, kernel, stride, expand):
        super().__init__()
        hidden, squeezed = inp * expand, max(1, inp // 4)
        self.skip = stride == 1 and inp == oup
        self.expand = nn.Identity()
        if expand != 1:
            self.expand = nn.Sequential(
                nn.Conv2d(inp, hidden, 1, bias=False), nn.BatchNorm2d(hidden, 1e-3), nn.SiLU()
            )
        self.depthwise = nn.Sequential(
            nn.Conv2d(
                hidden,
                hidden,
                kernel,
                stride,
                padding="same" if stride == 1 else kernel // 2,
                groups=hidden,
                bias=False,
            ),
            nn.BatchNorm2d(hidden, 1e-3),
            nn.SiLU(inplace=True),
        )
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(hidden, squeezed, 1),
            Swish(),
            nn.Conv2d(squeezed, hidden, 1),
            nn.Sigmoid(),
        )
        self.project = nn.Sequential(nn.Conv2d(hidden, oup, 1, bias=False), nn.BatchNorm2d(oup, 1e-3))

    def forward(self, inputs):
        x = self.depthwise(self.expand(inputs))
        x = self.squeeze(x) * x
        x = self.project(x)
        return torch.add(x, inputs) if self.skip else x


class EfficientNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16, 1e-3),
            nn.SiLU(),
            MBConv(16, 8, 3, 1, 1),
            MBConv(8, 16, 3, 2, 6),
            MBConv(16, 16, 3, 1, 6),
            MBConv(16, 24, 5, 2, 6),
            MBConv(24, 24, 5, 1, 6),
            MBConv(24, 40, 3, 2, 6),
            nn.Conv2d(40, 160, 1, bias=False),
            nn.BatchNorm2d(160, 1e-3),
            nn.SiLU(),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(160, classes))

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.mean(dim=(2, 3)))


def build():
    return settled(EfficientNet, IMAGE)
