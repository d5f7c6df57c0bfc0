"""An Android phone over adb, with the user's adb program.

Files travel through `cat`, not `adb push`, so that they also reach a folder that only another user of the
phone can write to, such as Termux.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace

from micronet_edge_bench.devices.adb_errors import explain
from micronet_edge_bench.devices.device import DeviceFacts, OnLine
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.local_process import Outcome
from micronet_edge_bench.devices.quoting import quoted
from micronet_edge_bench.devices.shell_device import ShellDevice

TERMUX = "com.termux"
TERMUX_FILES = f"/data/data/{TERMUX}/files"

_SHORT_SECONDS = 20


class AdbDevice(ShellDevice):
    """A phone by its adb serial.

    `wants_python` looks for a Python, also that of Termux. Without it, the phone's own shell runs pushed
    programs, such as TFLite's benchmark_model.
    """

    base = "/data/local/tmp"
    patience_seconds = 60.0  # adb itself never notices a phone that stops responding on a network

    def __init__(self, label: str, *, wants_python: bool = True) -> None:
        super().__init__(label)
        self._serial = label.removeprefix("adb://")
        self._wants_python = wants_python
        self._as_termux = False
        if not self._serial or not self._serial.isprintable():
            raise DeviceError(label, "names no phone: give adb://SERIAL, as `adb devices` lists it")
        self.pythons = ("python3", f"{TERMUX_FILES}/usr/bin/python3")

    def connect(self) -> None:
        """Connects to the phone and makes the folder."""
        if shutil.which("adb") is None:
            raise DeviceError(
                self.label, "adb is not installed here: apt install adb, or Android's platform-tools"
            )
        # adb may start its server, which would keep our pipes open, so it gets none.
        self._adb("start-server", stderr=subprocess.DEVNULL)
        self._adb("get-state")
        if "shell_v2" not in self._adb("features").split():
            raise DeviceError(
                self.label, "its Android is too old for adb to run programs: 7 or newer is needed"
            )
        if self._wants_python:
            self._find_termux()
        super().connect()

    def facts(self) -> DeviceFacts:
        """Finds the facts of the phone; a phone without Python is not an error here."""
        facts = super().facts()
        named = self.ask("getprop ro.build.version.release; getprop ro.product.model; exit 0").splitlines()
        if len(named) == len(("release", "model")):
            facts = replace(facts, system=f"Android {named[0]} ({named[1]})")
        if facts.interpreter and facts.interpreter[-1].startswith(TERMUX_FILES):
            # Termux sets this for its programs; a shell from outside does not.
            places = {"HOME": "home", "PREFIX": "usr"}
            settings = [f"{name}={TERMUX_FILES}/{place}" for name, place in places.items()]
            program = [word for word in facts.interpreter if word != "env"]
            facts = replace(facts, interpreter=("env", *settings, *program))
        return facts

    def bootstrap(self, packages: Sequence[str], on_line: OnLine) -> None:
        """Refuses, since the runtimes have no wheels for Android."""
        del on_line
        raise DeviceError(
            self.label, f"packages cannot be installed on a phone from here: {self.advice(packages)}"
        )

    def advice(self, packages: Sequence[str]) -> str:
        """How to get Python and packages there."""
        del packages  # the advice is the same for all packages
        return (
            "in Termux `pkg install python python-numpy python-onnxruntime` for ONNX files; for TFLite "
            "files give the path of TFLite's benchmark_model"
        )

    def command_for(self, script: str) -> list[str]:
        """The adb command that runs a script there."""
        if self._as_termux:
            script = quoted(["run-as", TERMUX, "sh", "-c", script])
        return ["adb", "-s", self._serial, "shell", "-T", script]

    def explain(self, outcome: Outcome, *, connected: bool) -> DeviceError:
        """The error for adb's message, with a next step."""
        return DeviceError(self.label, explain(self._serial, outcome.stderr, connected=connected))

    def _find_termux(self) -> None:
        """Switches to Termux's user if only that user may start its Python."""
        python = quoted([f"{TERMUX_FILES}/usr/bin/python3"])
        if self.ask(f"command -v python3 || {{ test -x {python} && echo yes; }}; exit 0"):
            return
        self._as_termux = True
        try:
            self.ask(f"test -x {python}")
        except DeviceError:
            self._as_termux = False
        else:
            self.base = f"{TERMUX_FILES}/usr/tmp"

    def _adb(self, *words: str, stderr: int = subprocess.PIPE) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - no shell
                ["adb", "-s", self._serial, *words],  # noqa: S607 - the one on the path is the user's choice
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if stderr == subprocess.DEVNULL else subprocess.PIPE,
                stderr=stderr,
                timeout=_SHORT_SECONDS,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise self.silence(_SHORT_SECONDS) from None
        if done.returncode:
            said = (done.stderr or b"adb's server cannot start").decode(errors="replace")
            raise self.explain(Outcome(done.returncode, said), connected=False)
        return (done.stdout or b"").decode(errors="replace")
