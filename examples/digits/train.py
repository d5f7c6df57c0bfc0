"""Trains MicroNet-M0 from scratch on the handwritten digits, in one or two minutes on one core."""

import math
import time
from pathlib import Path

import torch
from images import (  # type: ignore[import-not-found]  # beside this script, in no package
    LABELS,
    image_label,
    image_paths,
    write_images,
)
from torch import Tensor
from torch.nn import functional as F

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.models import MicroNet, save_checkpoint
from micronet_edge.util.statistics import wilson_interval

CHECKPOINT = Path(__file__).parent / "m0-digits.safetensors"
PREPROCESSING = Preprocessing(size=96, resize=96)
SEED = 0
EPOCHS = 20
BATCH = 64
LEARNING_RATE = 0.1
WEIGHT_DECAY = 1e-4

# Limits within which a digit keeps its class. Never mirrored, since that would not be a digit.
TURN_DEGREES = 10.0
SCALE = 0.12
SHIFT = 0.1  # of the image's width


def load_part(part: str) -> tuple[Tensor, Tensor]:
    """Images [n, 3, 96, 96] and classes [n] of "train" or "test"."""
    paths = image_paths(part, write_images())
    return torch.from_numpy(PREPROCESSING.batch(paths)), torch.tensor([image_label(path) for path in paths])


def augment(images: Tensor) -> Tensor:
    """Rotates, scales and shifts every image a little, independently."""
    count = len(images)
    angle = math.radians(TURN_DEGREES) * _uniform(count)
    scale = 1 + SCALE * _uniform(count)
    shift = 2 * SHIFT * _uniform(count, 2)  # grid_sample's coordinates run from -1 to 1
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    # Pixels outside the image are black, which is not zero after normalization.
    black = (-torch.tensor(PREPROCESSING.mean) / torch.tensor(PREPROCESSING.std)).view(1, 3, 1, 1)
    return F.grid_sample(images - black, grid, align_corners=False) + black


def _uniform(*shape: int) -> Tensor:
    return 2 * torch.rand(*shape) - 1


def train(images: Tensor, classes: Tensor) -> MicroNet:
    """Trains for all epochs and returns the last network; test images influence nothing."""
    network = MicroNet("m0", num_classes=len(LABELS)).train()
    optimizer = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for members in torch.split(torch.randperm(len(images)), BATCH):
            loss = F.cross_entropy(network(augment(images[members])), classes[members])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(members)
        print(f"epoch {epoch:2d} of {EPOCHS}, training loss {total / len(images):.4f}", flush=True)
    return network.eval()


def count_correct(network: MicroNet, images: Tensor, classes: Tensor) -> int:
    """The number of correctly classified images."""
    with torch.inference_mode():
        guesses = torch.cat([network(batch).argmax(1) for batch in torch.split(images, BATCH)])
    return int((guesses == classes).sum())


def main() -> None:
    # One thread sums in a fixed order, so that runs are reproducible.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    start = time.perf_counter()
    network = train(*load_part("train"))
    seconds = time.perf_counter() - start
    images, classes = load_part("test")
    correct = count_correct(network, images, classes)
    low, high = wilson_interval(correct, len(classes))
    save_checkpoint(network, CHECKPOINT, preprocessing=PREPROCESSING, labels=LABELS)
    print(f"{correct} of {len(classes)} test images correct: {correct / len(classes):.2%}")
    print(f"95 % interval {low:.2%} to {high:.2%}; trained in {seconds:.0f} s")
    print(f"{CHECKPOINT} ({CHECKPOINT.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
