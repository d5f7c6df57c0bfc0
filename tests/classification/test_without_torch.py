"""An app needs NumPy, Pillow and one runtime: without all else, files are read and images classified."""

import json

import pytest
from sources_without_install import blocking, path_with_entry_points, python

NOT_FOR_APPS = {
    *("torch", "jaxtyping", "beartype", "msgspec", "safetensors", "onnxsim", "tensorflow", "onnx2tf"),
    *("typer", "rich", "click", "onnx", "ml_dtypes", "hypothesis", "pytest", "scipy"),
}
"""Packages of the development environment that stay hidden; onnx as well: only kernels for ONNX need it."""

RUNTIMES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}

CLASSIFY = """
import json, sys
def loaded():
    return sorted(name for name, module in sys.modules.items() if module is not None)
import micronet_edge
at_first = loaded()
from micronet_edge import Classifier
imported = loaded()
found = Classifier(sys.argv[1]).classify_many(sys.argv[2:])
print(json.dumps([at_first, imported, loaded(), [each[0].label for each in found]]))
"""


def loaded(modules):
    return {name.partition(".")[0] for name in modules}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """PYTHONPATH of a machine where only what apps need is installed, and of that not `more`."""
    folder = tmp_path_factory.mktemp("site")

    def without(*more):
        hidden = blocking(folder / "-".join(("hidden", *more)), NOT_FOR_APPS.union(more))
        return path_with_entry_points(folder / "-".join(("site", *more)), hidden)

    return without


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_digits_are_classified_with_one_runtime_alone(digits, digit_images, path, name):
    (other,) = (runtime for each, runtime in RUNTIMES.items() if each != name)
    images = digit_images[::40]
    ran = python(CLASSIFY, digits / f"m0-digits-float32.{name}", *images, path=path(name, other))
    assert ran.returncode == 0, ran.stderr
    at_first, imported, opened, labels = json.loads(ran.stdout)
    assert labels == [image.parent.name for image in images]
    assert not loaded(at_first) & {"numpy", "PIL"}
    runtimes = set(RUNTIMES.values())
    assert not loaded(imported) & (runtimes | {"micronet_edge_onnx", "micronet_edge_tflite"})
    assert loaded(opened) & runtimes == {RUNTIMES[name]}
    # What takes long to load, and what only commands and exports need.
    unwanted = {"importlib.metadata", "email.message", "micronet_edge.lowering", "micronet_edge.models"}
    assert not unwanted & set(imported)


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_a_missing_runtime_is_named_with_the_command_that_installs_it(digits, path, name):
    code = "import sys; from micronet_edge import Classifier; Classifier(sys.argv[1])"
    file = digits / f"m0-digits-float32.{name}"
    ran = python(code, file, path=path("no", RUNTIMES[name]))
    package = {"onnx": "onnxruntime", "tflite": "ai-edge-litert"}[name]
    line = f"{file} needs {RUNTIMES[name]}, which is not installed: pip install {package}"
    assert ran.stderr.splitlines()[-1] == f"micronet_edge.errors.TargetError: {line}"


def test_a_file_that_only_exports_read_says_so(path, tmp_path):
    (tmp_path / "network.c").write_text("/* no network */")
    code = "import sys; from micronet_edge import Classifier; Classifier(sys.argv[1])"
    ran = python(code, tmp_path / "network.c", path=path("c"))
    assert "network.c: give a file ending in .onnx or .tflite" in ran.stderr
    assert "pip install 'micronet-edge[export]'" in ran.stderr


COMMAND = "import sys; from micronet_edge.cli import main; sys.argv[0] = 'micronet-edge'; main()"


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """PYTHONPATH of a machine with the base distribution: commands, and no export."""
    folder = tmp_path_factory.mktemp("light")
    hidden = blocking(folder / "hidden", NOT_FOR_APPS - {"typer", "rich", "click"})
    return path_with_entry_points(folder / "site", hidden)


def test_the_command_line_opens_without_pytorch(light):
    for arguments in (["--help"], ["predict", "--help"], ["export", "--help"]):
        ran = python(COMMAND, *arguments, path=light)
        assert ran.returncode == 0, ran.stderr
        assert "Usage: micronet-edge" in ran.stdout


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_predict_works_without_pytorch(light, digits, digit_images, tmp_path, name):
    arguments = (digits / f"m0-digits-float32.{name}", digit_images[0], "--show", tmp_path / "page.html")
    ran = python(COMMAND, "predict", *arguments, path=light)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0].endswith("%  0")
    assert "data:image/jpeg" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("name", sorted(RUNTIMES))
def test_deploy_works_without_pytorch(light, digits, tmp_path, name):
    arguments = (digits / f"m0-digits-float32.{name}", "--to", "python", "--output", tmp_path / "app")
    ran = python(COMMAND, "deploy", *arguments, path=light)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "app" / "classify.py").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "m0"),
        ("models",),
        ("evaluate", "m0.pth", "--data", "x"),
        ("quantize", "m0", "--calibration", "x"),
        ("count", "m0"),
        ("train", "x"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_needs_pytorch_names_the_extra(light, arguments):
    ran = python(COMMAND, *arguments, path=light)
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert line.startswith("error: this command needs ")
    assert line.endswith(", which is not installed: pip install 'micronet-edge[export]'")
