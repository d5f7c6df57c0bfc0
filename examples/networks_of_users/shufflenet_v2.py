"""A ShuffleNetV2 (Ma et al. 2018) of few units."""

import torch
import torch.nn as nn

from networks_of_users.settling import settled

IMAGE = (3, 64, 64)


def channel_shuffle(x, groups):
    batchsize, num_channels, height, width = x.size()
    channels_per_group = num_channels // groups
    x = x.view(batchsize, groups, channels_per_group, height, width)
    x = torch.transpose(x, 1, 2).contiguous()
    return x.view(batchsize, num_channels, height, width)


class InvertedResidual(nn.Module):
    def __init__(self, inp, oup, stride):
        super().__init__()
        self.stride = stride
        branch = oup // 2
        if stride > 1:
            self.branch1 = nn.Sequential(
                self.depthwise_conv(inp, inp, stride), nn.BatchNorm2d(inp), *self.pointwise(inp, branch)
            )
        else:
            self.branch1 = nn.Sequential()
        self.branch2 = nn.Sequential(
            *self.pointwise(inp if stride > 1 else branch, branch),
            self.depthwise_conv(branch, branch, stride),
            nn.BatchNorm2d(branch),
            *self.pointwise(branch, branch),
        )

    @staticmethod
    def pointwise(i, o):
        return nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)

    @staticmethod
    def depthwise_conv(i, o, stride):
        return nn.Conv2d(i, o, 3, stride, 1, bias=False, groups=i)

    def forward(self, x):
        if self.stride == 1:
            x1, x2 = x.chunk(2, dim=1)
            out = torch.cat((x1, self.branch2(x2)), dim=1)
        else:
            out = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        return channel_shuffle(out, 2)


class ShuffleNetV2(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True)
        )
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        units = []
        for inp, oup, stride in [(24, 48, 2), (48, 48, 1), (48, 48, 1), (48, 96, 2), (96, 96, 1)]:
            units.append(InvertedResidual(inp, oup, stride))
        self.stages = nn.Sequential(*units)
        self.conv5 = nn.Sequential(
            nn.Conv2d(96, 192, 1, bias=False), nn.BatchNorm2d(192), nn.ReLU(inplace=True)
        )
        self.fc = nn.Linear(192, num_classes)

    def forward(self, x):
        x = self.conv5(self.stages(self.maxpool(self.conv1(x))))
        x = x.mean([2, 3])
        return self.fc(x)


def build():
    return settled(ShuffleNetV2, IMAGE)
