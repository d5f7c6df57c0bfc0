"""The device to train on."""

from typing import Literal

import torch

from micronet_edge.errors import SettingsError


def device_named(name: Literal["auto", "cpu", "cuda"], local_rank: int = 0) -> torch.device:
    """The device that a setting names; "auto" takes CUDA where there is one.

    Args:
        name: the setting.
        local_rank: number of this process on its machine, which takes the GPU of that number.

    Raises:
        SettingsError: CUDA was asked for and there is none, or fewer GPUs than processes.
    """
    if name not in {"auto", "cpu", "cuda"}:
        raise SettingsError(f"--device {name}: choose auto, cpu or cuda")
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        build = "this PyTorch is built without CUDA" if torch.version.cuda is None else "no GPU is usable"
        raise SettingsError(f"--device cuda: {build}: give --device cpu, or install PyTorch for your GPU")
    if name == "cpu" or not found:
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise SettingsError(
            f"process {local_rank} of this machine has no GPU of its own: start at most "
            f"{torch.cuda.device_count()} with --nproc-per-node"
        )
    return torch.device("cuda", local_rank)
