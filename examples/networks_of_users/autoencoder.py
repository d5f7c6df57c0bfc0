"""An autoencoder that shrinks by PixelUnshuffle and grows by PixelShuffle (Shi et al. 2016)."""

import torch
from torch import nn

from networks_of_users.settling import settled

IMAGE = (1, 40, 56)


class Autoencoder(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4, 16, 3, padding=1, padding_mode="replicate"),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.InstanceNorm2d(32, affine=True),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, code, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(code, 64, 3, padding=1),
            nn.PixelShuffle(2),
            nn.ReflectionPad2d(1),
            nn.Conv2d(16, 16, 3),
            nn.GELU(approximate="tanh"),
            nn.Conv2d(16, 4, 3, padding="same"),
            nn.PixelShuffle(upscale_factor=2),
        )

    def forward(self, x):
        code = torch.clamp(self.encoder(x), -3.0, 3.0)
        return torch.sigmoid(self.decoder(code)), code


def build():
    return settled(Autoencoder, IMAGE)
