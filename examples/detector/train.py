"""Trains the detector on scenes that are drawn as it goes: six minutes on one core."""

import os
import time
from pathlib import Path

import numpy as np
import torch
from detector import STRIDE, Detector, detector  # type: ignore[import-not-found]  # beside this script
from precision import detect, in_pytorch, mean_average_precision
from scenes import SIZE, Box, Scenes, read_boxes, scene_paths, write_scenes
from torch import Tensor
from torch.nn import functional

import micronet_edge
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.models import micronet_features

START = Path(__file__).resolve().parents[1] / "digits" / "m0-digits.safetensors"
ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "out" / "m0-detector.safetensors"
FACTORY = "examples/detector/detector.py:detector"
"""As the commands take it in the repository's root."""

METADATA = micronet_edge.FileMetadata(
    "m0-detector", tuple("0123456789"), Preprocessing(size=SIZE, resize=SIZE)
)
STEPS, BATCH = 2200, 32
RATE, DECAY = 4e-3, 1e-4
CELLS = SIZE // STRIDE
BOX_WEIGHT = 0.5
NEIGHBOURS = (-1, 0, 1)
SPREAD = 8.0
"""A digit's side, divided by the deviation of the bump that marks its centre."""


def targets(boxes: tuple[Box, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the maps should be for a scene: classes [10, c, c], boxes [4, c, c], and where boxes count.

    Source: the bumps are those of CenterNet (arXiv 1904.07850, section 3).
    """
    classes = np.zeros((10, CELLS, CELLS), np.float32)
    edges, counts = np.zeros((4, CELLS, CELLS), np.float32), np.zeros((CELLS, CELLS), np.float32)
    centres = (np.arange(CELLS) + 0.5) * STRIDE
    for box in boxes:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        column, row = int(x // STRIDE), int(y // STRIDE)
        deviations = max(box.right - box.left, 16) / SPREAD, max(box.bottom - box.top, 16) / SPREAD
        across = np.exp(-(((centres - centres[column]) / deviations[0]) ** 2) / 2)
        down = np.exp(-(((centres - centres[row]) / deviations[1]) ** 2) / 2)
        np.maximum(classes[box.label], np.outer(down, across), out=classes[box.label])
        for r in {min(max(row + each, 0), CELLS - 1) for each in NEIGHBOURS}:
            for c in {min(max(column + each, 0), CELLS - 1) for each in NEIGHBOURS}:
                reach = (
                    centres[c] - box.left,
                    centres[r] - box.top,
                    box.right - centres[c],
                    box.bottom - centres[r],
                )
                edges[:, r, c] = np.maximum(reach, 0) / STRIDE
                counts[r, c] = 1
    return classes, edges, counts


def batch(scenes: Scenes, step: int) -> tuple[Tensor, ...]:
    """The step's images, normalized, with the targets of their maps."""
    drawn = [scenes.draw(step * BATCH + number) for number in range(BATCH)]
    pixels = torch.from_numpy(np.stack([each.pixels for each in drawn])).permute(0, 3, 1, 2).float() / 255
    preprocessing = METADATA.preprocessing
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    maps = (torch.from_numpy(np.stack(each)) for each in zip(*(targets(d.boxes) for d in drawn), strict=True))
    return (pixels - mean) / std, *maps


def loss(found: dict[str, Tensor], classes: Tensor, edges: Tensor, counts: Tensor) -> Tensor:
    """CenterNet's focal loss on the classes, and the distance of the boxes where they count."""
    logits, boxes = found["classes"], found["boxes"]
    share, centre = logits.sigmoid(), classes == 1
    right = functional.logsigmoid(logits) * (1 - share) ** 2 * centre
    wrong = functional.logsigmoid(-logits) * share**2 * (1 - classes) ** 4 * ~centre
    focal = -(right + wrong).sum() / centre.sum()
    distance = functional.smooth_l1_loss(boxes, edges, reduction="none", beta=0.1).sum(1) * counts
    return focal + BOX_WEIGHT * distance.sum() / counts.sum()


def train(steps: int = STEPS) -> Detector:
    """The trained detector, from the backbone that reads single digits."""
    torch.manual_seed(0)
    network, scenes = detector(), Scenes("train")
    start = micronet_features("m0", checkpoint=START)
    network.backbone.load_state_dict(start.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    began, total = time.perf_counter(), 0.0
    for step in range(steps):
        images, *wanted = batch(scenes, step)
        value = loss(network(images), *wanted)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        total += value.item()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1} of {steps}: loss {total / 100:.3f}, {time.perf_counter() - began:.0f} s")
            total = 0.0
    return network.eval()


def main() -> None:
    """Trains, measures and saves the detector."""
    torch.set_num_threads(1)
    os.chdir(ROOT)
    folder = write_scenes()
    # Whatever is wrong with the file is said before the training is paid for.
    OUTPUT.parent.mkdir(exist_ok=True)
    micronet_edge.save(detector(), OUTPUT, METADATA, factory=FACTORY)
    network = train()
    found = detect(in_pytorch(network), scene_paths("test", folder), METADATA.preprocessing)
    print(f"mAP@0.5 on {len(found)} test scenes: {mean_average_precision(found, read_boxes(folder)):.1%}")
    micronet_edge.save(network, OUTPUT, METADATA, factory=FACTORY)
    print(f"written to {OUTPUT}")


if __name__ == "__main__":
    main()
