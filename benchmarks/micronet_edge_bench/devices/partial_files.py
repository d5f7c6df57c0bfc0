"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from micronet_edge.errors import OutputError


@contextmanager
def arriving(local: Path) -> Iterator[IO[bytes]]:
    """Yields a file to write; it gets its name if the block succeeds and disappears otherwise.

    Raises OutputError if it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".partial-", dir=local.parent)
    except OSError as error:
        raise OutputError(f"{local} cannot be written ({error.strerror}): give another place") from error
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        partial.replace(local)
    finally:
        partial.unlink(missing_ok=True)
