"""Networks that are hard to quantize, by training or scaling, for `robustness.py`.

    python benchmarks/suites/unkind_networks.py FOLDER

writes a checkpoint for each of `WAYS` that FOLDER lacks, each in a few minutes on one core. All start from
the trained m0 of examples/patches and keep its task, so that one set of test crops measures them all.
"""

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional as F

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.models import MicroNet, load_checkpoint, save_checkpoint
from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.models.micro_factorized import FactorizedStem, MicroFactorizedDepthwise
from micronet_edge.util.terminal import say

EXAMPLE = Path(__file__).parents[2] / "examples" / "patches"
SEED = 0
BATCH = 64
WIDEST = 30.0
"""Maximum factor by which a channel is scaled up in the first of two layers and down in the second."""
LOGIT_SCALE = 4.0


def large_rate(network: MicroNet) -> None:
    """Trains on with five times the learning rate and without weight decay."""
    _train(network, torch.optim.SGD(network.parameters(), 0.5, momentum=0.9, nesterov=True), steps=900)


def adam(network: MicroNet) -> None:
    """Trains on with Adam, a high learning rate and no weight decay."""
    _train(network, torch.optim.Adam(network.parameters(), 5e-3), steps=900)


def large_logits(network: MicroNet) -> None:
    """Scales the logits up and trains on, so that a few images dominate the gradients."""
    norm = network.get_submodule("classifier.logits.norm")
    assert isinstance(norm, nn.BatchNorm1d)
    with torch.no_grad():
        norm.weight.mul_(LOGIT_SCALE)
        norm.bias.mul_(LOGIT_SCALE)
    _train(network, torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9), steps=300)


def one_light(network: MicroNet) -> None:
    """Trains on without brightness augmentation."""
    import images  # type: ignore[import-not-found]  # beside the example, in no package

    images.GAIN, images.LIFT = (1.0, 1.0), 0.0
    _train(network, torch.optim.SGD(network.parameters(), 0.1, momentum=0.9), steps=400)


def wide_weights(network: MicroNet) -> None:
    """Scales channels up in one layer and down in the next, over three decades: the same function."""
    random = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for first, second in _pairs(network):
            spread = 2 * torch.rand(len(first[0]), generator=random) - 1
            factors = torch.exp(spread * math.log(WIDEST))
            for each in first:
                each.mul_(factors.view(-1, *[1] * (each.ndim - 1)))
            _divide_inputs(second, factors)


def _pairs(network: nn.Module) -> Iterator[tuple[tuple[Tensor, ...], nn.Module]]:
    """Pairs of the weights that scale a tensor's channels, and its only consumer, at most after a ReLU."""
    for module in network.modules():
        if isinstance(module, MicroFactorizedDepthwise | FactorizedStem):
            norm = module.get_submodule("vertical_norm")
            yield (
                (norm.get_parameter("weight"), norm.get_parameter("bias")),
                module.get_submodule("horizontal"),
            )
        elif isinstance(module, DynamicShiftMax):
            yield (module.squeeze.weight, module.squeeze.bias), module.excite


def _divide_inputs(layer: nn.Module, factors: Tensor) -> None:
    if isinstance(layer, nn.Linear):
        layer.weight.div_(factors)
    else:
        # One input per group, whose outputs are consecutive.
        assert isinstance(layer, nn.Conv2d)
        each = layer.out_channels // layer.groups
        layer.weight.div_(factors.repeat_interleave(each).view(-1, 1, 1, 1))


def _draw_batches(random: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless images [n, 3, size, size] and classes [n], with new crops each time."""
    import images  # beside the example, in no package

    pictures, preprocessing = images.photographs(), Preprocessing(size=images.SIZE, resize=images.SIZE)
    while True:
        classes = random.integers(len(images.LABELS), size=BATCH)
        crops = [preprocessing.array(images.draw_crop(pictures[label], "train", random)) for label in classes]
        yield torch.from_numpy(np.stack(crops)), torch.from_numpy(classes)


def _train(network: MicroNet, optimizer: torch.optim.Optimizer, *, steps: int) -> None:
    rate = optimizer.param_groups[0]["lr"]
    batches = _draw_batches(np.random.default_rng(SEED))
    network.train()
    for step in range(steps):
        # A constant rate until the last tenth, as in a hasty schedule.
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (steps - step) / (0.1 * steps), (step + 1) / 50)
        images, classes = next(batches)
        loss = F.cross_entropy(network(images), classes)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 50 == 0:
            say(f"step {step} of {steps}: loss {loss.item():.3f}")
    network.eval()


WAYS: dict[str, Callable[[MicroNet], None]] = {
    "large-rate": large_rate,
    "adam": adam,
    "large-logits": large_logits,
    "one-light": one_light,
    "wide-weights": wide_weights,
}


def write_unkind(folder: Path) -> dict[str, Path]:
    """Writes missing checkpoints; returns all by way."""
    sys.path.insert(0, str(EXAMPLE))
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for way, change in WAYS.items():
        written[way] = path = folder / f"m0-{way}.safetensors"
        if not path.exists():
            torch.set_num_threads(1)
            torch.manual_seed(SEED)
            start = load_checkpoint(EXAMPLE / "m0-patches.safetensors")
            assert start.preprocessing is not None
            assert start.labels is not None
            change(start.network)
            save_checkpoint(start.network, path, preprocessing=start.preprocessing, labels=start.labels)
    return written


def main(folder: Path) -> None:
    """Writes the checkpoints."""
    for way, path in write_unkind(folder).items():
        say(f"{way}: {path}")


if __name__ == "__main__":
    typer.run(main)
