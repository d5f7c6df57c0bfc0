"""Apps as a developer gets and starts them, and what the product itself answers."""

import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import open_image
from micronet_edge.deployment.app import App
from micronet_edge.deployment.cpp_app import TEMPLATE as CPP
from micronet_edge.targets.registry import find_target

LABELS = tuple("0123456789")
FORMATS = ("onnx", "tflite")
COMPILER = os.environ.get("CXX", "c++")
STRICT = "-Wall -Wextra -Werror"
SANITIZED = f"{STRICT} -g -fsanitize=address,undefined -fno-sanitize-recover=all"

HOSTILE = (
    'quoted "label"',
    "back\\slash \\n \\x41 \\",
    "<script>alert(1)</script>",
    "</script>",
    "tab\tbell\x07 escape\x1b[31m return\r",
    "nul\0 within",
    "Käse 猫 🐈 \u202eturned",
    "${x} $x `x` #{x}",
    "%s %d %n %",
    "trigraph ??/ ??= ??'",
    "'''\"\"\"*/ // <model> </model> # </runtime>",
    "next\x85line\u2028separated",
    " spaces around ",
    "",
)
"""Labels that some language would read as something else; no line breaks, which no file has in a label."""


def needs(*programs):
    """Skips a test where programs are missing."""
    if missing := [each for each in programs if shutil.which(each) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")


def session_probabilities(path: Path, images) -> np.ndarray:
    """What the product's own session answers for image files, as probabilities."""
    target = find_target(path.suffix.removeprefix("."))
    metadata = target.read_metadata(path)
    batch = np.stack([metadata.preprocessing.array(open_image(image)) for image in images])
    scores = target.open(path, kernels="off").run(batch).astype(np.float64)
    if metadata.scores == "softmax":
        return scores
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def answers(output: bytes, images) -> np.ndarray:
    """The probabilities [n, classes] that an app printed with --top 10 for images, by class."""
    blocks, rows = {}, None
    for line in output.decode().splitlines():
        if line.startswith("  "):
            probability, number, label = line.split(maxsplit=2)
            assert label == LABELS[int(number)]
            rows[int(number)] = float(probability)
        else:
            rows = blocks[line] = {}
    assert list(blocks) == list(map(str, images))
    for rows in blocks.values():
        assert list(rows.values()) == sorted(rows.values(), reverse=True)
    return np.array([[rows[number] for number in range(len(LABELS))] for rows in blocks.values()])


def script(folder):
    """The Python app's script as a module."""
    spec = spec_from_file_location("classify", folder / "classify.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*command, folder=None, code=0) -> subprocess.CompletedProcess:
    """Runs a program, which must end with that code."""
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def written(template, metadata: FileMetadata, folder: Path, format_: str = "onnx") -> Path:
    """An app without its model, around nothing but metadata."""
    for name, content in template.files(App(Path("none"), format_, metadata)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def built(folder: Path, *options: str, flags: str = STRICT) -> Path:
    """The program of a C++ app, built as its README says but that warnings are errors."""
    settings = (f"-DCMAKE_CXX_FLAGS={flags}", f"-DPYTHON={sys.executable}", *options)
    run("cmake", "-S", folder, "-B", folder / "build", *settings)
    run("cmake", "--build", folder / "build")
    return folder / "build" / "classify"


def probe(metadata: FileMetadata, folder: Path, flags: str = STRICT) -> Path:
    """A program that tells what the C++ app of such a file makes of an image."""
    written(CPP, metadata, folder)
    sources = (Path(__file__).with_name("preprocess_probe.cpp"), "preprocess.cpp", "image.cpp")
    options = ("-std=c++17", "-O2", "-ffp-contract=off", "-I.", *flags.split())
    run(COMPILER, *options, *sources, "-o", "probe", folder=folder)
    return folder / "probe"
