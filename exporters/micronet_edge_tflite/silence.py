"""LiteRT tells standard error what it does, and offers no setting in Python that it should not."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_STANDARD_ERROR = 2
_NOTICE = b"INFO: "
_ONE_AT_A_TIME = Lock()


@contextmanager
def without_notices() -> Iterator[None]:
    """Keeps the notices of the block off standard error; whatever else it says comes when the block ends."""
    with _ONE_AT_A_TIME:
        try:
            before = os.dup(_STANDARD_ERROR)
        except OSError:  # closed: nothing can be said there
            yield
            return
        with tempfile.TemporaryFile() as said:
            os.dup2(said.fileno(), _STANDARD_ERROR)
            try:
                yield
            finally:
                os.dup2(before, _STANDARD_ERROR)
                os.close(before)
                said.seek(0)
                os.write(_STANDARD_ERROR, b"".join(line for line in said if not line.startswith(_NOTICE)))
