"""Trains a MicroNet from scratch to recognize twenty photographs by their crops: `make train-patches-m0`."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from images import (  # type: ignore[import-not-found]  # beside this script, in no package
    LABELS,
    SIZE,
    draw_crop,
    image_label,
    image_paths,
    photographs,
    write_images,
)
from torch import Tensor
from torch.nn import functional as F

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.models import MicroNet, save_checkpoint
from micronet_edge.util.statistics import wilson_interval

EPOCHS = {"m0": 140, "m1": 110, "m3": 60}
"""The number of epochs by variant."""
CROPS = 4000
"""Crops per epoch; every epoch draws new ones."""
BATCH = 64
LEARNING_RATE = 0.1
WARMUP = 0.05  # of all steps
WEIGHT_DECAY = 1e-4
SEED = 0
PREPROCESSING = Preprocessing(size=SIZE, resize=SIZE)


def draw_batches(random: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless images [BATCH, 3, SIZE, SIZE] and classes [BATCH], with new crops each time."""
    pictures = photographs()
    while True:
        classes = random.integers(len(LABELS), size=BATCH)
        crops = [PREPROCESSING.array(draw_crop(pictures[label], "train", random)) for label in classes]
        yield torch.from_numpy(np.stack(crops)), torch.from_numpy(classes)


def train(variant: str, epochs: int) -> MicroNet:
    """Trains for all epochs and returns the last network; other images influence nothing."""
    network = MicroNet(variant, num_classes=len(LABELS)).train()
    steps = CROPS // BATCH
    optimizer = torch.optim.SGD(
        network.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * steps, pct_start=WARMUP
    )
    batches = draw_batches(np.random.default_rng(SEED))
    start = time.perf_counter()
    for epoch in range(1, epochs + 1):
        total = right = 0.0
        for _ in range(steps):
            images, classes = next(batches)
            logits = network(images)
            loss = F.cross_entropy(logits, classes)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() / steps
            right += (logits.argmax(1) == classes).float().mean().item() / steps
        minutes = (time.perf_counter() - start) / 60
        print(
            f"epoch {epoch:3d} of {epochs}: loss {total:.3f}, accuracy {right:.1%}, {minutes:.1f} min",
            flush=True,
        )
    return network.eval()


def count_correct(network: MicroNet, paths: list[Path]) -> int:
    """The number of correctly classified image files."""
    correct = 0
    for batch in (paths[start : start + BATCH] for start in range(0, len(paths), BATCH)):
        classes = torch.tensor([image_label(path) for path in batch])
        with torch.inference_mode():
            guesses = network(torch.from_numpy(PREPROCESSING.batch(batch))).argmax(1)
        correct += int((guesses == classes).sum())
    return correct


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in EPOCHS:  # noqa: PLR2004  # the script and a variant
        print(f"usage: {sys.argv[0]} VARIANT, one of {', '.join(EPOCHS)}", file=sys.stderr)
        sys.exit(2)
    variant = sys.argv[1]
    # One thread sums in a fixed order, so that runs are reproducible.
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    paths = image_paths("develop", write_images())
    start = time.perf_counter()
    network = train(variant, EPOCHS[variant])
    minutes = (time.perf_counter() - start) / 60
    checkpoint = Path(__file__).with_name(f"{variant}-patches.safetensors")
    save_checkpoint(network, checkpoint, preprocessing=PREPROCESSING, labels=LABELS)
    correct = count_correct(network, paths)
    low, high = wilson_interval(correct, len(paths))
    print(f"{correct} of {len(paths)} develop images correct: {correct / len(paths):.2%}")
    print(f"95 % interval {low:.2%} to {high:.2%}; trained in {minutes:.0f} min")
    print(f"{checkpoint} ({checkpoint.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
