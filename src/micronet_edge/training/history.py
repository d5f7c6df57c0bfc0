"""history.jsonl: one line for each epoch."""

import json
from collections.abc import Iterable
from dataclasses import asdict

from micronet_edge.training.events import Epoch

HISTORY = "history.jsonl"


def history_text(history: Iterable[Epoch]) -> str:
    """The epochs as JSON, one line each."""
    return "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history)


def better(one: Epoch, other: Epoch | None) -> bool:
    """Whether an epoch is better: by accuracy, equal ones by validation loss."""
    return other is None or (one.top1, -one.validation_loss) > (other.top1, -other.validation_loss)
