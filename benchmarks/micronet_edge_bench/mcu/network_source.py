"""What the C files of a network say about themselves, as far as building them needs it."""

import re
from dataclasses import dataclass
from pathlib import Path

from micronet_edge.util.user_files import MIB, Kind, check_file, file_sha256, read_text
from micronet_edge_bench.mcu.errors import McuError

_ADVICE = "give the NAME.c that `micronet-edge export --format c` wrote, with the files beside it"
# A network of 5 million weights takes some 20 letters for each word of four.
_C_FILE = Kind("", 256 * MIB, _ADVICE, McuError)
_RUN = re.compile(r"\bvoid\s+([a-z_]\w*)_run\s*\(\s*const\s+(\w+)", re.ASCII)
_ARENA = re.compile(r"^#define\s+([A-Z_]\w*)_ARENA_BYTES\b", re.MULTILINE | re.ASCII)


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """A network's C file.

    Attributes:
        path: NAME.c; NAME.h lies beside it.
        identifier: what its functions begin with.
        capitals: what its macros begin with.
        sha256: of NAME.c.
        whole_numbers: whether its scores are, so that every board gives the same.
    """

    path: Path
    identifier: str
    capitals: str
    sha256: str
    whole_numbers: bool

    @property
    def header(self) -> str:
        """The name of its header."""
        return f"{self.path.stem}.h"


def read_source(path: Path) -> NetworkSource:
    """Reads the names from the header beside NAME.c. Raises McuError if there are none."""
    if path.suffix != ".c":
        raise McuError(f"{path} is not a C file: {_ADVICE}")
    check_file(path, _C_FILE)
    header = path.with_suffix(".h")
    text = read_text(header, _C_FILE)
    run, arena = _RUN.search(text), _ARENA.search(text)
    if run is None or arena is None:
        raise McuError(f"{header} declares no network: {_ADVICE}")
    return NetworkSource(path.resolve(), run[1], arena[1], file_sha256(path), run[2] != "float")
