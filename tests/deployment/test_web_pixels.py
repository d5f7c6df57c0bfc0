"""The page's JavaScript sees the very pixels that `evaluate` sees, whatever image it is given."""

import base64
import io
import shutil
import struct
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from deployment.browser import needs_browser, opened, served
from PIL import Image

from micronet_edge.data.preprocessing import Preprocessing, open_image

pytestmark = needs_browser

WEB = Path(str(files("micronet_edge.deployment"))) / "apps" / "web"
PHOTOGRAPHS = sorted(Path(str(files("micronet_edge.data.photographs"))).glob("*.jpg"))
TURNED = 6  # EXIF: the camera was held upright

_SEEN = """async (name, how) => {
  const {decode} = await import("/decode.js"), {prepare} = await import("/resize.js");
  const seen = prepare(await decode(await (await fetch(name)).blob()), how);
  const bytes = Array.from(seen.data, each => String.fromCharCode(each)).join("");
  return [seen.height, seen.width, seen.channels, btoa(bytes)];
}"""
_REFUSAL = """async name => {
  const {decode} = await import("/decode.js");
  try { await decode(await (await fetch(name)).blob()); } catch (error) { return error.message; }
}"""


def written(image, **settings):
    stream = io.BytesIO()
    image.save(stream, **settings)
    return stream.getvalue()


def png_of_16_bits():
    """RGB with 16 bits each, which Pillow reads but does not write."""
    pixels = np.random.default_rng(1).integers(0, 1 << 16, (40, 52, 3)).astype(">u2")

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", 52, 40, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@cache
def images():
    """Image files of many kinds by name."""
    photograph = Image.open(PHOTOGRAPHS[1]).convert("RGB")
    small = photograph.resize((91, 60))
    random = np.random.default_rng(0)
    see_through = random.integers(0, 256, (48, 64, 4), dtype=np.uint8)
    see_through[:8, :, 3] = 0
    turned = Image.Exif()
    turned[0x112] = TURNED
    kinds = {path.name: path.read_bytes() for path in PHOTOGRAPHS}
    for subsampling in range(3):
        kinds[f"{subsampling}.jpg"] = written(photograph, format="JPEG", quality=85, subsampling=subsampling)
    kinds["progressive.jpg"] = written(photograph, format="JPEG", progressive=True)
    kinds["grey.jpg"] = written(photograph.convert("L"), format="JPEG")
    kinds["cmyk.jpg"] = written(photograph.convert("CMYK"), format="JPEG")
    for kind in ("JPEG", "PNG", "WEBP"):
        kinds[f"turned.{kind.lower()}"] = written(small, format=kind, exif=turned)
    kinds["plain.png"] = written(small, format="PNG")
    kinds["lossy.webp"] = written(small, format="WEBP", quality=80)
    kinds["palette.png"] = written(small.quantize(16), format="PNG", transparency=3)
    kinds["still.gif"] = written(small.quantize(64), format="GIF")
    kinds["two.png"] = written(small.convert("1"), format="PNG")
    kinds["alpha.png"] = written(Image.fromarray(see_through), format="PNG")
    kinds["alpha.webp"] = written(Image.fromarray(see_through), format="WEBP", lossless=True, exact=True)
    kinds["grey_alpha.png"] = written(Image.fromarray(see_through[..., :2].copy()), format="PNG")
    kinds["sixteen.png"] = written(
        Image.fromarray(random.integers(0, 1 << 16, (40, 52)).astype(np.uint16)), format="PNG"
    )
    kinds["sixteen_colors.png"] = png_of_16_bits()
    kinds["digit.png"] = written(
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)), format="PNG"
    )
    kinds["wide.png"] = written(
        Image.fromarray(random.integers(0, 256, (3, 700, 3), dtype=np.uint8)), format="PNG"
    )
    for name, shape in (("tall", (900, 130, 3)), ("low", (61, 40, 3)), ("tower", (150, 20, 3))):
        kinds[f"{name}.png"] = written(
            Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)), format="PNG"
        )
    kinds["odd.png"] = written(
        Image.fromarray(random.integers(0, 256, (101, 67, 3), dtype=np.uint8)), format="PNG"
    )
    return kinds


SETTINGS = (
    Preprocessing(),
    Preprocessing(size=64, resize=73, interpolation="bicubic"),
    Preprocessing(size=31, resize=60),
    Preprocessing(size=60, resize=60, width=91),  # the size of some of them
    Preprocessing(size=97, width=41, resize=103, interpolation="bicubic", color_order="BGR"),
    Preprocessing(size=96, resize=110, color_order="GRAY", mean=(0.4,), std=(0.2,)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    for script in WEB.glob("*.js"):
        shutil.copy(script, folder)
    (folder / "empty.html").write_text('<!doctype html><link rel="icon" href="data:,">')
    for name, content in images().items():
        (folder / name).write_bytes(content)
    (folder / "text.png").write_text("no image")
    (folder / "thread.png").write_bytes(written(Image.new("RGB", (1001, 1)), format="PNG"))
    return folder


@pytest.fixture(scope="module")
def page(folder):
    with served(folder) as address, opened() as page:
        page.open(f"{address}/empty.html")
        yield page


@pytest.mark.parametrize("name", sorted(images()))
def test_the_pixels_are_those_of_pillow(page, folder, name):
    for preprocessing in SETTINGS:
        channels, height, width = preprocessing.shape
        how = {
            "size": height,
            "width": width,
            "resize": preprocessing.resize,
            "interpolation": preprocessing.interpolation,
            "grey": channels == 1,
        }
        *shape, seen = page.run(_SEEN, f"/{name}", how)
        expected = np.asarray(preprocessing.cropped(open_image(folder / name))).reshape(shape)
        assert shape == [height, width, channels]
        assert np.array_equal(np.frombuffer(base64.b64decode(seen), np.uint8).reshape(shape), expected), how
    assert not page.complaints


def test_what_is_no_image_is_refused_in_words(page):
    assert page.run(_REFUSAL, "/text.png") == "This is no image that this browser can read."
    assert page.run(_REFUSAL, "/thread.png") == "1001 × 1 pixels are too narrow for a crop."  # noqa: RUF001
