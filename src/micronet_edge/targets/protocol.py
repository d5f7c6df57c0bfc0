"""The seam between the network and the file formats: what a target must offer.

`registry.py` says who offers one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import nn

from micronet_edge.counting.count import Count
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.pixels import WHITE
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples, Signature
from micronet_edge.kernels import Kernels
from micronet_edge.lowering import INTEGER_COSTS, SHIPPED, Costs, Pass, Tuning, integer
from micronet_edge.lowering.cost_model.tuning import INTEGER
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.settings import Pixels, Runtime, Scores

FLOAT32 = "float32"
FLOAT16 = "float16"
"""Weights stored in 16 bits; what is computed stays in float32."""
INT8_IO, UINT8_IO = "int8", "uint8"

Logits = Float32[np.ndarray, "n classes"]


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a microcontroller: bytes that activations may take, and the section for weights."""

    sram_bytes: int | None = None
    weights_section: str | None = None


@dataclass(frozen=True, slots=True)
class Ends:
    """What a file takes and gives.

    Attributes:
        io: type of the input, and of the output where a file computes in integers to its end: float32, int8
            or uint8.
        pixels: the numbers that a float32 input takes; integers are raw pixels.
        scores: what a classifier gives.
        layout: NCHW or NHWC, of the input; None is the target's own.
    """

    io: str = FLOAT32
    pixels: Pixels = "normalized"
    scores: Scores = "logits"
    layout: str | None = None

    @property
    def white(self) -> float | None:
        """The number of a white pixel where a file starts at pixels: 1 also for integers, which have a scale.

        None where it takes normalized images.
        """
        if self.io != FLOAT32:
            return 1.0
        return None if self.pixels == "normalized" else WHITE[self.pixels]


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """What to write: `batch` images at a time (None: any number), `input_size` px square.

    `naive` writes the network as it was trained, for comparison. `portable` avoids operators that
    are fast in the target's own runtime but slow or missing in others. `precision` is one of the
    target's; `ends` is what the file takes and gives.
    `tuning` says what operators cost where the file will run. `fused` writes each activation as a node for
    our own kernels where plain operators would hide it from them. `memory` is for targets that plan memory.
    `runtime` is that of the format's runtimes that the file is for.
    `arduino` packs a C file as an Arduino library as well. `metadata.signature` names the inputs and outputs
    of what is no image classifier.
    """

    input_size: int
    batch: int | None
    naive: bool
    portable: bool
    metadata: FileMetadata
    precision: str = FLOAT32
    ends: Ends = Ends()
    tuning: Tuning = SHIPPED
    fused: bool = False
    memory: Memory = Memory()
    runtime: Runtime = "default"
    arduino: bool = False

    @property
    def signature(self) -> Signature:
        """What the file takes and gives, with the names of its tensors."""
        return self.metadata.interface


@dataclass(frozen=True, slots=True)
class CostTable:
    """What operators cost in the files written with these settings, by which `tune` fits the table."""

    costs: Costs
    precision: str = FLOAT32
    portable: bool = False


@dataclass(frozen=True, slots=True)
class IntegerLowering:
    """How a network becomes the one whose ranges a recipe holds.

    Attributes:
        table: the name of its cost table in a tuning.
        costs: the table's own figures.
        pipeline: its passes for such costs.
    """

    table: str
    costs: Costs
    pipeline: Callable[[Costs], tuple[Pass, ...]]


SHARED = IntegerLowering(INTEGER, INTEGER_COSTS, integer)
"""That of all targets that do not have one of their own: one recipe serves them all."""


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


class Reader(Protocol):
    """What opens a format's files and reads what they say."""

    name: str
    suffix: str

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        """Opens a file in the runtime, with our own kernels where they are at hand or with none."""

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        """What the target's rules forbid and the file holds, in words; empty for a clean file.

        Given the file, open in the runtime's own kernels, and its plain operators.
        """

    def read_metadata(self, path: Path) -> FileMetadata:
        """What was written into the file about itself."""

    def count(self, path: Path) -> Count:
        """What one inference of the file costs, counted from its own graph."""


class Target(Reader, Protocol):
    """A file format with its runtime."""

    precisions: tuple[str, ...]
    modules: tuple[str, ...]
    """What must load for a file to be written and proven."""
    cost_tables: Mapping[str, CostTable]
    """What operators cost its runtimes, by table; a spec's tuning may have other figures."""

    def check(self, spec: ExportSpec) -> None:
        """Raises TargetError on a spec that the format cannot hold."""

    def pipeline(self, spec: ExportSpec) -> tuple[Pass, ...]:
        """The passes that make a network ready for this target."""

    def export(self, network: nn.Module, spec: ExportSpec, path: Path) -> None:
        """Writes the network to `path`."""

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        """The network as the target writes it, perhaps with more layers in float."""

    def for_runtime(self, runtime: Runtime) -> "Target":
        """What writes the format for another of its runtimes; a format with one may leave this out."""

    def lacking(self, path: Path) -> tuple[str, ...]:
        """What another runtime of the format lacks to run the file; a format with one may leave this out."""

    def output_types(self, path: Path) -> tuple[str, ...]:
        """The type of each output of a file; a target may leave this out if all are float32."""

    def notes(self, metadata: FileMetadata) -> tuple[str, ...]:
        """What to tell about such a file when it is written; a target may leave this out."""

    def readers(self, metadata: FileMetadata) -> tuple[str, ...]:
        """What other readers of the format make of such a file, in Markdown; a target may leave this out."""

    def card_code(self, name: str, metadata: FileMetadata) -> Mapping[str, tuple[str, str]]:
        """Code that runs the file of this name, for its model card: by language, after Markdown's name of it.

        A target may leave this out: the card then shows how to fill an input tensor.
        """

    def integer_lowering(self) -> IntegerLowering:
        """How a network becomes the one that is quantized; a target may leave this out and share SHARED."""

    def cannot_prove(self) -> str | None:
        """Why this machine cannot run the format's files, if it cannot; a target may leave this out."""

    def companions(self, name: str, spec: ExportSpec) -> tuple[str, ...]:
        """The names of the files that `export` and `quantize` write beside a file of that name.

        A target without such files may leave this out.
        """

    def support_files(self) -> Mapping[str, bytes]:
        """What every file of the target needs beside it, by name; a target may leave this out."""

    def quantize(self, quantized: QuantizedNetwork, spec: ExportSpec, path: Path) -> None:
        """Writes a quantized network, in the target's integer form, to `path`."""

    def converter_baseline(self, network: nn.Module, images: Images, spec: ExportSpec, path: Path) -> None:
        """Writes what the target's usual tools make of the network as trained, calibrated on the images."""

    def for_kernels(self, path: Path) -> bytes:
        """The file as the runtime needs it to run our kernels, where that is not the file as it is."""
