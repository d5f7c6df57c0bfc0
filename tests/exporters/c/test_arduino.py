"""The Arduino library of a network."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import micronet_edge
from micronet_edge import ExportSettings, FileMetadata, Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge_c.writer.identifiers import file_stem

STAND_IN = Path(__file__).parent / "arduino"
LABELS = ('a "cat"', "dog ??/", "b\\ird")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
SKETCH = "examples/Classify/Classify.ino"


def export(folder, precision, *, formats=("c",), **settings):
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, len(LABELS))),
    ).eval()
    pictures = folder / "pictures.npy"
    np.save(pictures, np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8))
    metadata = FileMetadata('1 my "net"=*??', LABELS, Preprocessing(size=32, resize=32))
    calibration = pictures if precision != "float32" else None
    micronet_edge.export(
        module,
        metadata=metadata,
        settings=ExportSettings(
            **{"arduino": True} | settings,
            formats=formats,
            output=folder / "out",
            precision=precision,
            calibration=calibration,
        ),
    )
    return folder / "out"


@pytest.fixture(scope="module", params=["float32", "int8"])
def exported(request, tmp_path_factory):
    return export(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def library(exported, tmp_path):
    """The library's folder, unpacked."""
    (archive,) = exported.glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    return folder


def compiler(name):
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    return name


def test_its_files_lie_where_the_specification_wants_them(exported, library):
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", library.name)
    files = (path for path in exported.glob("*.[ch]") if not path.name.endswith("_test.c"))
    own = {f"src/{file_stem(path.name)}": path.read_bytes() for path in files}
    found = {str(path.relative_to(library)): path for path in library.rglob("*") if path.is_file()}
    assert set(found) == {"library.properties", SKETCH, "examples/Classify/image.h", *own}
    for name, content in own.items():
        assert found[name].read_bytes().endswith(content)


def test_its_properties_are_those_that_the_specification_requires(library):
    lines = (library / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]*", properties["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert properties["category"] == "Data Processing"
    assert properties["sentence"] == "Classifies images of 32 x 32 pixels into 3 classes."
    assert (library / "src" / properties["includes"]).is_file()
    for required in ("author", "maintainer", "paragraph", "url", "architectures"):
        assert properties[required]


@pytest.mark.parametrize("name", ["cc", "arm-none-eabi-gcc"])
def test_its_sources_compile_as_the_arduino_ide_compiles_them(library, tmp_path, name):
    """With only src/ on the path of includes, for size."""
    for source in (library / "src").glob("*.c"):
        own = [compiler(name), "-Os", "-ffunction-sections", *STRICT, f"-I{library / 'src'}"]
        subprocess.run([*own, "-c", source, "-o", tmp_path / "own.o"], check=True)


def printed_by_the_sketch(library, folder):
    include = f"-I{library / 'src'}"
    (source,) = (library / "src").glob("*.c")
    subprocess.run([compiler("cc"), "-O1", include, "-c", source, "-o", folder / "own.o"], check=True)
    subprocess.run(
        [
            *(compiler("c++"), "-std=c++11", *STRICT, include, f"-I{STAND_IN}"),
            *(f'-DSKETCH="{library / SKETCH}"', STAND_IN / "once.cpp", folder / "own.o"),
            *("-o", folder / "sketch"),
        ],
        check=True,
    )
    return subprocess.run([folder / "sketch"], check=True, capture_output=True, text=True).stdout


def test_its_sketch_classifies_the_image_and_blinks_its_class(library, tmp_path):
    printed = printed_by_the_sketch(library, tmp_path)
    found = re.fullmatch(r"PASS: (.*), 0 microseconds\n(\d+) blinks\n", printed, re.DOTALL)
    assert found, printed
    assert LABELS[int(found[2]) - 1] == found[1]


def test_its_sketch_notices_wrong_scores(library, tmp_path):
    image = library / "examples" / "Classify" / "image.h"
    before, after = image.read_text().split("expected[] = {\n")
    image.write_text(f"{before}expected[] = {{\n99, {after}")
    assert printed_by_the_sketch(library, tmp_path).startswith("FAIL: ")


def test_the_same_network_gives_the_same_bytes(exported, tmp_path):
    (first,) = exported.glob("*.zip")
    again = export(tmp_path, "int8" if "int8" in first.name else "float32")
    assert (again / first.name).read_bytes() == first.read_bytes()


def test_without_the_option_there_is_none(tmp_path):
    assert not list(export(tmp_path, "float32", arduino=False).glob("*.zip"))


def test_it_is_refused_where_no_c_file_is_written(tmp_path, refusal):
    said = refusal(SettingsError, export, tmp_path, "float32", formats=("onnx",))
    assert said == "--arduino packs C files: give --format c, or leave --arduino out"
    assert not (tmp_path / "out").exists()
