"""The doors again, in an older release of each runtime: their tables and structures are the same there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("release", ["onnxruntime==1.20.1", "ai-edge-litert==1.2.0"])
@pytest.mark.usefixtures("path")
def test_an_older_release(release, tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, release]
    subprocess.run(pip, check=True)
    name, _, version = release.partition("==")
    loaded = subprocess.run(
        [sys.executable, "-c", f"from importlib.metadata import version; print(version('{name}'))"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert loaded.stdout.strip() == version
    tests = [HERE / "test_in_runtimes.py", HERE / "test_recognition.py"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
