"""The files of a run: its checkpoint, its state and its history, which always belong together."""

from dataclasses import asdict
from pathlib import Path

import torch

from micronet_edge.errors import OutputError
from micronet_edge.models import MicroNet
from micronet_edge.models.checkpoints import checkpoint_bytes
from micronet_edge.training.events import Epoch, Plan
from micronet_edge.training.history import HISTORY, history_text
from micronet_edge.training.state import LAST, State, Tensors, state_bytes
from micronet_edge.util.journal import settle
from micronet_edge.util.output_files import write_together


def checkpoint_name(name: str) -> str:
    """The file name of a run's best weights."""
    return f"{name}.safetensors"


def refuse_other_run(folder: Path, name: str, *, resume: bool, overwrite: bool) -> None:
    """Raises OutputError if the folder holds a run and neither `resume` nor `overwrite` is set."""
    if resume and overwrite:
        raise OutputError("--resume goes on with a run, --overwrite replaces it: give one of them")
    if resume or overwrite or not folder.is_dir():
        return
    settle(folder)
    for found in (LAST, checkpoint_name(name), HISTORY):
        if (folder / found).exists():
            raise OutputError(
                f"{folder / found} exists: give --resume to go on with that run, --overwrite to replace it, "
                "or another --output"
            )


def best_checkpoint(best: Tensors, plan: Plan, epoch: Epoch) -> bytes:
    """The content of a run's checkpoint: the best weights, with all that later steps need to know."""
    network = MicroNet(plan.variant, len(plan.dataset.labels))
    network.load_state_dict(best)
    training: dict[str, object] = {
        "recipe_name": plan.recipe_name,
        "recipe": asdict(plan.recipe),
        "data_sha256": plan.dataset.sha256,
        "epoch": epoch.epoch,
        "top1": epoch.top1,
        "torch": torch.__version__,
    }
    return checkpoint_bytes(
        network, preprocessing=plan.preprocessing, labels=plan.dataset.labels, training=training
    )


def save_run(folder: Path, state: State, name: str, checkpoint: bytes | None = None) -> None:
    """Writes state and history, and a new best checkpoint if there is one: all or none.

    Raises OutputError if they cannot be written; the earlier files are then whole.
    """
    contents = {LAST: state_bytes(state), HISTORY: history_text(state.history).encode()}
    if checkpoint is not None:
        contents[checkpoint_name(name)] = checkpoint
    write_together(contents, folder)
