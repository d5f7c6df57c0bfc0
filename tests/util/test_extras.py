"""What a missing package's line says to install is what the distribution offers."""

import re
import tomllib
from pathlib import Path

from micronet_edge.util.extras import EXTRAS as SHOWN
from micronet_edge.util.extras import PROVIDERS, missing

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements(extra):
    """The distributions of an extra, as Python calls their packages."""
    names = (re.match("[A-Za-z0-9_.-]+", each)[0] for each in EXTRAS[extra])
    return {name.replace("-", "_") for name in names} - {"micronet_edge"}


def test_every_package_comes_with_what_is_named():
    for package, provider in PROVIDERS.items():
        if (extra := re.fullmatch(r"'micronet-edge\[(\w+)\]'", provider)) is None:
            assert provider == package.replace("_", "-")
            assert any(package in requirements(each) for each in ("onnx", "tflite"))
        elif package != "flatbuffers":  # a requirement of LiteRT
            assert package in requirements(extra[1])


def test_every_package_of_the_extras_for_export_and_training_is_known():
    for extra in ("export", "onnx", "train"):
        assert requirements(extra) <= set(PROVIDERS)


def test_doctor_shows_every_extra_for_users_with_what_is_in_it():
    assert set(SHOWN) == set(EXTRAS) - {"dev"}
    other_names = {"skimage": "scikit_image", "sklearn": "scikit_learn", "ethosu": "ethos_u_vela"}
    for name, extra in SHOWN.items():
        assert {other_names.get(package, package) for package in extra.packages} <= requirements(name)


def test_only_the_baseline_needs_tensorflow():
    for name in SHOWN:
        brought = requirements(name) & {"tensorflow", "tf_keras", "onnx2tf"}
        assert bool(brought) == (name == "baseline"), name


def test_the_page_on_installing_says_what_each_extra_weighs():
    page = (Path(__file__).parents[2] / "docs" / "install.md").read_text()
    for name, extra in SHOWN.items():
        assert f"| `{name}` | {extra.brings} | {extra.megabytes} MB |" in page


def test_extras_build_on_each_other():
    for extra, base in {"onnx": "export", "train": "export", "tflite": "onnx", "baseline": "tflite"}.items():
        assert f"micronet-edge[{base}]" in EXTRAS[extra]


def test_the_base_is_small():
    names = {re.match("[a-z]+", each)[0] for each in PROJECT["dependencies"]}
    assert names == {"numpy", "pillow", "rich", "typer"}


def test_the_line_names_the_package_and_the_command():
    error = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert missing(error) == "torch, which is not installed: pip install 'micronet-edge[export]'"
    assert missing(ModuleNotFoundError("No module named 'timm'", name="timm")) is None
    assert missing(ModuleNotFoundError("half a name")) is None
