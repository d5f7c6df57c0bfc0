"""Measures files on devices: the same files on all of them, the devices side by side.

prepared files ──> one packed folder ──> each device: push, run, pull ──> a Run for each
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from threading import Event

from micronet_edge.errors import MicronetEdgeError, SettingsError
from micronet_edge.util.user_files import parse_json
from micronet_edge_bench.devices import Device, DeviceError, find_device, require
from micronet_edge_bench.inputs import PreparedFile
from micronet_edge_bench.measuring_by_program import measure_by_program
from micronet_edge_bench.packing import RUNNER_NAME, FileToMeasure, Packed, pack
from micronet_edge_bench.reading import run_of
from micronet_edge_bench.results import Method, Run
from micronet_edge_bench.runner.plan import PLAN_NAME, RESULT_NAME, Settings

Progress = Callable[[str, str, float, float], None]
"""Is told the device, the stage, how much of it is done and how much there is; from several threads."""

PHONE = "adb://"

_PACKAGES = {"onnx": "onnxruntime", "tflite": "ai-edge-litert"}
"""What a device's Python needs for our formats, besides numpy; another format's runtime says so itself."""

_TIDY = ("env", "TMPDIR=.", "ORT_DISABLE_TELEMETRY=1")
"""ONNX Runtime leaves a file among the temporary ones: there, it goes with the folder it was measured in."""

_PATIENCE_SECONDS = 3.0
"""How long the devices may take to end by themselves once the whole is interrupted."""


class _StoppedError(Exception):
    """The whole was interrupted; nobody reads this."""


def measure(
    files: Sequence[PreparedFile],
    devices: Sequence[str],
    settings: Settings,
    *,
    bootstrap: bool = False,
    program: Path | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[Run, ...]:
    """Measures all files on every device.

    Given    devices as find_device knows them; `bootstrap` lets what is missing there be installed;
             `program`, TFLite's benchmark_model, measures on phones, which then need no Python
    Result   one run for each device, in their order. A device that fails has a run with its error, and
             the others go on.
    Raises   what the files, the settings or the devices' names are refused with, before anything runs.
             Whatever is raised, Ctrl-C included, everything has ended on all devices then.
    """
    if repeated := [label for label, times in Counter(devices).items() if times > 1]:
        raise SettingsError(f"device {repeated[0]} is given twice: give it once")
    reached = [find_device(label, wants_python=program is None) for label in devices]
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as name:
        wanted = [FileToMeasure(file.name, file.path, file.array, file.kernels) for file in files]
        packed = pack(Path(name), wanted, settings)
        errand = _Errand(packed, files, settings, progress, bootstrap=bootstrap, program=program)
        return errand.on_all(reached)


class _Errand:
    """What is to be done on each device."""

    def __init__(
        self,
        packed: Packed,
        files: Sequence[PreparedFile],
        settings: Settings,
        progress: Progress,
        *,
        bootstrap: bool,
        program: Path | None,
    ) -> None:
        self._packed, self._files, self._settings = packed, files, settings
        self._progress, self._bootstrap, self._program = progress, bootstrap, program
        self._stopped = Event()
        formats = dict.fromkeys(file.format for file in files)
        self._packages = ["numpy", *(_PACKAGES[each] for each in formats if each in _PACKAGES)]

    def on_all(self, devices: Sequence[Device]) -> tuple[Run, ...]:
        """One thread a device, which sleeps while the device works."""
        with ThreadPoolExecutor(len(devices)) as pool:
            futures = [pool.submit(self._on, device, number) for number, device in enumerate(devices)]
            try:
                return tuple(future.result() for future in futures)
            except BaseException:
                self._stop(devices, futures)
                raise

    def _stop(self, devices: Sequence[Device], futures: Sequence[Future[Run]]) -> None:
        """Ends what runs: at its next word, or by taking its folder away."""
        self._stopped.set()
        wait(futures, _PATIENCE_SECONDS)
        for device, future in zip(devices, futures, strict=True):
            if not future.done():
                with suppress(MicronetEdgeError, OSError):
                    device.close()

    def _on(self, device: Device, number: int) -> Run:
        method = Method(
            self._settings.threads,
            self._settings.processes,
            self._settings.rounds,
            self._settings.seconds,
            self._settings.least_warmup,
            self._settings.most_warmup,
        )
        try:
            self._tell(device, "connecting", 0, 1)
            with device:
                run = self._measured(device, number, method)
        except MicronetEdgeError as error:
            self._tell(device, "failed", 0, 1)
            return Run(device.label, method, None, (), error=str(error))
        self._tell(device, "done", 1, 1)
        return run

    def _measured(self, device: Device, number: int, method: Method) -> Run:
        if self._program is None or not device.label.startswith(PHONE):
            return run_of(device.label, method, self._fetched(device, number), self._files)
        environment, files = measure_by_program(
            device,
            self._program,
            self._files,
            self._settings,
            lambda stage, done, total: self._tell(device, stage, done, total),
        )
        return Run(device.label, method, environment, files)

    def _fetched(self, device: Device, number: int) -> Mapping[str, object]:
        """Brings everything there, runs it and fetches the result."""
        interpreter = self._ready(device)
        for place, name in enumerate(self._packed.names):
            self._tell(device, "sending", place, len(self._packed.names))
            device.push(self._packed.folder / name, name)
        error_texts: list[str] = []
        code = device.run(
            [*_TIDY, *interpreter, RUNNER_NAME, PLAN_NAME],
            lambda line: self._on_line(device, line, error_texts),
        )
        if code:
            raise DeviceError(device.label, error_texts[-1] if error_texts else _last_words(device, code))
        local = self._packed.folder / f"{number}-{RESULT_NAME}"
        device.pull(RESULT_NAME, local)
        try:
            content = parse_json(local.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DeviceError(device.label, f"its result cannot be read ({error}): run it again") from error
        assert isinstance(content, dict)  # as the runner writes it
        return content

    def _ready(self, device: Device) -> tuple[str, ...]:
        """The command that starts the Python there, which has all that the files need."""
        if self._bootstrap and (
            missing := [name for name in self._packages if name not in device.facts().packages]
        ):
            self._tell(device, "installing", 0, 1)
            device.bootstrap(missing, lambda _line: self._check())
        return require(device, self._packages).interpreter

    def _on_line(self, device: Device, line: str, error_texts: list[str]) -> None:
        self._check()
        with suppress(ValueError):  # anything else on stdout is a library's chatter
            told = parse_json(line)
            if isinstance(told, dict) and "error" in told:
                error_texts.append(str(told["error"]))
            elif isinstance(told, dict) and "stage" in told:
                self._progress(device.label, str(told["stage"]), float(told["done"]), float(told["total"]))

    def _tell(self, device: Device, stage: str, done: float, total: float) -> None:
        self._check()
        self._progress(device.label, stage, done, total)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise _StoppedError


def _last_words(device: Device, code: int) -> str:
    said = " ".join(device.stderr_tail.split()) or "it said nothing"
    return f"measuring ended there with exit code {code}: {said[-300:]}"
