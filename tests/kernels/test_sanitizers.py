"""The other tests once more on a library that checks every access and every undefined operation."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from micronet_edge import kernels

HERE = Path(__file__).parent
TRAINING = HERE.parent / "models" / "test_training_kernels.py"
COMPILER = os.environ.get("CXX", "c++")
INSIDE = "MICRONET_EDGE_TESTED_KERNELS" in os.environ

pytestmark = [
    pytest.mark.skipif(INSIDE, reason="this is the run that it starts"),
    pytest.mark.skipif(
        which("cmake") is None or which(COMPILER) is None, reason="needs CMake and a compiler"
    ),
]


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sanitized")
    subprocess.run(["cmake", "-S", kernels.SOURCES, "-B", folder, "-DSANITIZE=ON"], check=True)
    subprocess.run(["cmake", "--build", folder, "--parallel", "2"], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(sanitized):
    """The sanitizers must be there before Python, which was built without."""
    libraries = [
        subprocess.run(
            [COMPILER, f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so")
    ]
    return os.environ | {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps much until the end
        "MICRONET_EDGE_TESTED_KERNELS": str(sanitized / "libmicronet_edge_kernels.so"),
        "MICRONET_EDGE_TESTED_TRAINING": str(sanitized / "libmicronet_edge_training.so"),
    }


@pytest.mark.slow
def test_nothing_is_found(environment):
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", HERE, TRAINING],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "passed" in ran.stdout


def test_what_is_wrong_is_found(environment):
    """A call that claims more pixels than the array has."""
    code = (
        "import ctypes, os, numpy as np;"
        "library = ctypes.CDLL(os.environ['MICRONET_EDGE_TESTED_KERNELS']);"
        "x, sums = np.zeros(8, np.float32), np.zeros(1, np.float32);"
        "sides = ctypes.c_int64(1), ctypes.c_int64(1 << 20);"
        "library.micronet_edge_sum_float(b'plain', 0, x.ctypes.data_as(ctypes.c_void_p),"
        " sums.ctypes.data_as(ctypes.c_void_p), *sides)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True
    )
    assert ran.returncode != 0
    assert "AddressSanitizer" in ran.stderr
