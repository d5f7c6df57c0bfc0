"""A small run in a process of its own: `python trained_in_processes.py FOLDER HOW`; also under torchrun."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from training.small_tasks import QUICK, make_task, still

from micronet_edge.errors import MicronetEdgeError
from micronet_edge.training.distributed import joined, world_of
from micronet_edge.training.events import Unwatched
from micronet_edge.training.fit import earlier_state, fit
from micronet_edge.training.recipe import OptimizerRecipe, ScheduleRecipe

TWENTY_STEPS = replace(
    QUICK,
    dropout=0.0,
    optimizer=OptimizerRecipe(lr=0.002, lr_batch_size=8),
    schedule=ScheduleRecipe(epochs=4, warmup_epochs=1),
)
"""4 epochs of 5 steps, in which nothing is random: dropout and augmentation draw by process."""


class Dying(Unwatched):
    """Ends a process in the second epoch."""

    def __init__(self, rank, how):
        self.rank, self.how = rank, how

    def stepped(self, step):
        if (step.epoch, step.step) == (2, 2) and self.rank == 1:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "failing":
                raise MicronetEdgeError("process 1 fails as it was told")


def main(folder, how):
    torch.set_num_threads(1)
    world = world_of()
    with joined(world, torch.device("cpu")):
        if how == "goes on":
            task = make_task(Path(folder), save_every_s=0.0)
            fit(task, Unwatched(), earlier_state(task))
            return
        recipe = replace(TWENTY_STEPS, sync_norms=how != "unsynced")
        fit(make_task(Path(folder), recipe, world=world, augment=still), Dying(world.rank, how))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except MicronetEdgeError as error:
        sys.exit(f"error: {error}")
