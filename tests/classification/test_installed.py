"""Installed beside one runtime, without PyTorch: files are classified, and the installation is small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from classification.test_without_torch import CLASSIFY, COMMAND, RUNTIMES
from sources_without_install import REPOSITORY, path_with_entry_points, python
from test_packaging import built

pytestmark = pytest.mark.slow

RUNTIME_PACKAGES = {"onnx": "onnxruntime", "tflite": "ai-edge-litert"}
MOST_MEGABYTES = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    with built(tmp_path_factory.mktemp("wheel")) as archive:
        return Path(archive.filename)


class Environment:
    """A virtual environment of its own."""

    def __init__(self, folder):
        self.folder, self.python = folder, folder / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def install(self, *what):
        pins = ("--constraint", REPOSITORY / "constraints.txt")
        subprocess.run(
            [self.python, "-m", "pip", "install", "--quiet", "--no-compile", *pins, *what], check=True
        )

    @property
    def megabytes(self):
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files if path.suffix != ".pyc") / 1e6


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_a_board_installs_a_runtime_and_little_else(digits, digit_images, wheel, tmp_path, name):
    file, images = digits / f"m0-digits-float32.{name}", digit_images[::40]
    environment = Environment(tmp_path / "venv")
    environment.install(RUNTIME_PACKAGES[name])
    alone = environment.megabytes

    environment.install("pillow")
    path = path_with_entry_points(tmp_path / "site")
    from_source = python(CLASSIFY, file, *images, path=path, interpreter=environment.python)
    assert from_source.returncode == 0, from_source.stderr

    environment.install(wheel)
    beside = environment.megabytes - alone
    print(f"{name}: {alone:.1f} MB, then {beside:.1f} MB")  # noqa: T201 - the figure that docs quote
    assert beside < MOST_MEGABYTES
    for ran in (from_source, python(CLASSIFY, file, *images, path="", interpreter=environment.python)):
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)[-1] == [image.parent.name for image in images]

    predicted = python(COMMAND, "predict", file, images[0], path="", interpreter=environment.python)
    assert predicted.stdout.splitlines()[0].endswith("%  0")
    exported = python(COMMAND, "export", "m0", path="", interpreter=environment.python)
    assert exported.returncode == 1
    assert exported.stderr.endswith("not installed: pip install 'micronet-edge[export]'\n")
