"""Reads the lines that a board prints, from a serial line or over TCP."""

import os
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from micronet_edge_bench.mcu.errors import McuError

SERIAL, TCP = "serial:", "tcp:"
BAUD = 115_200

_CHUNK_BYTES = 4096
_MOST_PORT = 1 << 16
_CONNECT_SECONDS = 10.0


def lines_from(device: str, most_seconds: float) -> Iterator[str]:
    """Every line that comes within that time.

    Args:
        device: serial:PATH of a serial line or pseudo-terminal, or tcp:HOST:PORT.
        most_seconds: after which it stops.

    Raises:
        McuError: if the line cannot be opened or ends.
    """
    handle = _opened(device)
    try:
        yield from _lines(handle, device, time.monotonic() + most_seconds)
    finally:
        os.close(handle)


def check_line(device: str) -> None:
    """Raises McuError unless the name is a line's; it is not opened."""
    kind, _, rest = device.partition(":")
    host, _, port = rest.rpartition(":")
    if f"{kind}:" == SERIAL and rest:
        return
    if f"{kind}:" == TCP and host and port.isascii() and port.isdigit() and 0 < int(port) < _MOST_PORT:
        return
    raise McuError(f"{device!r} is no line to a board: give serial:/dev/ttyACM0 or tcp:HOST:PORT")


def _lines(handle: int, device: str, deadline: float) -> Iterator[str]:
    pending = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([handle], [], [], left)[0]:
            return
        try:
            received = os.read(handle, _CHUNK_BYTES)
        except OSError as error:  # a pseudo-terminal whose other end is closed, a cable that is pulled
            raise McuError(f"{device} is lost ({error.strerror}): connect it again") from error
        if not received:
            raise McuError(f"{device} ended before the report did: connect it again")
        *whole, pending = (pending + received).split(b"\n")
        pending = pending[-_CHUNK_BYTES:]
        yield from (line.decode("ascii", "replace") for line in whole)


def _opened(device: str) -> int:
    check_line(device)
    kind, _, rest = device.partition(":")
    try:
        if f"{kind}:" == TCP:
            host, _, port = rest.rpartition(":")
            return socket.create_connection((host, int(port)), _CONNECT_SECONDS).detach()
        return _serial(Path(rest))
    except OSError as error:
        why = error.strerror or str(error)
        raise McuError(f"{device} cannot be opened ({why}): check its name and permissions") from error


def _serial(path: Path) -> int:
    """A serial line at BAUD, eight bits, no parity, without any translation."""
    try:
        import termios
        import tty
    except ModuleNotFoundError as error:
        raise McuError("serial lines are read on Linux and macOS only: use tcp:HOST:PORT") from error
    handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    if not os.isatty(handle):
        os.close(handle)
        raise McuError(f"{path} is no serial line: give the board's, such as /dev/ttyACM0")
    tty.setraw(handle)
    settings = termios.tcgetattr(handle)
    settings[2] |= termios.CLOCAL | termios.CREAD
    settings[4] = settings[5] = getattr(termios, f"B{BAUD}")
    termios.tcsetattr(handle, termios.TCSANOW, settings)
    return handle
