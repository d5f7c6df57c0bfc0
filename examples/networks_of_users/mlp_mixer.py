"""A small MLP-Mixer (Tolstikhin et al. 2021)."""

from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 64, 64)


def mlp(features, hidden):
    return nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, features))


class MixerBlock(nn.Module):
    def __init__(self, tokens, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.token_mix, self.channel_mix = mlp(tokens, 2 * tokens), mlp(channels, 2 * channels)

    def forward(self, x):
        x = x + self.token_mix(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mix(self.norm2(x))


class MlpMixer(nn.Module):
    def __init__(self, channels=64, depth=3, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 8, stride=8)
        self.blocks = nn.Sequential(*(MixerBlock(64, channels) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.stem(x)
        n, c = x.shape[:2]
        x = x.view(n, c, -1).permute(0, 2, 1)
        return self.head(self.norm(self.blocks(x)).mean(1))


def build():
    return settled(MlpMixer, IMAGE)
