"""The code on a C file's model card compiles with the file, and finds the class that the file finds."""

import subprocess
from textwrap import indent

import numpy as np
import pytest
from exporters.c.c_networks import SMALL, classifier, compiled, int8_form, small, write_float, write_int8
from lowering.networks import stem
from torch import nn

from micronet_edge.reports.card_code import C, filling_code
from micronet_edge_c.target import TARGET

MAIN = """
int main(void) {{
  static unsigned char pixels[{count}];
  static {kind} input[{count}];
  fread(pixels, 1, sizeof pixels, stdin);
{fill}
  printf("%s", {name}_labels[classify(input)]);
  return 0;
}}
"""


@pytest.fixture(scope="module")
def network():
    return small(stem(8, 3), nn.ReLU6(), *classifier(8))


@pytest.mark.parametrize("io", ["float32", "int8", "uint8"])
def test_it_classifies_pixels(network, tmp_path, io):
    path = tmp_path / "my net-1.c"
    if io == "float32":
        write_float(network, SMALL, path)
    else:
        write_int8(int8_form(network, SMALL), path, io=io)
    metadata = TARGET.read_metadata(path)
    assert (metadata.io, metadata.pixels == "raw") == (io, io != "float32")
    (code,) = (text for _, text in TARGET.card_code(path.name, metadata).values())
    assert TARGET.output_types(path) == ("float32" if io == "float32" else "int8",)
    pixels = np.random.default_rng(0).integers(0, 256, (SMALL, SMALL, 3), np.uint8)
    kind = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t"}[io]
    fill = filling_code(metadata)[C][1].replace("// ", "/* ").replace("row by row", "row by row */")
    main = MAIN.format(count=pixels.size, kind=kind, fill=indent(fill, "  "), name="my_net_1")
    (tmp_path / "main.c").write_text(f"#include <stdio.h>\n{code}\n{main}")
    options = ("-std=c99", f"-I{tmp_path}", "-Wno-unused-result", "-Wno-conversion")
    program = compiled([path, tmp_path / "main.c"], tmp_path / "main", *options)
    found = subprocess.run([program], input=pixels.tobytes(), capture_output=True, check=True).stdout
    preprocessing = metadata.preprocessing
    normalized = (pixels / 255 - preprocessing.mean) / preprocessing.std
    scores = TARGET.open(path).run(normalized.transpose(2, 0, 1)[None].astype(np.float32))
    assert found.decode() == metadata.labels[int(scores.argmax())]
