"""Several processes that train one network, as torchrun starts them; also on several machines.

torchrun sets RANK, WORLD_SIZE, LOCAL_RANK and the address of the first process; without them this process
trains alone. Figures and flags travel as CPU tensors through gloo, gradients on GPUs through nccl.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from micronet_edge.errors import SettingsError
from micronet_edge.training.synced_norms import sync_norms

_PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others; the first one reads all images before it trains."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a run: this one's number, their number, and this one's number on its machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and reports."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is only this process."""
        return self.size == 1


def world_of(environment: Mapping[str, str] = os.environ) -> World:
    """The processes that torchrun has started; this one alone without it.

    Raises SettingsError on an environment that contradicts itself.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if any(name not in environment for name in names):
        return World()
    try:
        rank, size, local = (int(environment[name]) for name in names)
    except ValueError as error:
        raise SettingsError(
            f"{', '.join(names)} must be whole numbers ({error}): start with torchrun"
        ) from error
    if not 0 <= rank < size or local < 0:
        raise SettingsError(f"RANK {rank}, WORLD_SIZE {size}, LOCAL_RANK {local}: start with torchrun")
    return World(rank, size, local)


@contextmanager
def joined(world: World, device: torch.device) -> Iterator[None]:
    """Connects the processes for the block.

    Raises SettingsError in all others when one of them ends, fails, or does not answer.
    """
    if world.alone:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, rank=world.rank, world_size=world.size, timeout=_PATIENCE)
        yield
    except (dist.DistError, RuntimeError) as error:
        if not _is_lost(error):
            raise
        raise SettingsError(
            f"process {world.rank} of {world.size} lost the others: one of them ended or does not answer; "
            "its own message says why; start again with --resume"
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


_LOST = ("gloo", "connection", "nccl", "timed out", "timeout", "socket", "broken pipe", "store")


def _is_lost(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, dist.DistError) or any(word in text for word in _LOST)


def summed(values: Tensor) -> Tensor:
    """The sum of a CPU tensor over all processes."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def any_of(*, flag: bool) -> bool:
    """Whether the flag is set in any process."""
    return least(-float(flag)) < 0


def least(value: float) -> float:
    """The smallest of all processes' values."""
    box = torch.tensor(value, dtype=torch.float64)
    if dist.is_initialized():
        dist.all_reduce(box, dist.ReduceOp.MIN)
    return float(box)


def shared_bytes(content: bytes | None) -> bytes | None:
    """What the first process has, in all of them."""
    if not dist.is_initialized():
        return content
    box: list[bytes | None] = [content]
    dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def leader_first(world: World, work: Callable[[], Result]) -> Result:
    """Does something in the first process, then in the others.

    If it fails in the first, which says why, the others end without a word.
    """
    if world.alone or not world.leads:
        if not world.alone and shared_bytes(None) is None:
            raise SystemExit(1)
        return work()
    try:
        result = work()
    except BaseException:
        shared_bytes(None)
        raise
    shared_bytes(b"done")
    return result


def from_leader(world: World, work: Callable[[], Result]) -> Result:
    """What something gives in the first process, in all of them; failures as in `leader_first`."""
    found: list[Result] = []

    def do() -> None:
        if world.leads:
            found.append(work())

    leader_first(world, do)
    if not world.alone:
        box: list[Result | None] = [found[0] if world.leads else None]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        assert box[0] is not None
        return box[0]
    return found[0]


def share_buffers(network: nn.Module) -> None:
    """Gives all processes the norms' statistics of the first."""
    if dist.is_initialized():
        for buffer in network.buffers():
            dist.broadcast(buffer, src=0)


def with_synced_norms(network: nn.Module, device: torch.device) -> None:
    """Makes all batch norms of a network on the device use the whole batch of all processes."""
    if device.type != "cuda":
        sync_norms(network)
        return
    for name, child in list(network.named_children()):
        setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]


def parallel(network: nn.Module, world: World, device: torch.device) -> nn.Module:
    """The network with gradients averaged over all processes; itself if there is one.

    Wrap again whenever other parameters get gradients.
    """
    if world.alone:
        return network
    devices = [device] if device.type == "cuda" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the argument's next name is not in PyTorch 2.5
        return DistributedDataParallel(network, device_ids=devices, broadcast_buffers=False)
