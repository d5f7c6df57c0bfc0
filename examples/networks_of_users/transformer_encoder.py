"""Patches through torch's own transformer encoder, and attention over a sequence by nn.MultiheadAttention."""

import torch
from torch import nn

from networks_of_users.settling import settled

IMAGE = (3, 48, 48)
SEQUENCE = (20, 24)


class EncoderClassifier(nn.Module):
    def __init__(self, dim=48, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, 8, stride=8)
        self.position = nn.Parameter(0.5 * torch.randn(1, 36, dim))
        layer = nn.TransformerEncoderLayer(
            dim, nhead=4, dim_feedforward=96, batch_first=True, activation="gelu"
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Linear(dim, classes)

    def forward(self, image):
        tokens = self.patches(image).flatten(2).permute(0, 2, 1) + self.position
        return self.head(self.encoder(tokens).mean(dim=1))


class SequenceTagger(nn.Module):
    """A score for each of three tags at every step of a sequence."""

    def __init__(self, features=24, dim=32, tags=3):
        super().__init__()
        self.embed = nn.Linear(features, dim)
        self.attention = nn.MultiheadAttention(dim, num_heads=2, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.tags = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, tags))

    def forward(self, sequence):
        x = self.embed(sequence).relu()
        attended, _ = self.attention(x, x, x, need_weights=False)
        x = self.norm(x + attended)
        return torch.softmax(self.tags(x), dim=-1)


def build():
    return settled(EncoderClassifier, IMAGE)


def build_tagger():
    return settled(SequenceTagger, SEQUENCE)
