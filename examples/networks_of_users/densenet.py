"""A DenseNet (Huang et al. 2017) of two blocks: norms before convolutions, everything concatenated."""

import torch
import torch.nn.functional as F
from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 32, 32)


class DenseLayer(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = (
            nn.BatchNorm2d(4 * growth),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, features):
        x = torch.cat(features, 1)
        x = self.conv1(F.relu(self.norm1(x), inplace=True))
        x = self.conv2(F.relu(self.norm2(x), inplace=True))
        return F.dropout(x, p=0.1, training=self.training)


class DenseNet(nn.Module):
    def __init__(self, growth=8, classes=10):
        super().__init__()
        self.conv0 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        channels = 16
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for _ in range(2):
            block = nn.ModuleList(DenseLayer(channels + i * growth, growth) for i in range(3))
            channels += 3 * growth
            self.blocks.append(block)
            self.transitions.append(
                nn.Sequential(
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                    nn.Conv2d(channels, channels // 2, 1, bias=False),
                    nn.AvgPool2d(2, stride=2),
                )
            )
            channels //= 2
        self.norm5 = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.conv0(x)
        for block, transition in zip(self.blocks, self.transitions):
            features = [x]
            for layer in block:
                features.append(layer(features))
            x = transition(torch.cat(features, 1))
        x = F.relu(self.norm5(x))
        x = F.avg_pool2d(x, kernel_size=8).view(x.size(0), -1)
        return F.log_softmax(self.classifier(x), dim=1)


def build():
    return settled(DenseNet, IMAGE)
