"""Heatmaps of keypoints (Xiao et al. 2018, simple baselines), and the offsets of each."""

from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 64, 48)


class Keypoints(nn.Module):
    def __init__(self, points=5):
        super().__init__()
        layers, channels = [], 3
        for wide in (16, 32, 64):
            layers += [nn.Conv2d(channels, wide, 3, 2, 1), nn.BatchNorm2d(wide), nn.PReLU(wide)]
            channels = wide
        self.encoder = nn.Sequential(*layers)
        self.deconv = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ELU(),
            nn.ConvTranspose2d(32, 16, 3, 2, 1, output_padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ELU(inplace=True),
        )
        self.heatmaps = nn.Conv2d(16, points, 1)
        self.offsets = nn.Sequential(nn.Conv2d(16, 2 * points, 1), nn.Tanh())

    def forward(self, x):
        x = self.deconv(self.encoder(x))
        return self.heatmaps(x).clamp(0.0, 6.0), self.offsets(x) * 0.5


def build():
    return settled(Keypoints, IMAGE)
