"""A Linux board over ssh, with the ssh program, configuration, keys and known hosts of whoever runs us.

Files travel through `cat` there: small boards often have no sftp server, without which scp of OpenSSH 9 does
not work either, and `cat` takes no name that a shell elsewhere would have to expand.
"""

import os
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass

from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.local_process import Outcome
from micronet_edge_bench.devices.quoting import for_any_shell
from micronet_edge_bench.devices.shell_device import ShellDevice
from micronet_edge_bench.devices.ssh_errors import explain

COMMAND_VARIABLE = "MICRONET_EDGE_SSH"
"""Holds the ssh command to use, with options, as words for a shell; `ssh` where it is not set."""

ALIVE_SECONDS = 10
ALIVE_COUNT = 3
"""A board that leaves so many questions after so many seconds each unanswered counts as lost."""

_CONNECT_SECONDS = 10
_LONGEST_SOCKET_PATH = 80
"""Of the 108 bytes that a socket's path may have, less what ssh appends to it for a time."""

# A host's name reaches commands of the user's ssh configuration (ProxyCommand's %h), which a shell runs.
_ADDRESS = re.compile(
    r"(?:(?P<user>[\w.+][\w.+@-]*)@)?(?P<host>[\w.+][\w.+-]*|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])(?::(?P<port>\d+))?"
)
_LAST_PORT = 65535

_OPTIONS = (
    # A password or an unknown host key is an error, never a question in the middle of a progress display.
    "BatchMode=yes",
    f"ConnectTimeout={_CONNECT_SECONDS}",
    f"ServerAliveInterval={ALIVE_SECONDS}",
    f"ServerAliveCountMax={ALIVE_COUNT}",
    # Of what a user's configuration may add for logins by hand, nothing fits commands that run side by side.
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    # Lower, and ssh keeps to itself why a connection ended.
    "LogLevel=INFO",
)


@dataclass(frozen=True, slots=True)
class Address:
    """Whom ssh is to reach; what is None is up to the user's ssh configuration."""

    user: str | None
    host: str
    port: int | None


def read_address(label: str) -> Address:
    """Reads ssh://[USER@]HOST[:PORT]; HOST may be an alias of ~/.ssh/config or an IPv6 address in brackets.

    Raises DeviceError on anything else.
    """
    found = _ADDRESS.fullmatch(label.removeprefix("ssh://").removesuffix("/"))
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port <= _LAST_PORT):
        raise DeviceError(label, "is no address of a board: give ssh://HOST or ssh://USER@HOST:PORT")
    return Address(found["user"], found["host"].strip("[]"), port)


class SshDevice(ShellDevice):
    """A board that is reached through ssh.

    The keeper's connection is shared by all later commands, which so need not log in again; where the board
    forbids that, ssh makes a connection for each by itself.
    """

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self._address = read_address(label)
        self._private: tempfile.TemporaryDirectory[str] | None = None

    def connect(self) -> None:
        """Logs in and makes the folder there."""
        if shutil.which(self._program()[0]) is None:
            raise DeviceError(
                self.label, f"{self._program()[0]} is not installed here: apt install openssh-client"
            )
        self._private = tempfile.TemporaryDirectory(prefix="micronet-edge-")
        try:
            super().connect()
        except BaseException:
            self._private.cleanup()
            raise

    def close(self) -> None:
        """Removes the folder there and logs out."""
        try:
            super().close()
        finally:
            if self._private:
                self._private.cleanup()

    def command_for(self, script: str) -> list[str]:
        """The ssh command that runs a script there."""
        user, host, port = self._address.user, self._address.host, self._address.port
        return [
            *self._program(),
            *("-T", "-x", "-a"),
            *(f"-o{option}" for option in (*_OPTIONS, *self._sharing())),
            *(("-l", user) if user else ()),
            *(("-p", str(port)) if port else ()),
            "--",
            host,
            for_any_shell(script),
        ]

    def explain(self, outcome: Outcome, *, connected: bool) -> DeviceError:
        """What ssh complains of, in words with a next step."""
        return DeviceError(self.label, explain(self._login(), outcome.stderr, connected=connected))

    def _login(self) -> str:
        """What follows `ssh` in a terminal."""
        user, host, port = self._address.user, self._address.host, self._address.port
        return (f"-p {port} " if port else "") + (f"{user}@{host}" if user else host)

    def _program(self) -> list[str]:
        try:
            words = shlex.split(os.environ.get(COMMAND_VARIABLE, "ssh"))
        except ValueError as error:
            raise DeviceError(self.label, f"{COMMAND_VARIABLE} cannot be read: {error}") from error
        return words or ["ssh"]

    def _sharing(self) -> tuple[str, ...]:
        socket = f"{self._private.name}/ssh" if self._private else ""
        # ssh expands % and ${} in the path: with those in it, every command logs in for itself.
        if not re.fullmatch(rf"[\w./-]{{1,{_LONGEST_SOCKET_PATH}}}", socket):
            return ("ControlPath=none",)
        return (
            f"ControlPath={socket}",
            f"ControlMaster={'no' if self._keeper else 'yes'}",
            "ControlPersist=no",
        )
