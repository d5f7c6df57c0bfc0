"""Writes small valid files of every kind, which the fuzzer damages and uses in command lines.

Runs in its own process, since runtimes start threads, and a process that forks must have none.
"""

import os
import shutil
import struct
import sys
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from micronet_edge.lowering.cost_model.tuning import SHIPPED, tuning_text
from micronet_edge.models import load_checkpoint
from micronet_edge.pipeline.run import export, quantize
from micronet_edge.settings import ExportSettings
from micronet_edge_bench.benching import What, bench
from micronet_edge_bench.results import write_results
from micronet_edge_bench.runner.plan import Settings

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
LABELS = tuple("0123456789")
_IMAGES = 40


def write_networks(folder: Path) -> None:
    """Fills a folder that has images: the digits' checkpoint, its files of all kinds, a recipe."""
    net = folder / "net.safetensors"
    shutil.copy(DIGITS / "m0-digits.safetensors", net)
    export(net, settings=ExportSettings(output=folder))
    calibration = folder / "calibration"
    quantize(net, settings=ExportSettings(output=folder, precision="int8", calibration=calibration))


def write_beside(folder: Path) -> None:
    """Adds the checkpoint in other containers, labels, a tuning and results."""
    network = load_checkpoint(folder / "net.safetensors").network
    torch.save(network.state_dict(), folder / "net.pth")
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, folder / "wrapped.pth")
    torch.save(network.state_dict(), folder / "old.pth", _use_new_zipfile_serialization=False)
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    (folder / "tuning.json").write_text(tuning_text(SHIPPED))
    files = [folder / "net-float32.onnx", folder / "net-float32.tflite"]
    settings = Settings(processes=2, rounds=5, least_warmup=0, most_warmup=2)
    write_results(bench(files, settings, what=What(random=True, own=True)), folder / "results.json")


def write_images(folder: Path) -> None:
    """Fills an empty folder with digits to calibrate and test on, as files and arrays, and a picture."""
    sys.path.insert(0, str(DIGITS))
    from images import image_paths  # type: ignore[import-not-found]  # beside the example, in no package
    from images import write_images as write_digits

    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        digits: list[Path] = image_paths("train", write_digits(Path(name)))
        (folder / "calibration").mkdir()
        for path in digits[:: len(digits) // _IMAGES][:_IMAGES]:
            shutil.copy(path, folder / "calibration")
        for label in LABELS:
            (folder / "data" / label).mkdir(parents=True)
            shutil.copy(
                next(path for path in digits if path.parent.name == label), folder / "data" / label / "1.png"
            )
    images = [Image.open(path).convert("RGB") for path in sorted((folder / "calibration").iterdir())]
    np.save(folder / "images.npy", np.stack(list(map(np.asarray, images))))
    np.savez_compressed(folder / "images.npz", images=np.stack(list(map(np.asarray, images))))
    (folder / "pictures").mkdir()
    for suffix in ("png", "jpg", "bmp", "gif", "tif", "webp", "ppm", "ico"):
        images[0].resize((40, 40)).save(folder / "pictures" / f"picture.{suffix}")


def write_odd_files(base: Path) -> None:
    """Writes invalid files into the folder `odd`: pipes, bombs, links, odd names, deep folders."""
    folder = base / "odd"
    folder.mkdir()
    (folder / "empty").touch()
    (folder / "text.txt").write_text("a text\n")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "proc").symlink_to("/proc")
    (folder / "nowhere").symlink_to("nothing")
    (folder / "round").symlink_to("round")
    (folder / "deep.json").write_text("[" * 200_000)
    (folder / "digits.json").write_text('{"version": 1' + "0" * 400 + "}")
    (folder / "surrogate.json").write_text('{"version": "\\ud800", "runs": []}')
    with (folder / "sparse").open("wb") as file:
        file.truncate(5 << 30)
    (folder / "odd_images").mkdir()
    os.mkfifo(folder / "odd_images" / "pipe.png")
    (folder / "odd_images" / "processes").symlink_to("/proc")
    (folder / "[red]odd\x1b[31m").mkdir()


def write_bombs(base: Path) -> None:
    """Writes files of a few megabytes that unpack to more than memory should hold."""
    folder = base / "odd"
    bomb = zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with bomb, bomb.open("images.npy", "w", force_zip64=True) as part:
        for _ in range(5 << 10):
            part.write(bytes(1 << 20))
    shutil.copy(folder / "bomb.npz", folder / "bomb.pth")
    shutil.copy(folder.parent / "net-float32.tflite", folder / "bomb.tflite")
    bomb = zipfile.ZipFile(folder / "bomb.tflite", "a", zipfile.ZIP_DEFLATED)
    with bomb, warnings.catch_warnings(action="ignore"):  # the part exists already
        bomb.writestr("labels.txt", bytes(300 << 20))
    (folder / "bomb.png").write_bytes(_black_png(60_000))


def _black_png(side: int) -> bytes:
    """A square PNG of one bit per pixel, made without the memory that it unpacks to."""
    rows = zlib.compressobj(1)
    pixels = b"".join(rows.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + rows.flush()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
        (b"IDAT", pixels),
        (b"IEND", b""),
    )
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    write_images(place)
    write_networks(place)
    write_beside(place)
    write_odd_files(place)
    write_bombs(place)
