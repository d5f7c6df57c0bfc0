"""How many threads PyTorch gets."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """One PyTorch thread inside the block.

    These networks are too small to share out: more threads gain nothing on an idle machine, and on a
    busy one they wait for each other a hundred times as long as they compute.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
