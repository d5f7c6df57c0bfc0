"""Exports a trained MicroNet to ONNX and TFLite and compares three runtimes on digits: `make demo`."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

import images as digits  # type: ignore[import-not-found]  # beside this script, in no package
import numpy as np
from rich.console import Console
from rich.table import Table

import micronet_edge
from micronet_edge.data.preprocessing import Images, open_image
from micronet_edge.errors import MicronetEdgeError, VerificationError

CHECKPOINT = Path(__file__).resolve().with_name("m0-digits.safetensors")
OUTPUT = Path(__file__).resolve().parents[2] / "demo-output"
WARMUP, ROUNDS = 20, 200


@dataclass(frozen=True, slots=True)
class Runtime:
    """A network to run: its preprocessed images, and its predicted labels."""

    name: str
    file: Path
    images: Images
    run: Callable[[Images], np.ndarray]
    answers: np.ndarray


def pytorch(paths: list[Path]) -> Runtime:
    """The trained network itself."""
    import torch

    from micronet_edge.models import load_checkpoint

    torch.set_num_threads(1)
    loaded = load_checkpoint(CHECKPOINT)
    assert loaded.preprocessing is not None

    def run(images: Images) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(loaded.network(torch.from_numpy(images)))

    images = loaded.preprocessing.batch(paths)
    return Runtime("PyTorch", CHECKPOINT, images, run, np.array(loaded.labels)[run(images).argmax(1)])


def exported(name: str, file: Path, paths: list[Path]) -> Runtime:
    """An exported file, with its own labels and preprocessing."""
    from micronet_edge.targets.registry import target_of

    metadata = micronet_edge.read_metadata(file)
    session = target_of(file).open(file, threads=1)
    images = metadata.preprocessing.batch(paths)
    return Runtime(name, file, images, session.run, np.array(metadata.labels)[session.run(images).argmax(1)])


def latencies_ms(runtimes: list[Runtime]) -> np.ndarray:
    """Milliseconds per image, [ROUNDS, runtimes]."""
    taken = np.empty((WARMUP + ROUNDS, len(runtimes)))
    for number, row in enumerate(taken):  # round by round, so that a disturbance affects all
        for index in range(len(runtimes))[:: -1 if number % 2 else 1]:
            image = runtimes[index].images[[number % len(runtimes[index].images)]]
            start = time.perf_counter_ns()
            runtimes[index].run(image)
            row[index] = (time.perf_counter_ns() - start) / 1e6
    return taken[WARMUP:]


def results(runtimes: list[Runtime], truth: np.ndarray, latencies: np.ndarray) -> Table:
    """A table with one row per runtime."""
    table = Table("runtime", title=f"{len(truth)} test images, not used in training")
    for heading in ("file\nMB", "\nright", "same as\nPyTorch", "ms per image\nmedian (quartiles)"):
        table.add_column(heading, justify="right")
    for runtime, taken in zip(runtimes, latencies.T, strict=True):
        right, same = runtime.answers == truth, runtime.answers == runtimes[0].answers
        counts = [f"{which.sum()} ({which.mean():.1%})" for which in (right, same)]
        low, median, high = np.percentile(taken, [25, 50, 75])
        size, speed = runtime.file.stat().st_size / 1e6, f"{median:.2f} ({low:.2f} to {high:.2f})"
        table.add_row(runtime.name, f"{size:.2f}", *counts, speed)
    return table


def check_agreement(runtimes: list[Runtime]) -> None:
    """Raises VerificationError if a file's predictions differ from those of its network."""
    for runtime in runtimes:
        if (differs := runtime.answers != runtimes[0].answers).any():
            raise VerificationError(
                f"{runtime.name} classifies {differs.sum()} of {differs.size} images differently from PyTorch"
            )


def pictures(paths: list[Path], runtimes: list[Runtime], truth: np.ndarray) -> Table:
    """Some images with their predictions; the first is an error of PyTorch, if there is any."""
    wrong = np.flatnonzero(runtimes[0].answers != truth)[:1]
    chosen = [*wrong, *np.linspace(0, len(paths) - 1, 7 - len(wrong)).astype(int)]  # 7 fit into 80 columns
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row("", *(half_blocks(np.asarray(open_image(paths[place]))) for place in chosen))
    for name, labels in [("label", truth), *((each.name, each.answers) for each in runtimes)]:
        table.add_row(name, *(labels[place].center(8) for place in chosen))
    return table


def half_blocks(pixels: np.ndarray) -> str:
    """8 x 8 pixels as four lines of half blocks."""
    bright = pixels // 128
    return "\n".join("".join(" ▄▀█"[code] for code in line) for line in 2 * bright[::2] + bright[1::2])


def demo(console: Console) -> None:
    """Runs the demo and reports each step as it begins."""

    def report(step: str) -> None:
        console.print(f"[dim]·[/dim] {step}")

    with console.status("this takes about a minute"):
        report("writing the images")
        paths = digits.image_paths("test", digits.write_images())
        truth = np.array([digits.LABELS[digits.image_label(path)] for path in paths])
        report("loading PyTorch")
        settings = micronet_edge.ExportSettings(output=OUTPUT, overwrite=True)
        onnx, tflite = micronet_edge.export(CHECKPOINT, settings=settings, report=report)
        report("reading the test images in all three runtimes")
        files = {"ONNX Runtime": onnx.path, "LiteRT": tflite.path}
        runtimes = [pytorch(paths), *(exported(name, file, paths) for name, file in files.items())]
    report(f"timing each on {ROUNDS} single images")
    console.print("", results(runtimes, truth, latencies_ms(runtimes)))
    console.print("Quick timing on one thread; use `micronet-edge bench` for reliable figures.\n")
    check_agreement(runtimes)
    console.print(pictures(paths, runtimes, truth))
    tool = relpath(Path(sys.executable).with_name("micronet-edge"))
    print(f"\nThe files, their manifests and model cards are in {relpath(OUTPUT)}. Next, try:")
    print(f"  {tool} verify {relpath(tflite.path)} --checkpoint {relpath(CHECKPOINT)}")
    print(f"  {tool} export m1 --output {relpath(OUTPUT)}  # random weights, for size and speed")


if __name__ == "__main__":
    try:
        demo(Console(highlight=False))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)  # a shell's exit code for Ctrl-C
    except MicronetEdgeError as error:
        sys.exit(f"error: {error}")
