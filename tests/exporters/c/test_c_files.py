"""The files of a network in C: they compile everywhere, prove themselves, and are read back or refused."""

import re
import subprocess
from dataclasses import replace
from functools import partial
from shutil import which

import pytest
from exporters.c.c_networks import (
    SMALL,
    classifier,
    compiled,
    int8_form,
    largest_difference,
    metadata,
    pixel_images,
    self_test,
    small,
    spec_of,
    variant_form,
    write_float,
    write_int8,
)
from lowering.networks import micronet, shift_max, stem
from quantization.networks import images
from torch import nn

from micronet_edge.counting import count
from micronet_edge.errors import ForeignFileError, TargetError
from micronet_edge.targets.common import check_provable
from micronet_edge.targets.protocol import Ends
from micronet_edge_c.compiling import compile_library, find_compiler
from micronet_edge_c.target import TARGET

PASSED = (0, "PASS\n")
LABELS = ('a "quoted" one', "back\\slash", "what??/", "*/ evil /*", "Größe 日本")
SIZE = 64
LAYERS = (
    *(stem(8, 3), nn.ReLU6(), shift_max(8, 2), nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.ReLU()),
    *classifier(8),
)


@pytest.fixture(scope="module")
def form():
    return int8_form(small(*LAYERS), SMALL)


@pytest.fixture
def file(form, tmp_path):
    return write_int8(form, tmp_path / "net.c", described=metadata(SMALL, labels=LABELS, variant="*/ x??/"))


@pytest.mark.parametrize("kind", ["int8", "uint8", "float32"])
def test_it_compiles_without_a_warning_and_passes(kind, form, tmp_path):
    path, labels = tmp_path / "My net-2.c", metadata(SMALL, labels=LABELS, precision=kind)
    if kind == "float32":
        write_float(small(*LAYERS), SMALL, path, labels)
    else:
        write_int8(form, path, io=kind, described=labels)
    test = path.with_name("My_net-2_test.c")
    own = "-DMICRONET_STEP_NAMES", "-DMY_NET_2_LABELS", "-Wno-unused-const-variable", "-Wno-unused-variable"
    for compiler in filter(which, ("gcc", "clang")):
        for source in (path, test):
            compiled([source], tmp_path / "c.o", "-c", "-std=c99", *own, compiler=compiler)
            compiled([source], tmp_path / "c++.o", "-c", "-x", "c++", *own, compiler=compiler)
    assert run(compiled([path, test], tmp_path / "program", "-O1", "-std=c99")) == PASSED


def run(program):
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_its_test_tells_the_first_difference(file):
    assert self_test(file) == PASSED
    test = file.with_name("net_test.c")
    text = test.read_text()
    numbers = text.split("expected[] = {\n")[1].split("}")[0]
    first, second, *rest = map(int, re.findall(r"-?\d+", numbers))
    other = second + (1 if second < 127 else -1)
    test.write_text(text.replace(numbers, ", ".join(map(str, (first, other, *rest))) + "\n"))
    assert self_test(file) == (1, f"FAIL score 1: {second}, expected {other}\n")


def test_what_it_says_is_read_back(form, file):
    found = TARGET.read_metadata(file)
    described = metadata(SMALL, labels=LABELS, variant="*/ x??/")
    assert (found.labels, found.variant) == (LABELS, described.variant)
    assert found.preprocessing == described.preprocessing
    assert (found.layout, found.pixels) == ("NHWC", "raw")
    assert largest_difference(form, file, pixel_images(2, SMALL)) == 0


def test_it_multiplies_what_the_network_multiplies(tmp_path):
    found = TARGET.count(write_int8(variant_form("m0"), tmp_path / "m0.c"))
    expected = count(micronet("m0", 20), SIZE)
    assert found.conv_linear_madds == expected.conv_linear_madds
    assert found.shift_max_madds == expected.shift_max_madds


def test_another_c_file_is_refused(tmp_path, refusal):
    path = tmp_path / "theirs.c"
    path.write_text("int main(void) { return 0; }\n")
    assert str(path) in refusal(ForeignFileError, TARGET.open, path)
    assert str(path) in refusal(ForeignFileError, TARGET.count, path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"arena_bytes":', '"arena":'),
        ('"graph":{', '"graph":['),
        ("\n*/\n", "}\n*/\n"),
        ('"name":"net"', '"name":3'),
    ],
    ids=["key", "bracket", "behind", "type"],
)
def test_a_damaged_description_is_refused(file, refusal, old, new):
    changed(file, old, new)
    message = refusal(TargetError, TARGET.open, file)
    assert "export it again" in message


def test_a_compilers_first_error_is_told(file, refusal):
    changed(file, "int8_t *const memory", "int8_t *const memories")
    message = refusal(TargetError, TARGET.open, file)
    assert "cannot be compiled" in message
    assert "memory" in message
    with pytest.raises(TargetError) as caught:
        compile_library(file, file.with_suffix(".so"))
    assert len(str(caught.value.__cause__).splitlines()) > 1


def test_without_a_compiler(monkeypatch, refusal, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    message = refusal(TargetError, find_compiler)
    assert "no C compiler (no-such-compiler)" in message
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no C compiler (cc or gcc or clang)" in TARGET.cannot_prove()
    message = refusal(TargetError, partial(check_provable, [TARGET], unproven=False))
    assert "install" in message
    assert message.endswith("or write the file --unproven")


@pytest.mark.parametrize("place", ["-1", "NET_ARENA_BYTES"])
def test_what_writes_outside_of_its_arena_is_noticed(file, refusal, place):
    changed(file, "    MICRONET_STEP(0)\n", f"    memory[{place}] = 1;\n    MICRONET_STEP(0)\n")
    session = TARGET.open(file)
    message = refusal(TargetError, session.run, images(1, SMALL).numpy())
    assert "has written outside of its arena" in message


LACKING = {
    "MaxPool2d": nn.MaxPool2d(3, 2, 1),
    "ConvTranspose2d": nn.ConvTranspose2d(8, 8, 2, 2),
    "dilation": nn.Conv2d(8, 8, 3, padding=2, dilation=2),
    "AvgPool2d": nn.AvgPool2d(2),
}


@pytest.mark.parametrize("precision", ["int8", "float32"])
@pytest.mark.parametrize("layer", LACKING.values(), ids=LACKING)
def test_a_layer_that_it_lacks_is_named(layer, precision, tmp_path, refusal):
    network, path = small(stem(8, 3), layer, *classifier(8)), tmp_path / "net.c"
    write = partial(write_float, network, SMALL) if precision == "float32" else partial(as_int8, network)
    message = refusal(TargetError, write, path)
    assert message.startswith("1: ")
    assert type(layer).__name__ in message
    assert "--format tflite" in message
    assert list(tmp_path.iterdir()) == []


def as_int8(network, path):
    write_int8(int8_form(network, SMALL), path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch": 2}, "one image at a time"),
        ({"batch": None}, "one image at a time"),
        ({"naive": True}, "leave --naive out"),
        ({"ends": Ends(io="uint8"), "precision": "float32"}, "is for --precision int8"),
        ({"ends": Ends(scores="softmax")}, "leave --pixels, --scores and --layout out"),
        ({"ends": Ends(pixels="raw")}, "leave --pixels, --scores and --layout out"),
    ],
)
def test_what_no_c_file_holds_is_refused(changes, told, refusal):
    assert told in refusal(TargetError, TARGET.check, replace(spec_of(SMALL), **changes))


def test_equal_arrays_and_shapes_stand_there_once(tmp_path):
    twice = nn.Conv2d(8, 8, 1)
    network = small(stem(8, 3), twice, nn.ReLU(), nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))
    form = int8_form(nn.Sequential(network, *classifier(8)), SMALL)
    text = write_int8(form, tmp_path / "net.c").read_text()
    assert len(re.findall(r"^MICRONET_NOINLINE static void step_pointwise", text, re.MULTILINE)) < 3
    arrays = re.findall(r"static const \w+ \w+\[\] MICRONET_WEIGHTS = (\{.*?\};)", text, re.DOTALL)
    assert len(arrays) == len(set(arrays))
