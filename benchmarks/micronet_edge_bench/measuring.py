"""Measures the same files on several devices in parallel.

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
"""Called with the device, the stage, the finished and the total amount; from several threads."""

PHONE = "adb://"

_PACKAGES = {"onnx": "onnxruntime", "tflite": "ai-edge-litert"}
"""What a device's Python needs for our formats, besides numpy; another format's runtime says so itself."""

_TIDY = ("env", "TMPDIR=.", "ORT_DISABLE_TELEMETRY=1")
"""ONNX Runtime leaves a temporary file; this places it in the folder that is removed afterwards."""

_PATIENCE_SECONDS = 3.0
"""Seconds that the devices may take to end after an interrupt."""


class _StoppedError(Exception):
    """The measurement was interrupted; internal."""


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

    Given    names of devices for find_device; `bootstrap` installs missing packages there; `program`,
             TFLite's benchmark_model, measures on phones, which then need no Python
    Result   one run per device, in order. A device that fails has a run with its error, and the others go
             on.
    Raises   errors in files, settings or names of devices, before anything runs. On any exception,
             including Ctrl-C, everything has ended on all devices.
    """
    if repeated := [label for label, times in Counter(devices).items() if times > 1]:
        raise SettingsError(f"device {repeated[0]} is given twice: give it once")
    reached = [find_device(label, wants_python=program is None) for label in devices]
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as name:
        wanted = [
            FileToMeasure(file.name, file.path, file.array, file.kernels, file.runtime) for file in files
        ]
        packed = pack(Path(name), wanted, settings)
        errand = _Errand(packed, files, settings, progress, bootstrap=bootstrap, program=program)
        return errand.on_all(reached)


class _Errand:
    """The work on each device."""

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
        """Runs one thread per device, which sleeps while the device works."""
        with ThreadPoolExecutor(len(devices)) as pool:
            futures = [pool.submit(self._on, device, number) for number, device in enumerate(devices)]
            try:
                return tuple(future.result() for future in futures)
            except BaseException:
                self._stop(devices, futures)
                raise

    def _stop(self, devices: Sequence[Device], futures: Sequence[Future[Run]]) -> None:
        """Ends the running work: at its next line of output, or by removing its folder."""
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
            self._report(device, "connecting", 0, 1)
            with device:
                run = self._measured(device, number, method)
        except MicronetEdgeError as error:
            self._report(device, "failed", 0, 1)
            return Run(device.label, method, None, (), error=str(error))
        self._report(device, "done", 1, 1)
        return run

    def _measured(self, device: Device, number: int, method: Method) -> Run:
        if self._program is None or not device.label.startswith(PHONE):
            return run_of(device.label, method, self._fetched(device, number), self._files)
        environment, files = measure_by_program(
            device,
            self._program,
            self._files,
            self._settings,
            lambda stage, done, total: self._report(device, stage, done, total),
        )
        return Run(device.label, method, environment, files)

    def _fetched(self, device: Device, number: int) -> Mapping[str, object]:
        """Copies everything there, runs it and fetches the result."""
        interpreter = self._ready(device)
        for place, name in enumerate(self._packed.names):
            self._report(device, "sending", place, len(self._packed.names))
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
        assert isinstance(content, dict)  # the runner writes an object
        return content

    def _ready(self, device: Device) -> tuple[str, ...]:
        """The command of a Python there with all packages that the files need."""
        if self._bootstrap and (
            missing := [name for name in self._packages if name not in device.facts().packages]
        ):
            self._report(device, "installing", 0, 1)
            device.bootstrap(missing, lambda _line: self._check())
        return require(device, self._packages).interpreter

    def _on_line(self, device: Device, line: str, error_texts: list[str]) -> None:
        self._check()
        with suppress(ValueError):  # other output on stdout comes from libraries
            message = parse_json(line)
            if isinstance(message, dict) and "error" in message:
                error_texts.append(str(message["error"]))
            elif isinstance(message, dict) and "stage" in message:
                self._progress(
                    device.label, str(message["stage"]), float(message["done"]), float(message["total"])
                )

    def _report(self, device: Device, stage: str, done: float, total: float) -> None:
        self._check()
        self._progress(device.label, stage, done, total)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise _StoppedError


def _last_words(device: Device, code: int) -> str:
    said = " ".join(device.stderr_tail.split()) or "no output"
    return f"the runner ended with exit code {code}: {said[-300:]}"
