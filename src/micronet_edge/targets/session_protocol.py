"""The seam between a finished file and who runs it: readers and sessions. Loads nothing heavy.

`readers.py` says who offers a reader, `protocol.py` what a whole target is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.kernels import Kernels

if TYPE_CHECKING:
    from micronet_edge.counting.count import Count

Logits = Annotated[NDArray[np.float32], "n classes"]


class Session(Protocol):
    """An open file, ready to run in the target's own runtime."""

    def run(self, images: Images) -> Logits:
        """The logits of images [n, 3, size, size], any n."""

    def outputs(self, *inputs: NDArray[np.float32]) -> Samples:
        """All outputs for samples [n, *shape] of every input, any n, in PyTorch's layout."""

    def prepared(self, images: Images) -> Callable[[], Logits]:
        """One inference on these images, as many as the file takes, with nothing else in it to time.

        The session holds one such input at a time: a second call makes the first one's result stale.
        """

    def input_array(self, images: Images) -> NDArray[np.generic]:
        """The images as the file's input holds them: in its own layout and numbers."""

    def operators(self) -> Mapping[str, int]:
        """How often each plain operator stands in the file."""

    @property
    def fused(self) -> int:
        """How many Dynamic Shift-Max activations run in our own kernels."""


class FileReader(Protocol):
    """What opens a format's files and reads what they say of themselves; needs only the format's runtime."""

    name: str
    suffix: str

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        """Opens a file in the runtime, with our own kernels where they are at hand or with none."""

    def read_metadata(self, path: Path) -> FileMetadata:
        """What was written into the file about itself."""


class Reader(FileReader, Protocol):
    """What can judge a format's files as well."""

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        """What the target's rules forbid and the file holds, in words; empty for a clean file.

        Given the file, open in the runtime's own kernels, and its plain operators.
        """

    def count(self, path: Path) -> "Count":
        """What one inference of the file costs, counted from its own graph."""
