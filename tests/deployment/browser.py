"""Pages in a real browser, driven through Chromium's debugging pipe."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium: apt-get install chromium")

_PATIENCE_S = 120
_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
_FLAGS = (
    *("--headless", "--no-sandbox", "--no-first-run", "--disable-background-networking"),
    *(
        "--disable-component-update",
        "--disable-sync",
        "--force-device-scale-factor=1",
        "--disable-dev-shm-usage",
    ),
    *("--enable-unsafe-swiftshader", "--remote-debugging-pipe"),
)

# The browser reads commands from file 3 and writes answers into file 4; a pipe may lie there already.
_START = """
import os, sys
for source, high in zip(sys.argv[1:3], (100, 101)): os.dup2(int(source), high)
for high, place in ((100, 3), (101, 4)): os.dup2(high, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
    """A tab, and what it complained about."""

    def __init__(self, commands, answers):
        self.complaints = []
        self._commands, self._answers = commands, answers
        self._number, self._rest, self._session, self._loaded = 0, b"", None, False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """One command of the DevTools protocol and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self):
        end = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(end - time.monotonic(), 0))
            assert ready, "the browser does not answer"
            read = os.read(self._answers, 1 << 20)
            assert read, "the browser is gone"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown" or (
            method == "Runtime.consoleAPICalled" and parameters["type"] in {"error", "warning", "assert"}
        ):
            self.complaints.append(json.dumps(parameters))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(json.dumps(parameters["entry"]))

    def open(self, url):
        self._loaded = False
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._note(self._next())

    def run(self, expression, *arguments):
        """What a function of JavaScript, or its promise, gives for the arguments, as plain values."""
        called = f"({expression})(...{json.dumps(arguments)})"
        answer = self.call("Runtime.evaluate", expression=called, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition):
        """Waits until an expression is true."""
        end = time.monotonic() + _PATIENCE_S
        while not self.run(f"() => Boolean({condition})"):
            assert time.monotonic() < end, f"never: {condition}; {self.complaints}"
            time.sleep(0.05)

    def choose_file(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(Path(path).absolute())])

    def resize(self, width, height, *, dark=False):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self):
        """The page as it is drawn, [height, width, 3]."""
        shot = self.call("Page.captureScreenshot", format="png")["data"]
        return np.asarray(Image.open(BytesIO(base64.b64decode(shot))).convert("RGB"))


@contextmanager
def opened(*flags, camera=False):
    """A page in a browser of its own."""
    (commands_out, commands), (answers, answers_in) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, str(commands_out), str(answers_in), BROWSER),
                *(*_FLAGS, *(_CAMERA if camera else ()), *flags, f"--user-data-dir={profile}"),
            ],
            pass_fds=(commands_out, answers_in),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_out)
        os.close(answers_in)
        try:
            yield Page(commands, answers)
        finally:
            os.close(commands)
            process.terminate()
            process.wait()
            os.close(answers)


class _Quiet(SimpleHTTPRequestHandler):
    """A plain file server, as `python3 -m http.server`."""

    def log_message(self, *_):
        pass


@contextmanager
def served(folder, *, isolated=False):
    """The address of a local server of the folder's files; `isolated` pages may use threads."""

    class Handler(_Quiet):
        def end_headers(self):
            if isolated:
                self.send_header("Cross-Origin-Opener-Policy", "same-origin")
                self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            super().end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(Path(folder))))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
