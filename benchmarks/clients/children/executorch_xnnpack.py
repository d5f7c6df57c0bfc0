"""ExecuTorch with XNNPACK, from a program of torch.export."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Writes a .pte file and opens it."""
    edge = to_edge_transform_and_lower(torch.export.load(path), partitioner=[XnnpackPartitioner()])
    Path("model.pte").write_bytes(edge.to_executorch().buffer)
    forward = Runtime.get().load_program("model.pte").load_method("forward")
    return lambda image: forward.execute([torch.from_numpy(image)])[0].numpy()
