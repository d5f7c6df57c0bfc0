"""Measures int8 under hard conditions: unkind training, dead layers, calibration images in other light.

    python benchmarks/suites/robustness.py FOLDER

quantizes the networks of `unkind_networks.py`, examples/patches and `glyphs.py`, measures them on test images
that influenced no choice, and compares each file with its simulation. FOLDER keeps images and checkpoints for
the next run. Writes benchmarks/results/robustness.json and prints a table.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import glyphs  # type: ignore[import-not-found]  # beside this script, in no package
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from unkind_networks import (  # type: ignore[import-not-found]  # beside this script, in no package
    EXAMPLE,
    write_unkind,
)

from micronet_edge import ExportSettings
from micronet_edge.data.image_folders import read_labelled
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.evaluation.networks import describe_network, fused_activations, open_network
from micronet_edge.kernels import Kernels
from micronet_edge.models import load_checkpoint, save_checkpoint
from micronet_edge.pipeline.prove_again import quantized_from
from micronet_edge.pipeline.run import quantize
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.quantization.recipe import BITS
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.session_protocol import Logits
from micronet_edge.util.output_files import write_text
from micronet_edge.util.statistics import paired_difference
from micronet_edge.util.terminal import say
from micronet_edge_bench.runner.facts import environment

Right = NDArray[np.bool_]
Answers = dict[tuple[str, str, str, Kernels], Right]
"""Correct predictions of files calibrated in normal light, by network, precision, format and kernels."""

RESULT = Path(__file__).parents[1] / "results" / "robustness.json"
DEAD = "features.block2.depthwise_activation"
CALIBRATION, TEST, SIMULATED = 10, 100, 200
"""Crops per class to calibrate and to test on; total number of images that are also simulated."""


@dataclass(frozen=True, slots=True)
class Case:
    """A network, its precision, and the brightness of its calibration images."""

    network: str
    precision: str = "int8"
    light: float = 1.0


LIGHTS = (1.0, 0.7, 0.45)
"""The first is that of the test images; the loss against it is the cost of other light."""

CASES = (
    *(Case(name) for name in ("large-rate", "adam", "wide-weights", "large-logits")),
    *(Case("dead", precision) for precision in BITS),
    Case("m1-patches"),
    *(
        Case(network, precision, light)
        for network in ("one-light", "m0-patches", "glyphs")
        for precision in BITS
        for light in LIGHTS
    ),
)


def main(folder: Path, *, output: Annotated[Path, typer.Option()] = RESULT) -> None:
    """Measures all cases."""
    networks, data = _networks(folder), _data(folder)
    rows: list[dict[str, Any]] = []
    answers: Answers = {}
    for case in CASES:
        images = data["glyphs" if case.network == "glyphs" else "patches"]
        for row in _rows(case, networks[case.network], images, answers):
            rows.append(asdict(case) | row)
            say(json.dumps(rows[-1]), err=True)
        content = json.dumps({"environment": environment(), "rows": rows}, indent=1) + "\n"
        write_text(content, output, overwrite=True)
    for row in rows:
        say(_line(row))


def _networks(folder: Path) -> dict[str, Path]:
    networks: dict[str, Path] = write_unkind(folder / "networks")
    networks |= {f"{variant}-patches": EXAMPLE / f"{variant}-patches.safetensors" for variant in ("m0", "m1")}
    networks["dead"] = path = folder / "networks" / "m0-dead.safetensors"
    if not path.exists():
        start = load_checkpoint(EXAMPLE / "m0-patches.safetensors")
        with torch.no_grad():
            start.network.get_submodule(DEAD).get_submodule("squeeze").get_parameter("bias").fill_(-100.0)
        assert start.preprocessing is not None
        assert start.labels is not None
        save_checkpoint(start.network, path, preprocessing=start.preprocessing, labels=start.labels)
    networks["glyphs"] = glyphs.write_network(folder)
    return networks


def _data(folder: Path) -> dict[str, Path]:
    sys.path.insert(0, str(EXAMPLE))
    import images  # type: ignore[import-not-found]  # beside the example, in no package

    images.COUNTS = {"calibration": CALIBRATION, "test": TEST}
    return {"patches": images.write_images(folder / "data"), "glyphs": glyphs.write_images(folder / "glyphs")}


def _rows(case: Case, checkpoint: Path, data: Path, answers: Answers) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        calibration = _lit(data / "calibration", Path(folder, "calibration"), case.light)
        settings = ExportSettings(output=Path(folder), precision=case.precision, calibration=calibration)
        start = time.perf_counter()
        try:
            files = quantize(checkpoint, settings=settings).files
        except MicronetEdgeError as error:
            yield {"error": str(error)}
            return
        seconds = time.perf_counter() - start
        for file in files:
            kinds: tuple[Kernels, ...] = ("off", "auto") if case.precision == "int8" else ("off",)
            for kernels in kinds:
                found, right = _measured(file.path, checkpoint, data / "test", kernels)
                in_own_light = answers.setdefault((case.network, case.precision, file.format, kernels), right)
                found["difference_to_own_light"] = asdict(paired_difference(right, in_own_light))
                yield {"format": file.format, "quantize_s": seconds} | found


def _lit(source: Path, folder: Path, light: float) -> Path:
    """Writes the images at another brightness."""
    folder.mkdir()
    for path in sorted(source.rglob("*.png")):
        pixels = (np.asarray(Image.open(path)) * light).round().clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{path.parent.name}-{path.name}")
    return folder


def _measured(file: Path, checkpoint: Path, data: Path, kernels: Kernels) -> tuple[dict[str, Any], Right]:
    images, classes = _test_images(checkpoint, data)
    exact, logits = _float_logits(checkpoint, data), open_network(file, kernels).run(images)
    right, float_right = logits.argmax(1) == classes, exact.argmax(1) == classes
    form, _ = quantized_from(file, checkpoint)
    fused = fused_activations(file, kernels)
    some = slice(None, None, max(1, len(images) // SIMULATED))
    with torch.no_grad():
        simulation = Simulation(with_fused_activations(form) if fused else form)
        simulated = simulation(torch.from_numpy(images[some])).numpy()
    noise = float(np.square(simulated - logits[some]).sum())
    found = {
        "kernels": kernels,
        "fused": fused,
        "images": len(images),
        "float_top1": float(float_right.mean()),
        "top1": float(right.mean()),
        "difference": asdict(paired_difference(right, float_right)),
        "agreement": float((logits.argmax(1) == exact.argmax(1)).mean()),
        "simulation_db": decibels(float(np.square(simulated).sum()), noise),
        "simulation_agreement": float((simulated.argmax(1) == logits[some].argmax(1)).mean()),
    }
    return found, right


@cache
def _test_images(checkpoint: Path, data: Path) -> tuple[Images, NDArray[np.int64]]:
    metadata = describe_network(checkpoint).metadata
    found = read_labelled(data, metadata.labels)
    return metadata.preprocessing.batch(found.paths), np.asarray(found.classes)


@cache
def _float_logits(checkpoint: Path, data: Path) -> Logits:
    images, _ = _test_images(checkpoint, data)
    network = open_network(checkpoint)
    return np.concatenate([network.run(images[place : place + 100]) for place in range(0, len(images), 100)])


def _line(row: dict[str, Any]) -> str:
    start = f"{row['network']:14s} {row['precision']:9s} light {row['light']:<4g} "
    if "error" in row:
        return f"{start} {row['error']}"
    start += f"{row['format']:7s}"
    points = row["difference"]
    return (
        f"{start} kernels {row['kernels']:4s} float {row['float_top1']:.2%}  {points['points']:+z.2f} points "
        f"({points['low']:+z.2f} to {points['high']:+z.2f}), to light 1 "
        f"{row['difference_to_own_light']['points']:+z.2f}  same class {row['agreement']:.2%}  "
        f"simulation {row['simulation_db']:.1f} dB, {row['simulation_agreement']:.1%}  "
        f"{row['quantize_s']:.0f} s"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
