"""What Arm's compiler Vela expects of an Ethos-U NPU that runs a TFLite file: an estimate, no measurement.

TFLite file ──> Vela, in a process of its own ──> its tables and its warnings ──> Estimate
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
"""The NPUs that Vela compiles for; the last number is that of multiply-adds in a cycle."""

_IDENTIFIER = b"TFL3"
_RAISED = re.compile(r"^([\w.]*Error): (?:Compilation failed: )?(?:'?Error: )?(.*)$", re.MULTILINE)
_FRAME = " '."
"""What stands around the words of Vela's errors."""
_KIBIBYTE = 1024
_MEMORIES = ("sram", "dram", "on_chip_flash", "off_chip_flash")
_QUANTIZE = "an Ethos-U computes in integers, give an int8 file as `micronet-edge quantize` writes it"
_NETWORK = "network"
"""What the file is called while Vela works on it, whatever it is called outside."""


class EstimateError(MicronetEdgeError):
    """A file that no estimate can be made of, or an estimate that cannot be made here."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One inference on an NPU as Vela expects it; what is left to the CPU is in none of the figures.

    `system_configuration` and `memory_mode` name what Vela assumes of clock and memories. `madds` are
    counted by Vela on the network as it rewrote it, copies and means included. `memory_bytes` is the
    most that lies in each kind of memory at a time, without the kinds that are not used.
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
        """What these figures are, to be printed wherever they are."""
        return f"estimate by Vela {self.vela_version}, no measurement"

    def summary(self, *, per_layer: bool) -> dict[str, object]:
        """As plain values, with or without what each layer takes."""
        values = {"kind": self.kind, **asdict(self)}
        if not per_layer:
            del values["layers"]
        return values


def estimate(
    path: Path, npu: str, *, system_configuration: str | None = None, memory_mode: str | None = None
) -> Estimate:
    """What Vela expects of the file on the NPU.

    Given    one of NPUS; names of Vela's own configuration, or None for those it takes for the NPU
    Raises   EstimateError where Vela is not installed, a name is unknown, the file is none that Vela
             can compile, or nothing of it would run on the NPU.
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
        raise EstimateError(f"nothing of {path} would run on {npu}: {_QUANTIZE}")
    return found


def _check_file(path: Path) -> None:
    check_file(path, NETWORK)
    check_unchanged(path)
    with path.open("rb") as file:
        start = file.read(8)
    if start[4:] != _IDENTIFIER:
        raise EstimateError(f"{path} is no TFLite file: give one as `micronet-edge quantize` writes it")


def _package() -> Path:
    """The folder of the installed Vela."""
    try:
        spec = find_spec("ethosu.vela")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise EstimateError("Vela, which makes the estimate, is missing: pip install 'micronet-edge[npu]'")
    return Path(spec.origin).parent


def _check_name(option: str, section: str, name: str, package: Path) -> None:
    configuration = ConfigParser()
    configuration.read(package.parent / "config_files" / "Arm" / "vela.ini", encoding="utf-8")
    headings = (heading.partition(".") for heading in configuration.sections())
    known = [rest for kind, _, rest in headings if kind == section]
    if name not in known:
        raise EstimateError(f"{option} {name!r} is unknown: choose from {', '.join(known)}")


def _compile(path: Path, options: list[str], folder: Path) -> str:
    """Lets Vela compile the file into the folder; gives what it printed.

    In a process of its own, since Vela crashes on a damaged file and takes its process with it.
    """
    (folder / f"{_NETWORK}.tflite").symlink_to(path.resolve())
    # The network comes first: Vela would not tell it from an option's value. UTF-8 is not Python's
    # habit everywhere, and tables and warnings hold names of layers.
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
    """Why Vela failed, in its own words, and the next step."""
    if done.returncode < 0:
        return f"(it crashed with signal {-done.returncode}): the file may be damaged, make it again"
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
