"""Seeds of everything random in training, each from its place and never from a generator that runs along.

So a run resumed at any step draws what the run never interrupted draws.
"""

import hashlib

import torch


def seed_of(*place: int | str) -> int:
    """A seed of 63 bits from numbers and words that say what it is for."""
    digest = hashlib.sha256(repr(place).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def seed_step(seed: int, epoch: int, step: int, rank: int) -> None:
    """Seeds PyTorch for one step of one process: dropout, augmentation and mixing."""
    torch.manual_seed(seed_of("step", seed, epoch, step, rank))
