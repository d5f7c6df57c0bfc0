"""An image and a few measured values: a grasp's success (as in visuomotor policies)."""

import torch
import torch.nn.functional as F
from torch import nn

from networks_of_users.settling import settled

IMAGE, STATE = (3, 48, 48), (7,)


class Policy(nn.Module):
    def __init__(self, actions=4):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5, stride=2)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2)
        self.gn = nn.GroupNorm(4, 32)
        self.film = nn.Linear(7, 64)
        self.fc1 = nn.Linear(32 + 7, 48)
        self.mean = nn.Linear(48, actions)
        self.value = nn.Linear(48, 1)

    def forward(self, image, state):
        x = F.leaky_relu(self.conv1(image), 0.2)
        x = F.mish(self.gn(self.conv2(x)))
        gain, offset = self.film(state).chunk(2, dim=-1)
        x = x * (1 + gain.tanh()).unsqueeze(-1).unsqueeze(-1) + offset[:, :, None, None]
        x = F.adaptive_max_pool2d(F.softplus(x), 1)[:, :, 0, 0]
        x = F.silu(self.fc1(torch.cat([x, state], dim=1)))
        return torch.tanh(self.mean(x)), self.value(x).squeeze(-1)


def build():
    return settled(Policy, IMAGE, STATE)
