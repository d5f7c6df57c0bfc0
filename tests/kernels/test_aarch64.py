"""The library for aarch64, by Debian's cross compiler, with its NEON loops run by qemu."""

import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from kernels.fused_library import Shape, TensorQuantParams, expected, expected_int8

from micronet_edge import kernels

COMPILER, EMULATOR, SYSTEM = "aarch64-linux-gnu-g++", "qemu-aarch64-static", "/usr/aarch64-linux-gnu"
RUNNER = Path(__file__).parent / "run_cases.cpp"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(which, (COMPILER, EMULATOR, "cmake"))),
        reason=f"needs {COMPILER} and {EMULATOR}: apt install g++-aarch64-linux-gnu qemu-user-static",
    ),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the library and the program that calls it."""
    folder = tmp_path_factory.mktemp("aarch64")
    # As in the wheel.
    other = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", "-DSTATIC_LIBSTDCXX=ON"]
    configure = ["cmake", "-S", kernels.SOURCES, "-B", folder, *other, f"-DCMAKE_CXX_COMPILER={COMPILER}"]
    subprocess.run(configure, check=True)
    subprocess.run(["cmake", "--build", folder, "--parallel", "2"], check=True)
    subprocess.run([COMPILER, "-O1", "-std=c++17", RUNNER, "-ldl", "-o", folder / "run_cases"], check=True)
    return folder


@pytest.fixture(scope="module")
def library(built):
    return built / "libmicronet_edge_kernels.so"


@pytest.fixture(scope="module")
def cases():
    """Sides and numbers of all sorts, and the networks' own shift."""
    random, made = np.random.default_rng(0), []
    for number in range(200):
        shifts, fusions = random.integers(1, 4, 2)
        inputs, outputs = random.integers(1, 60, 2)
        sources = random.integers(0, inputs, (shifts, outputs))
        if number % 2:
            sources = (np.arange(outputs) + random.integers(0, inputs) * np.arange(shifts)[:, None]) % inputs
        pixels = int(random.integers(1, 90))
        rows = bool(number % 3)
        made.append(Shape(int(shifts), int(fusions), int(inputs), int(outputs), pixels, rows, sources))
    return made


def run(built, library, instructions, content):
    command = [EMULATOR, "-L", SYSTEM, built / "run_cases", library, instructions]
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def head(kind, shape):
    sides = [shape.rows, shape.shifts, shape.fusions, shape.inputs, shape.outputs, shape.pixels]
    return np.array([kind, *sides], np.int32).tobytes() + shape.sources.astype(np.int32).tobytes()


def answers(shapes, content, kind):
    """For each case its status and its planes."""
    place = 0
    for shape in shapes:
        (status,) = np.frombuffer(content, np.int32, 1, place)
        y = np.frombuffer(content, kind, shape.outputs * shape.pixels, place + 4)
        place += 4 + y.nbytes
        yield status, shape.planes(y)
    assert place == len(content)


def test_it_is_for_aarch64_and_small(library):
    assert library.stat().st_size < 200_000
    assert library.read_bytes()[18:20] == b"\xb7\x00"  # the machine, in an ELF header


@pytest.mark.parametrize("instructions", ["plain", "neon"])
def test_float(built, library, cases, instructions):
    random, content, wanted = np.random.default_rng(1), b"", []
    for shape in cases:
        a = random.standard_normal((shape.fusions, shape.shifts, shape.outputs)).astype(np.float32)
        x = random.standard_normal((shape.inputs, shape.pixels)).astype(np.float32)
        content += head(0, shape) + np.array([-1.5, 1.5], np.float32).tobytes() + a.tobytes()
        content += shape.laid_out(x).tobytes()
        size = (np.abs(a)[..., None] * np.abs(x)[shape.sources]).sum(1).max(0)
        wanted.append((expected(shape, a, x, -1.5, 1.5), size))
    found = answers(cases, run(built, library, instructions, content), np.float32)
    for (status, y), (right, size) in zip(found, wanted, strict=True):
        assert status == 0
        assert (np.abs(y - right) <= 1e-6 * size + 1e-30).all()


@pytest.mark.parametrize("instructions", ["plain", "neon"])
def test_int8(built, library, cases, instructions):
    random, content, wanted = np.random.default_rng(2), b"", []
    for shape in cases[:60]:
        tensor_qparams = TensorQuantParams(
            *(int(each) for each in random.integers(-128, 128, 2)), float(random.uniform(0, 1e-3))
        )
        a = random.integers(-9000, 9001, (shape.fusions, shape.shifts, shape.outputs)).astype(np.int16)
        x = random.integers(-128, 128, (shape.inputs, shape.pixels)).astype(np.int8)
        ends = np.array(
            [tensor_qparams.x_zero, tensor_qparams.y_zero, tensor_qparams.lowest, tensor_qparams.highest],
            np.int32,
        )
        content += head(1, shape) + ends.tobytes() + np.float32(tensor_qparams.multiplier).tobytes()
        content += a.tobytes() + shape.laid_out(x).tobytes()
        wanted.append(expected_int8(shape, tensor_qparams, a, x))
    found = answers(cases[:60], run(built, library, instructions, content), np.int8)
    for (status, y), right in zip(found, wanted, strict=True):
        assert status == 0
        assert (y == right).all()
