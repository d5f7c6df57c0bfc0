"""The small adbd of adbd.py as a phone, and an adb server of the tests' own that knows it."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.devices.board import free_port, left_in, wait_for_port


@dataclass
class Phone:
    """A running adbd; adb's own server is started with it, on a port of its own."""

    home: Path
    port: int
    environment: dict
    process: subprocess.Popen = None
    path: str = ""

    @staticmethod
    def available():
        return shutil.which("adb") is not None

    @property
    def serial(self):
        return f"127.0.0.1:{self.port}"

    @property
    def temporary(self):
        return self.home / "tmp"

    def left(self, seconds=10):
        """What is left in its folder for temporary files, after a while for what cleans up there."""
        return left_in(self.temporary, seconds)

    @property
    def programs(self):
        """Comes first on the phone's PATH."""
        return self.home / "bin"

    def start(self, mode=""):
        words = [sys.executable, str(Path(__file__).with_name("adbd.py")), str(self.port), mode]
        path = self.path or f"{self.programs}:{os.environ['PATH']}"
        self.process = subprocess.Popen(words, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        return self.adb("connect", self.serial)

    def adb(self, *words):
        done = subprocess.run(
            ["adb", *words],
            check=False,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout + done.stderr

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        self.adb("kill-server")


def new_phone(home):
    for name in ("tmp", "bin"):
        (home / name).mkdir()
    # adb keeps its key and log in the home and temporary folders that it is given.
    environment = {
        "ANDROID_ADB_SERVER_PORT": str(free_port()),
        "HOME": str(home),
        "ANDROID_USER_HOME": str(home),
    }
    return Phone(home, free_port(), environment)
