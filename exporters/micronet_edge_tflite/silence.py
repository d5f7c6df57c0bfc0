"""Keeps LiteRT's notices off standard error: its Python API has no setting for that."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_STANDARD_ERROR = 2
_NOTICES = (b"INFO: ", b"WARNING: [gpu_registry", b"WARNING: [npu_registry")
"""The compiled model regrets that there is no accelerator, of which ours make no use."""
_ONE_AT_A_TIME = Lock()


@contextmanager
def without_notices() -> Iterator[None]:
    """Drops the notices that the block writes to standard error; its other lines appear when it ends."""
    with _ONE_AT_A_TIME:
        try:
            before = os.dup(_STANDARD_ERROR)
        except OSError:  # standard error is closed
            yield
            return
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), _STANDARD_ERROR)
            try:
                yield
            finally:
                os.dup2(before, _STANDARD_ERROR)
                os.close(before)
                held.seek(0)
                os.write(_STANDARD_ERROR, b"".join(line for line in held if not line.startswith(_NOTICES)))
