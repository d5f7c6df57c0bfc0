"""PP-LCNet (Cui et al. 2021), a quarter as wide."""

import torch
from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 96, 96)


def make_divisible(value, divisor=8):
    return max(divisor, int(value + divisor / 2) // divisor * divisor)


class ConvBNAct(nn.Sequential):
    def __init__(self, cin, cout, k, s=1, g=1):
        super().__init__(
            nn.Conv2d(cin, cout, k, s, (k - 1) // 2, groups=g, bias=False),
            nn.BatchNorm2d(cout),
            nn.Hardswish(),
        )


class SEModule(nn.Module):
    def __init__(self, channel, reduction=4):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv1 = nn.Conv2d(channel, channel // reduction, 1)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channel // reduction, channel, 1)
        self.hardsigmoid = nn.Hardsigmoid()

    def forward(self, x):
        identity = x
        x = self.avg_pool(x)
        x = self.relu(self.conv1(x))
        x = self.hardsigmoid(self.conv2(x))
        return torch.multiply(identity, x)


class DepthwiseSeparable(nn.Module):
    def __init__(self, cin, cout, k, s, use_se=False):
        super().__init__()
        self.use_se = use_se
        self.dw_conv = ConvBNAct(cin, cin, k, s, g=cin)
        if use_se:
            self.se = SEModule(cin)
        self.pw_conv = ConvBNAct(cin, cout, 1)

    def forward(self, x):
        x = self.dw_conv(x)
        if self.use_se:
            x = self.se(x)
        return self.pw_conv(x)


class PPLCNet(nn.Module):
    NET = [
        (3, 32, 1, False),
        (3, 64, 2, False),
        (3, 64, 1, False),
        (3, 128, 2, False),
        (3, 128, 1, False),
        (3, 256, 2, False),
        (5, 256, 1, False),
        (5, 256, 1, False),
        (5, 512, 2, True),
        (5, 512, 1, True),
    ]

    def __init__(self, scale=0.25, class_num=10, class_expand=320):
        super().__init__()
        cin = make_divisible(16 * scale)
        layers = [ConvBNAct(3, cin, 3, 2)]
        for k, channels, s, se in self.NET:
            cout = make_divisible(channels * scale)
            layers.append(DepthwiseSeparable(cin, cout, k, s, se))
            cin = cout
        self.blocks = nn.Sequential(*layers)
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.last_conv = nn.Conv2d(cin, class_expand, 1, bias=False)
        self.hardswish = nn.Hardswish()
        self.dropout = nn.Dropout(0.2)
        self.flatten = nn.Flatten(start_dim=1, end_dim=-1)
        self.fc = nn.Linear(class_expand, class_num)

    def forward(self, x):
        x = self.avg_pool(self.blocks(x))
        x = self.dropout(self.hardswish(self.last_conv(x)))
        return self.fc(self.flatten(x))


def build():
    return settled(PPLCNet, IMAGE)
