"""last.pt: everything that a run needs to go on, bit for bit as if it had never stopped.

All random things come from the seed and their place, so weights, averages, the optimizer and the position
are enough. The file holds tensors, numbers and texts only; reading it runs no code.
"""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.training.events import Epoch, Plan
from micronet_edge.training.recipe_limits import recipe_values
from micronet_edge.training.start import Start
from micronet_edge.training.teacher import Teacher
from micronet_edge.util.journal import settle
from micronet_edge.util.user_files import CHECKPOINT, read_bytes

LAST = "last.pt"
_FORMAT = "micronet-edge-training/1"

Tensors = dict[str, Tensor]
Facts = dict[str, str | int | float | bool | None]
"""What must be the same when a run goes on, by name."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The epoch so far: sum of its steps' losses, their number, and seconds of training and of waiting."""

    loss: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """A run between two steps.

    Attributes:
        facts: what must be the same when it goes on.
        epoch: of the next step, counted from 1; beyond the last when all is done.
        step: the next step, counted from 0 in its epoch.
        tally: of this epoch.
        history: of all epochs before.
        network: weights and norms' statistics.
        average: the same, averaged, and the number of averaged steps; empty without an average.
        optimizer: its state_dict().
        scaler: of mixed precision, its state_dict().
        best: the best weights so far; empty before the first epoch's end.
    """

    facts: Facts
    epoch: int
    step: int
    tally: Tally
    history: tuple[Epoch, ...]
    network: Tensors = field(repr=False)
    average: Tensors = field(repr=False)
    optimizer: dict[str, Any] = field(repr=False)
    scaler: dict[str, Any] = field(repr=False)
    best: Tensors = field(repr=False)


def state_bytes(state: State) -> bytes:
    """The content of last.pt."""
    content = {name: getattr(state, name) for name in State.__slots__}
    content |= {
        "format": _FORMAT,
        "tally": asdict(state.tally),
        "history": [asdict(epoch) for epoch in state.history],
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def read_state(path: Path) -> bytes | None:
    """The content of last.pt, after finishing what a killed save left; None if there is none."""
    settle(path.parent)
    return read_bytes(path, CHECKPOINT) if path.exists() else None


def parsed_state(content: bytes, path: Path) -> State:
    """The state that `state_bytes` made. Raises CheckpointError on anything else."""
    try:
        stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if stored.pop("format") != _FORMAT:
            raise ValueError("another format")  # noqa: TRY301 - one answer for all damage
        stored["tally"] = Tally(**stored["tally"])
        stored["history"] = tuple(Epoch(**each) for each in stored["history"])
        return State(**stored)
    except Exception as error:  # torch.load raises different types, depending on the damage
        raise CheckpointError(
            f"{path} cannot be read as the state of a training run: it is damaged or of another version; "
            "start again with --overwrite"
        ) from error


def run_facts(plan: Plan, start: Start, teacher: Teacher | None, seed: int) -> Facts:
    """What must be the same for a run to go on: its network, images, seed, teacher and recipe."""
    values = {name: _plain(value) for name, value in recipe_values(plan.recipe).items()}
    return {
        "variant": plan.variant,
        "checkpoint to start from": start.origin,
        "set of images": plan.dataset.sha256,
        "teacher": None if teacher is None else teacher.sha256,
        "seed": seed,
        "preprocessing": str(plan.preprocessing.to_dict()),
        **values,
    }


def _plain(value: object) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def check_same(before: Facts, now: Mapping[str, object], path: Path) -> None:
    """Raises SettingsError, naming the first difference, if a run would go on with other settings."""
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            raise SettingsError(
                f"{path} belongs to a run with another {name}: {_shown(before.get(name))} there, "
                f"{_shown(now.get(name))} now: give the same settings and images, or --overwrite to start "
                "again"
            )


_LONG = 16


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 4 * _LONG - 1 else f"{text[:_LONG]}..."
