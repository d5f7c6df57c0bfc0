"""Exports the detector to ONNX and TFLite, in float and int8, and measures every file on the test scenes."""

import os
from pathlib import Path

import numpy as np
import torch
from detector import detector  # type: ignore[import-not-found]  # beside this script
from precision import Run, detect, in_pytorch, mean_average_precision
from scenes import read_boxes, scene_paths, write_scenes

import micronet_edge
from micronet_edge.targets.registry import target_of

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
CHECKPOINT = FOLDER / "m0-detector.safetensors"
FACTORY = "examples/detector/detector.py:detector"
OUTPUT = ROOT / "out" / "detector"


def export_all(calibration: Path) -> dict[str, Path]:
    """The files by their names in the table, each proven in its runtime on both outputs."""
    settings = micronet_edge.ExportSettings(output=OUTPUT, weights=CHECKPOINT, overwrite=True)
    float_files = micronet_edge.export(FACTORY, settings=settings)
    settings = micronet_edge.QuantizeSettings(
        output=OUTPUT, weights=CHECKPOINT, overwrite=True, precision="int8", calibration=calibration
    )
    quantized = micronet_edge.quantize(FACTORY, settings=settings).files
    return {f"{file.format}, {file.precision}": file.path for file in (*float_files, *quantized)}


def in_runtime(path: Path) -> Run:
    """A file in its own runtime: its outputs in the order of the network's."""
    session = target_of(path).open(path, threads=1)

    def run(images: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(session.outputs(images))

    return run


def main() -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    os.chdir(ROOT)
    folder = write_scenes()
    network, metadata = micronet_edge.load(CHECKPOINT, factory=detector)
    files = export_all(folder / "calibration")
    runs = {"PyTorch": (CHECKPOINT, in_pytorch(network))}
    runs |= {name: (path, in_runtime(path)) for name, path in files.items()}
    paths, boxes = scene_paths("test", folder), read_boxes(folder)
    print("| network | file, MB | mAP@0.5 |\n|---|---|---|")
    for name, (path, run) in runs.items():
        found = mean_average_precision(detect(run, paths, metadata.preprocessing), boxes)
        print(f"| {name} | {path.stat().st_size / 1e6:.2f} | {found:.1%} |")


if __name__ == "__main__":
    main()
