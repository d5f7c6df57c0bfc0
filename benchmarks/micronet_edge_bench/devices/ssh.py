"""A Linux board over ssh, with the user's ssh program, configuration, keys and known hosts.

Files travel through `cat`: small boards often have no sftp server, which scp of OpenSSH 9 also needs, and
`cat` needs no file name that a remote shell would expand.
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
"""The environment variable with the ssh command and its options, in shell syntax; `ssh` if not set."""

ALIVE_SECONDS = 10
ALIVE_COUNT = 3
"""The interval in seconds and the number of unanswered probes after which a board counts as lost."""

_CONNECT_SECONDS = 10
_LONGEST_SOCKET_PATH = 80
"""The maximum length of the socket's path: 108 bytes minus ssh's temporary suffix."""

# Host names reach commands of the user's ssh configuration (ProxyCommand's %h), which a shell runs.
_ADDRESS = re.compile(
    r"(?:(?P<user>[\w.+][\w.+@-]*)@)?(?P<host>[\w.+][\w.+-]*|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])(?::(?P<port>\d+))?"
)
_LAST_PORT = 65535

_OPTIONS = (
    # A password or an unknown host key is an error, never a prompt during a progress display.
    "BatchMode=yes",
    f"ConnectTimeout={_CONNECT_SECONDS}",
    f"ServerAliveInterval={ALIVE_SECONDS}",
    f"ServerAliveCountMax={ALIVE_COUNT}",
    # Overrides settings for interactive logins, which do not suit parallel commands.
    "ClearAllForwardings=yes",
    "RemoteCommand=none",
    # At lower levels ssh does not report why a connection ended.
    "LogLevel=INFO",
)


@dataclass(frozen=True, slots=True)
class Address:
    """The address for ssh; the user's ssh configuration decides what is None."""

    user: str | None
    host: str
    port: int | None


def read_address(label: str) -> Address:
    """Parses ssh://[USER@]HOST[:PORT]; HOST may be an alias of ~/.ssh/config or an IPv6 address in brackets.

    Raises DeviceError on anything else.
    """
    found = _ADDRESS.fullmatch(label.removeprefix("ssh://").removesuffix("/"))
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port <= _LAST_PORT):
        raise DeviceError(label, "is not an address of a board: give ssh://HOST or ssh://USER@HOST:PORT")
    return Address(found["user"], found["host"].strip("[]"), port)


class SshDevice(ShellDevice):
    """A board over ssh.

    All later commands share the keeper's connection and need not log in again; if the board forbids that, ssh
    opens a connection for each.
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
        """The error for ssh's message, with a next step."""
        return DeviceError(self.label, explain(self._login(), outcome.stderr, connected=connected))

    def _login(self) -> str:
        """The arguments of `ssh` for a login in a terminal."""
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
        # ssh expands % and ${} in the path; if it contains them, every command logs in separately.
        if not re.fullmatch(rf"[\w./-]{{1,{_LONGEST_SOCKET_PATH}}}", socket):
            return ("ControlPath=none",)
        return (
            f"ControlPath={socket}",
            f"ControlMaster={'no' if self._keeper else 'yes'}",
            "ControlPersist=no",
        )
