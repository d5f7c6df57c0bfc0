"""Two networks that are no classifiers, for docs/own-networks.md; run it to write samples for the second."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


class Detector(nn.Module):
    """A grey image to a map of boxes and one of scores, four times smaller."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, 8), (8, 16)):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU6()]
        self.backbone = nn.Sequential(*layers)
        self.boxes, self.scores = nn.Conv2d(16, 4, 1), nn.Conv2d(16, 3, 1)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        maps = self.backbone(image)
        return {"boxes": self.boxes(maps), "scores": self.scores(maps)}


class Fusion(nn.Module):
    """The readings of two sensors to one row."""

    def __init__(self) -> None:
        super().__init__()
        self.motion, self.sound, self.last = nn.Linear(6, 16), nn.Linear(20, 16), nn.Linear(16, 3)

    def forward(self, motion: Tensor, sound: Tensor) -> Tensor:
        row: Tensor = self.last(torch.relu(self.motion(motion) + self.sound(sound)))
        return row


def detector() -> nn.Module:
    """The first network; `--weights FILE` loads what you trained into it."""
    torch.manual_seed(0)
    return Detector().eval()


def fusion() -> nn.Module:
    """The second network."""
    torch.manual_seed(0)
    return Fusion().eval()


if __name__ == "__main__":
    random = np.random.default_rng(0)
    shapes = {"motion": (64, 6), "sound": (64, 20)}
    samples = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    path = Path(__file__).with_name("readings.npz")
    np.savez(path, **samples)
    print(f"{path}: 64 samples of each input")
