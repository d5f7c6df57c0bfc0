"""What a client gave, beside what the file's own runtime gives."""

from dataclasses import replace

import numpy as np

from clients.client_table import Client
from clients.files import Written
from clients.results import Row
from clients.running import Ran


def compared(client: Client, file: Written, ran: Ran) -> Row:
    """A row of the results."""
    row = Row(
        client=client.name,
        network=file.network,
        kind=file.kind.name,
        in_integers=file.kind.in_integers,
        sha256=file.sha256,
        requirements=client.requirements,
        images=len(file.reference),
        loads=ran.loaded,
        error=ran.error,
        seconds=ran.seconds,
    )
    if ran.scores is None:
        return row
    if ran.scores.shape != file.reference.shape:
        wanted = list(file.reference.shape)
        return replace(row, error=f"gives scores of shape {list(ran.scores.shape)}, not {wanted}")
    scores = file.in_floats(ran.scores)
    if not np.isfinite(scores).all():
        return replace(row, error="gives scores that are not finite")
    return replace(
        row,
        runs=True,
        same=int((scores.argmax(1) == file.reference.argmax(1)).sum()),
        difference=float(np.abs(scores - file.reference).max()),
        largest=float(np.abs(file.reference).max()),
    )
