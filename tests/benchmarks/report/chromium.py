"""Pages in a real browser: what it draws, what it complains about, and where things lie."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium: apt-get install chromium")

DARK, LIGHT = 0, 1
_PATIENCE_S = 120
_SAID = re.compile(r':CONSOLE:?\(?\d+\)?\] "(.*)", source: ', re.DOTALL)

_MEASURE = """
addEventListener("load", () => {
  const right = [...document.querySelectorAll("body *")].map(each => each.getBoundingClientRect())
    .filter(box => box.width > 0).reduce((most, box) => Math.max(most, box.right), 0);
  const apart = [...document.querySelectorAll("div.row")].every(row => {
    const [name, value] = [".name", ".value"].map(part => row.querySelector(part).getBoundingClientRect());
    return name.right <= value.left + 1;
  });
  const root = document.documentElement;
  console.log(JSON.stringify({width: innerWidth, scroll: root.scrollWidth, right, apart}));
});
"""


@dataclass(frozen=True)
class Shot:
    """What the browser drew, as rows of pixels of red, green and blue, and what it said on its console."""

    pixels: np.ndarray
    console: list[str]


def shoot(page: str, folder: Path, width: int, height: int, scheme: int = LIGHT) -> Shot:
    """Opens the page at this size and in this scheme."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                BROWSER,
                *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--force-device-scale-factor=1", f"--window-size={width},{height}"),
                *(f"--blink-settings=preferredColorScheme={scheme}", "--enable-logging=stderr"),
                *(f"--user-data-dir={profile}", f"--screenshot={folder / 'page.png'}"),
                (folder / "page.html").as_uri(),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=True,
        )
    said = [match for line in done.stderr.splitlines() for match in _SAID.findall(line)]
    return Shot(np.asarray(Image.open(folder / "page.png").convert("RGB")), said)


def measure(page: str, folder: Path, width: int) -> dict[str, float]:
    """Where things lie in a page of this width. In a frame, as no window is as narrow as a phone."""
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    free = free.replace("</body>", f"<script>{_MEASURE}</script></body>")
    frame = f'<iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{escape(free)}"></iframe>'
    shot = shoot(f"<!doctype html><body style='margin: 0'>{frame}</body>", folder, 1300, 900)
    (line,) = shot.console
    return json.loads(line)
