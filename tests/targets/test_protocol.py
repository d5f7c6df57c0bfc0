"""The seam: who offers targets, and what every session does with its images."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from cli.command import first_on_path

from micronet_edge.errors import TargetError
from micronet_edge.targets.batches import in_batches
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import find_target, target_names, target_of


def install(site, module, entry):
    """A distribution as pip would leave it, with one entry point."""
    information = site / "stranger-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[micronet_edge.targets]\nstrange = {entry}\n")
    (site / "stranger.py").write_text(module)
    return site


def python(code, site):
    """What the code prints, as JSON, with the distribution installed."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": first_on_path(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def test_a_strangers_broken_target_breaks_no_other(tmp_path):
    site = install(tmp_path / "site", "raise ImportError('half installed')", "stranger:TARGET")
    code = (
        "import json; from pathlib import Path\n"
        "from micronet_edge.targets.registry import find_target, target_of\n"
        "from micronet_edge.errors import TargetError\n"
        "try: find_target('strange')\n"
        "except TargetError as error: said = str(error)\n"
        "print(json.dumps([target_of(Path('a.onnx')).name, said]))"
    )
    name, said = python(code, site)
    assert name == "onnx"
    assert "format 'strange' cannot be loaded" in said
    assert "half installed" in said


def test_our_targets_come_in_by_the_same_door():
    assert set(target_names()) >= {"onnx", "tflite"}
    for name in ("onnx", "tflite"):
        target = find_target(name)
        assert (target.name, target.suffix) == (name, f".{name}")
        assert target.precisions == ("float32", "float16", "int8", "int8-a16")


def test_an_unknown_format(refusal):
    assert refusal(TargetError, find_target, "coreml").startswith(
        "unknown format 'coreml': choose from c, onnx"
    )


@pytest.mark.parametrize("name", ["model.txt", "model", "onnx"])
def test_a_suffix_that_nobody_writes(refusal, tmp_path, name):
    assert "give a file ending in .c, .onnx, .tflite" in refusal(TargetError, target_of, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "error_line"), [("none.onnx", "does not exist"), (".", "is a folder, not a file")]
)
def test_a_file_that_is_not_there(refusal, tmp_path, name, error_line):
    assert error_line in refusal(TargetError, read_metadata, tmp_path / name)


@pytest.mark.parametrize("count", [1, 4, 5, 9])
@pytest.mark.parametrize("batch", [1, 4, None])
def test_any_number_of_images_goes_through_batches_of_a_fixed_size(count, batch):
    images = np.arange(count * 3, dtype=np.float32).reshape(count, 3, 1, 1)
    taken = []

    def double(part):
        taken.append(len(part))
        return 2 * part[:, :, 0, 0]

    np.testing.assert_array_equal(in_batches(images, batch, double), 2 * images[:, :, 0, 0])
    assert taken == ([count] if batch is None else [batch] * -(-count // batch))
