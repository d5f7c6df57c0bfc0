"""The phone's side of adb over TCP, small: enough for the real adb to run shells on this machine.

As a program: adbd.py PORT [unauthorized | ancient]

Implements, of Android's protocol.txt and shell_protocol.h, the connection, streams with one write in flight,
and the shell service in its second version, raw: stdin, stdout, stderr and exit code apart.
"""

import asyncio
import struct
import sys
from contextlib import suppress

VERSION, MAX_DATA = 0x01000001, 1 << 18
CHUNK = 1 << 15
STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
AUTH_TOKEN, AUTH_SIGNATURE = 1, 2


def message(command, first, second, data=b""):
    magic = int.from_bytes(command, "little") ^ 0xFFFFFFFF
    return struct.pack("<4s5I", command, first, second, len(data), sum(data) & 0xFFFFFFFF, magic) + data


class Stream:
    """One service in use: bytes in both directions, till either side closes."""

    def __init__(self, connection, ours, theirs):
        self.connection, self.ours, self.theirs = connection, ours, theirs
        self.arrived = asyncio.StreamReader()
        self.acknowledged = asyncio.Event()
        self.writing = asyncio.Lock()
        self.closed = False

    async def write(self, data):
        async with self.writing:
            if not self.closed:
                self.acknowledged.clear()
                self.connection.send(message(b"WRTE", self.ours, self.theirs, data))
                await self.acknowledged.wait()

    def end(self):
        self.closed = True
        self.acknowledged.set()
        self.arrived.feed_eof()


class Connection:
    """One adb server."""

    def __init__(self, reader, writer, mode):
        self.reader, self.writer, self.mode = reader, writer, mode
        self.streams = {}
        self.tasks = set()

    def send(self, data):
        self.writer.write(data)

    async def serve(self):
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self.reader.readexactly(24)
                command, first, second, length, _, _ = struct.unpack("<4s5I", head)
                self.take(command, first, second, await self.reader.readexactly(length))
                await self.writer.drain()
        for stream in self.streams.values():
            stream.end()

    def take(self, command, first, second, data):
        if command == b"CNXN" or (command == b"AUTH" and first == AUTH_SIGNATURE):
            self.greet()
        elif command == b"OPEN":
            self.open(first, data.rstrip(b"\0").decode())
        elif stream := self.streams.get(second):
            if command == b"WRTE":
                stream.arrived.feed_data(data)
                self.send(message(b"OKAY", second, first))
            elif command == b"OKAY":
                stream.acknowledged.set()
            elif command == b"CLSE":
                self.streams.pop(second).end()

    def greet(self):
        if self.mode == "unauthorized":
            self.send(message(b"AUTH", AUTH_TOKEN, 0, bytes(20)))
            return
        features = "cmd" if self.mode == "ancient" else "shell_v2,cmd"
        banner = (
            f"device::ro.product.name=test;ro.product.model=test;ro.product.device=test;features={features}"
        )
        self.send(message(b"CNXN", VERSION, MAX_DATA, banner.encode()))

    def open(self, theirs, service):
        kind, _, argument = service.partition(":")
        ours = theirs + 1000
        if not kind.startswith("shell,v2"):
            self.send(message(b"CLSE", 0, theirs))
            return
        stream = self.streams[ours] = Stream(self, ours, theirs)
        self.send(message(b"OKAY", ours, theirs))
        task = asyncio.ensure_future(self.shell(stream, argument))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def shell(self, stream, command):
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        feeding = asyncio.ensure_future(feed(stream, process.stdin))
        await asyncio.gather(
            pump(process.stdout, stream, STDOUT), pump(process.stderr, stream, STDERR), process.wait()
        )
        feeding.cancel()
        await stream.write(struct.pack("<BIB", EXIT, 1, process.returncode & 255))
        self.send(message(b"CLSE", stream.ours, stream.theirs))
        self.streams.pop(stream.ours, None)


async def feed(stream, stdin):
    """What comes for the command's stdin; it is closed when the stream is, or the connection."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            kind, length = struct.unpack("<BI", await stream.arrived.readexactly(5))
            data = await stream.arrived.readexactly(length)
            if kind == CLOSE_STDIN:
                break
            if kind == STDIN:
                stdin.write(data)
                await stdin.drain()
    stdin.close()


async def pump(source, stream, kind):
    while data := await source.read(CHUNK):
        await stream.write(struct.pack("<BI", kind, len(data)) + data)


async def main(port, mode=""):
    server = await asyncio.start_server(
        lambda reader, writer: Connection(reader, writer, mode).serve(), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
