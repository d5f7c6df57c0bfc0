"""Keywords from grey spectrograms, 40 bands by 101 frames (depthwise separable, Zhang et al. 2017)."""

import torch
from torch import nn

from networks_of_users.settling import settled

SPECTROGRAM = (1, 40, 101)


class SeparableBlock(nn.Module):
    def __init__(self, channels, dilation=1):
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels, channels, 3, padding=dilation, dilation=dilation, groups=channels
        )
        self.bn1 = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        x = torch.relu(self.bn1(self.depthwise(x)))
        return torch.relu_(self.bn2(self.pointwise(x)))


class KeywordSpotter(nn.Module):
    def __init__(self, words=12, channels=40):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.stem = nn.Conv2d(1, channels, (4, 10), stride=(2, 2), padding=(1, 4))
        self.bn = nn.BatchNorm2d(channels)
        self.blocks = nn.Sequential(*(SeparableBlock(channels, dilation) for dilation in (1, 2, 1, 2)))
        self.pool = nn.AvgPool2d((4, 5), stride=(4, 5), ceil_mode=False)
        self.fc = nn.Linear(channels * 4 * 10, words)

    def forward(self, x):
        x = self.norm(x)
        x = torch.relu(self.bn(self.stem(x)))[..., :50]
        x = self.pool(self.blocks(x))[:, :, :4]
        x = nn.functional.pad(x, (0, 0, 0, 4 - x.shape[2]))
        return self.fc(x.flatten(start_dim=1))


def build():
    return settled(KeywordSpotter, SPECTROGRAM)
