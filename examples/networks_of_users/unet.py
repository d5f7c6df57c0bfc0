"""U-Nets (Ronneberger et al. 2015) that grow again by transposed convolutions, or by interpolation."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from networks_of_users.settling import settled

IMAGE = (3, 48, 64)
ODD_IMAGE = (1, 45, 61)


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(in_channels + in_channels // 2, out_channels)
        else:
            self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
            self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x1, x2):
        x1 = self.up(x1)
        # Maps of odd sides lose a row on the way down.
        dy = x2.size()[2] - x1.size()[2]
        dx = x2.size()[3] - x1.size()[3]
        x1 = F.pad(x1, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([x2, x1], dim=1))


class UNet(nn.Module):
    def __init__(self, n_channels=3, n_classes=2, bilinear=False, width=8):
        super().__init__()
        self.inc = DoubleConv(n_channels, width)
        self.downs = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), DoubleConv(width * 2**i, width * 2 ** (i + 1))) for i in range(3)
        )
        self.ups = nn.ModuleList(Up(width * 2 ** (i + 1), width * 2**i, bilinear) for i in reversed(range(3)))
        self.outc = nn.Conv2d(width, n_classes, kernel_size=1)

    def forward(self, x):
        maps = [self.inc(x)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        y = maps.pop()
        for up in self.ups:
            y = up(y, maps.pop())
        return torch.sigmoid(self.outc(y))


def build_transposed():
    return settled(UNet, IMAGE)


def build_upsample():
    return settled(lambda: UNet(1, 3, bilinear=True), ODD_IMAGE)
