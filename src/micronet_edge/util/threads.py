"""The number of PyTorch threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits PyTorch to one thread inside the block.

    These networks are too small for several threads: they gain nothing on an idle machine, and on a busy one
    they wait a hundred times longer than they compute.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
