"""The code in a model card fills an input as our own preprocessing does."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.reports.card_code import C, filling_code, python_code

COLORS = {
    "RGB": Preprocessing(size=24, resize=30, width=32),
    "BGR": Preprocessing(size=24, resize=30, width=32, color_order="BGR"),
    "GRAY": Preprocessing(size=24, resize=30, width=32, color_order="GRAY", mean=(0.4,), std=(0.2,)),
}
ENDS = [
    ("float32", "normalized"),
    ("float32", "unit"),
    ("float32", "raw"),
    ("uint8", "raw"),
    ("int8", "raw"),
]


def metadata_of(color, io="float32", pixels="normalized", layout="NHWC"):
    return FileMetadata("net", ("a", "b"), COLORS[color], None, io=io, pixels=pixels, layout=layout)


def wanted(metadata, image):
    """The input as it should be, flat."""
    preprocessing = metadata.preprocessing
    normalized = preprocessing.array(image)
    pixels = preprocessing.pixels(normalized)
    made = {
        "normalized": normalized,
        "unit": pixels,
        "raw": pixels * 255 - (128 if metadata.io == "int8" else 0),
    }[metadata.pixels]
    return (made if metadata.layout == "NCHW" else np.moveaxis(made, 0, 2)).ravel()


def photograph(metadata):
    """A photograph of red, green and blue, cropped."""
    image = Image.open(photographs()[0]).convert("RGB")
    return replace(metadata.preprocessing, color_order="RGB", mean=(0.5,) * 3, std=(0.5,) * 3).cropped(image)


def cropped_again(metadata, image):
    """Preprocessing that neither resizes nor crops an image that is cropped already."""
    same = replace(metadata.preprocessing, resize=metadata.preprocessing.size)
    return wanted(replace(metadata, preprocessing=same), image)


def in_c(metadata, code, image, folder):
    """What the code in C puts into the input."""
    gray = metadata.preprocessing.channels == 1
    pixels = np.asarray(image.convert("L") if gray else image)
    kind = {"float32": "float", "uint8": "unsigned char", "int8": "signed char"}[metadata.io]
    count = int(np.prod(metadata.preprocessing.shape))
    source = folder / "fill.c"
    source.write_text(
        "#include <stdio.h>\n"
        f"static {kind} input[{count}];\nstatic unsigned char pixels[{pixels.size}];\n"
        f"int main(void) {{\n  fread(pixels, 1, sizeof pixels, stdin);\n{code}\n"
        f'  for (int k = 0; k < {count}; ++k) printf("%.9g\\n", (double)input[k]);\n  return 0;\n}}\n'
    )
    subprocess.run(["gcc", "-std=c99", "-Wall", "-o", folder / "fill", source], check=True)
    subprocess.run(["g++", "-x", "c++", "-fsyntax-only", source], check=True)
    ran = subprocess.run([folder / "fill"], input=pixels.tobytes(), capture_output=True, check=True)
    return np.array(ran.stdout.split(), float)


def in_javascript(metadata, code, image, folder):
    """What the code in JavaScript puts into the input."""
    array = {"float32": "Float32Array", "uint8": "Uint8Array", "int8": "Int8Array"}[metadata.io]
    rgba = np.asarray(image.convert("RGBA")).ravel().tolist()
    script = folder / "fill.js"
    script.write_text(
        f"const rgba = new Uint8ClampedArray({rgba});\n"
        f"const input = new {array}({int(np.prod(metadata.preprocessing.shape))});\n"
        f"{code}\nconsole.log(JSON.stringify(Array.from(input)));\n"
    )
    ran = subprocess.run(["node", script], capture_output=True, check=True)
    return np.array(json.loads(ran.stdout), float)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("color", sorted(COLORS))
def test_what_the_code_fills(tmp_path, color, ends, layout):
    metadata = metadata_of(color, *ends, layout=layout)
    image = photograph(metadata)
    expected = cropped_again(metadata, image)
    code = filling_code(metadata)
    assert list(code) == [C, "Kotlin", "JavaScript"]
    for name, run in ((C, in_c), ("JavaScript", in_javascript)):
        found = run(metadata, code[name][1], image, tmp_path)
        assert np.abs(found - expected).max() <= 2e-6 * max(1, np.abs(expected).max()), name


def test_kotlin_has_the_same_numbers_and_reads_the_right_bits():
    code = {color: filling_code(metadata_of(color))["Kotlin"][1] for color in sorted(COLORS)}
    assert "floatArrayOf(0.0171247538f, 0.0175070028f, 0.0174291939f)" in code["RGB"]
    assert "shr (16 - 8 * c) and 0xff" in code["RGB"]
    assert "shr (8 * c) and 0xff" in code["BGR"]
    assert "* 19595" in code["GRAY"]
    assert "factor" not in filling_code(metadata_of("RGB", "uint8", "raw"))["Kotlin"][1]
    assert "(pixel - 128).toByte()" in filling_code(metadata_of("RGB", "int8", "raw"))["Kotlin"][1]


def test_normalized_integers_are_left_out():
    """Their scale is in the file alone."""
    assert filling_code(metadata_of("RGB", "int8", "normalized")) == {}


@pytest.mark.parametrize("name", ["plain.onnx", 'a"b.onnx', "back\\slash.onnx", "new\nline.onnx", "ä😀.onnx"])
def test_python_is_python_whatever_the_file_is_called(name):
    code = python_code(name)
    compile(code, "card", "exec")
    assert len([line for line in code.splitlines() if line]) == 4
    assert eval(code.split("Classifier(")[1].split(")\n")[0]) == name  # noqa: S307 - our own text
