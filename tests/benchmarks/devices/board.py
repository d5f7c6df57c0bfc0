"""Debian's sshd on loopback as a board: its own host key, port, users' keys and temporary folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def wait_for_port(port, process):
    for _ in range(400):
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


def left_in(folder, seconds):
    for _ in range(seconds * 10):
        left = sorted(path.name for path in folder.iterdir())
        if not left:
            break
        time.sleep(0.1)
    return left


def program(pid):
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except FileNotFoundError:
        return None


def descendants(pid):
    """The processes that a process started, and those that these did."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        found = [int(child) for child in children.read_text().split()]
    except FileNotFoundError:
        return []
    return found + [below for child in found for below in descendants(child)]


@dataclass
class Board:
    """A running sshd, and an ssh configuration that calls it `board`."""

    home: Path
    port: int
    process: subprocess.Popen = None
    client: dict = field(default_factory=dict)

    @staticmethod
    def available():
        return all((SSHD, shutil.which("ssh"), shutil.which("ssh-keygen")))

    @property
    def temporary(self):
        return self.home / "tmp"

    def left(self, seconds=10):
        """What is left in its folder for temporary files, after a while for what cleans up there."""
        return left_in(self.temporary, seconds)

    def start(self, *settings, environment=None):
        places = {"TMPDIR": self.temporary, "HOME": self.home, **(environment or {})}
        words = " ".join(f'"{name}={value}"' for name, value in places.items())
        config = self.home / "sshd_config"
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.home}/host_key",
            f"AuthorizedKeysFile {self.home}/user_key.pub",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
            f"SetEnv {words}",
            *settings,
        ]
        config.write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists when root starts it
        log = (self.home / "sshd.log").open("w")
        with log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=log)
        wait_for_port(self.port, self.process)

    def configure(self, **settings):
        """Writes the configuration of the one who logs in, and gives the command that uses it."""
        known = f"[127.0.0.1]:{self.port} {(self.home / 'host_key.pub').read_text()}"
        (self.home / "known_hosts").write_text(known)
        self.client = {
            "HostName": "127.0.0.1",
            "Port": self.port,
            "User": getuser(),
            "IdentityFile": self.home / "user_key",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.home / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            **settings,
        }
        lines = ["Host board", *(f"    {name} {value}" for name, value in self.client.items())]
        config = self.home / "ssh_config"
        config.write_text("\n".join(lines) + "\n")
        return f"ssh -F {config}"

    def sessions(self):
        """sshd and its processes, without what runs in the sessions."""
        every = [self.process.pid, *descendants(self.process.pid)]
        return [pid for pid in every if program(pid) == "sshd"]

    def signal(self, number):
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
            self.process.wait()


def new_board(home):
    board = Board(home, free_port())
    board.temporary.mkdir()
    for name in ("host_key", "user_key"):
        make_key(home / name)
    return board
