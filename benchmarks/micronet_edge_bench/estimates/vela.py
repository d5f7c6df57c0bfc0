"""Estimates by Arm's compiler Vela for a TFLite file on an Ethos-U NPU; not a measurement.

TFLite file ──> Vela, in its own process ──> its tables and its warnings ──> Estimate
"""

import re
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from micronet_edge.errors import MicronetEdgeError
from micronet_edge.targets.unchanged import check_unchanged
from micronet_edge.util.user_files import NETWORK, check_file
from micronet_edge_bench.estimates.vela_tables import Fallback, Layer, fallbacks, layers, summary

NPUS = (
    *("ethos-u55-32", "ethos-u55-64", "ethos-u55-128", "ethos-u55-256"),
    *("ethos-u65-256", "ethos-u65-512"),
    *("ethos-u85-128", "ethos-u85-256", "ethos-u85-512", "ethos-u85-1024", "ethos-u85-2048"),
)
"""The NPUs that Vela compiles for; the last number is the multiply-adds per cycle."""

_IDENTIFIER = b"TFL3"
_RAISED = re.compile(r"^([\w.]*Error): (?:Compilation failed: )?(?:'?Error: )?(.*)$", re.MULTILINE)
_FRAME = " '."
"""The characters around the text of Vela's errors."""
_KIBIBYTE = 1024
_MEMORIES = ("sram", "dram", "on_chip_flash", "off_chip_flash")
_QUANTIZE = "an Ethos-U computes in integers, so give an int8 file that `micronet-edge quantize` wrote"
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
_NETWORK = "network"
"""The file's name while Vela works on it, independent of its real name."""


class EstimateError(MicronetEdgeError):
    """The file cannot be estimated, or Vela is missing here."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Vela's estimate of one inference on an NPU; no figure includes operators on the CPU.

    `system_configuration` and `memory_mode` are Vela's assumptions on clock and memories. `madds` are Vela's
    count after its own rewrites, including copies and means. `memory_bytes` is the peak use of each memory
    that is used.
    """

    file: str
    npu: str
    vela_version: str
    system_configuration: str
    memory_mode: str
    clock_hz: float
    cycles: int
    npu_cycles: int
    seconds: float
    inferences_per_second: float
    madds: int
    memory_bytes: dict[str, int]
    weights_bytes: int
    compressed_weights_bytes: int
    layers: tuple[Layer, ...]
    fallbacks: tuple[Fallback, ...]

    @property
    def kind(self) -> str:
        """The kind of these figures, to print beside them."""
        return f"estimate by Vela {self.vela_version}, not measured"

    @property
    def borders_fall_back(self) -> bool:
        """Whether the CPU converts between float32 at the file's ends and the integers of the NPU."""
        return any(each.operator in _CONVERSIONS for each in self.fallbacks)

    def summary(self, *, per_layer: bool) -> dict[str, object]:
        """Plain values, with or without the layers."""
        values = {"kind": self.kind, **asdict(self)}
        if not per_layer:
            del values["layers"]
        return values


def estimate(
    path: Path, npu: str, *, system_configuration: str | None = None, memory_mode: str | None = None
) -> Estimate:
    """Estimates the file on the NPU with Vela.

    Given    one of NPUS; names in Vela's configuration, or None for its defaults
    Raises   EstimateError if Vela is not installed, a name is unknown, Vela cannot compile the file, or no
             operator would run on the NPU.
    """
    if npu not in NPUS:
        raise EstimateError(f"unknown NPU {npu!r}: choose from {', '.join(NPUS)}")
    _check_file(path)
    package = _package()
    options = ["--accelerator-config", npu]
    for option, section, name in (
        ("--system-config", "System_Config", system_configuration),
        ("--memory-mode", "Memory_Mode", memory_mode),
    ):
        if name is not None:
            _check_name(option, section, name, package)
            options += [option, name]
    with TemporaryDirectory(prefix="micronet-edge-") as folder:
        found = _read(path, npu, Path(folder), _compile(path, options, Path(folder)))
    if not any(layer.on_npu for layer in found.layers):
        raise EstimateError(f"no operator of {path} would run on {npu}: {_QUANTIZE}")
    return found


def _check_file(path: Path) -> None:
    check_file(path, NETWORK)
    check_unchanged(path)
    with path.open("rb") as file:
        start = file.read(8)
    if start[4:] != _IDENTIFIER:
        raise EstimateError(f"{path} is not a TFLite file: give one that `micronet-edge quantize` wrote")


def _package() -> Path:
    """The folder of the installed Vela."""
    try:
        spec = find_spec("ethosu.vela")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise EstimateError("Vela is not installed: pip install 'micronet-edge[npu]'")
    return Path(spec.origin).parent


def _check_name(option: str, section: str, name: str, package: Path) -> None:
    configuration = ConfigParser()
    configuration.read(package.parent / "config_files" / "Arm" / "vela.ini", encoding="utf-8")
    headings = (heading.partition(".") for heading in configuration.sections())
    known = [rest for kind, _, rest in headings if kind == section]
    if name not in known:
        raise EstimateError(f"{option} {name!r} is unknown: choose from {', '.join(known)}")


def _compile(path: Path, options: list[str], folder: Path) -> str:
    """Compiles the file into the folder with Vela and returns Vela's output.

    It runs in its own process, since Vela crashes on damaged files.
    """
    (folder / f"{_NETWORK}.tflite").symlink_to(path.resolve())
    # The network comes first, or Vela would take it for an option's value. UTF-8 is not Python's default
    # everywhere, and tables and warnings contain names of layers.
    command = [sys.executable, "-X", "utf8", "-m", "ethosu.vela", f"{_NETWORK}.tflite", *options]
    reports = ["--verbose-performance", "--output-dir", "."]
    done = subprocess.run(  # noqa: S603 - ours, and every part of it is checked
        [*command, *reports],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise EstimateError(f"Vela cannot compile {path} {_error_text(done)}")
    return done.stdout


def _error_text(done: "subprocess.CompletedProcess[str]") -> str:
    """Vela's own error message, and the next step."""
    if done.returncode < 0:
        return f"(it crashed with signal {-done.returncode}): the file may be damaged, quantize again"
    *_, (kind, words) = [("", f"it ended with exit code {done.returncode}"), *_RAISED.findall(done.stderr)]
    if kind.endswith("OptionError"):
        return f"({words.strip(_FRAME)}): give another --system-config or --memory-mode"
    return f"({words.strip(_FRAME)}): {_QUANTIZE}"


def _read(path: Path, npu: str, folder: Path, printed: str) -> Estimate:
    (table,) = folder.glob(f"{_NETWORK}_summary_*.csv")
    facts = summary(table.read_text(encoding="utf-8"))
    rows = layers((folder / f"{_NETWORK}_per-layer.csv").read_text(encoding="utf-8"))
    memories = {name: round(float(facts[f"{name}_memory_used"]) * _KIBIBYTE) for name in _MEMORIES}
    return Estimate(
        file=path.name,
        npu=npu,
        vela_version=version("ethos-u-vela"),
        system_configuration=facts["system_config"],
        memory_mode=facts["memory_mode"],
        clock_hz=float(facts["core_clock"]),
        cycles=int(facts["cycles_total"]),
        npu_cycles=int(facts["cycles_npu"]),
        seconds=float(facts["inference_time"]),
        inferences_per_second=float(facts["inferences_per_second"]),
        madds=int(facts["nn_macs"]),
        memory_bytes={name: size for name, size in memories.items() if size},
        weights_bytes=int(facts["total_original_weights"]),
        compressed_weights_bytes=int(facts["total_npu_encoded_weights"]),
        layers=rows,
        fallbacks=fallbacks(rows, printed),
    )
