"""`--input-shape`, `--outputs` and `--samples` on the command line."""

import json

import numpy as np
import pytest
from cli.command import run

SOURCE = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(6, 8), nn.Linear(4, 8)

    def forward(self, left, right):
        return {"sum": self.left(left) + self.right(right), "right": self.right(right)}

def two():
    torch.manual_seed(0)
    return Two()
"""
SHAPES = ("--input-shape", "left=6", "--input-shape", "right=4")


@pytest.fixture
def here(folder):
    (folder / "mine.py").write_text(SOURCE)
    random = np.random.default_rng(0)
    arrays = {
        name: random.standard_normal((9, n)).astype(np.float32) for name, n in (("left", 6), ("right", 4))
    }
    np.savez(folder / "samples.npz", **arrays)
    return folder


def export(here, *options):
    return run("export", "mine.py:two", "--format", "onnx", "--output", "out", *options, cwd=here)


def test_arrays_of_ones_own(here):
    ran = export(here, *SHAPES, "--outputs", "sum", "--samples", "samples.npz", "--json")
    assert ran.code == 0, ran.errors
    (file,) = json.loads(ran.output)
    assert (file["proof"]["images"], file["proof"]["noise_alone"]) == (9, False)
    assert [each["name"] for each in file["proof"]["outputs"]] == ["sum"]
    assert "WEAK PROOF" not in ran.errors
    assert "ASSUMED" not in ran.errors
    verified = run(
        *("verify", "out/two-float32.onnx", "--checkpoint", "mine.py:two", "--samples", "samples.npz"),
        cwd=here,
    )
    assert verified.code == 0, verified.errors
    assert "on 9 samples" in verified.output
    assert "output sum differs by up to" in verified.output
    benched = run(*("bench", "out/two-float32.onnx", "--runs", 2, "--processes", 1, "--warmup", 1), cwd=here)
    assert benched.code == 0, benched.errors


def test_noise_says_so_in_red(here):
    ran = export(here, *SHAPES)
    assert ran.code == 0, ran.errors
    assert "WEAK PROOF: proven on noise alone: give --samples FILE" in " ".join(ran.errors.split())
    assert "right_out" in ran.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "mine.py:two needs right as well: give --input-shape left=... --input-shape right=..."),
        ((*SHAPES, "--outputs", "total"), "mine.py:two has no output total: choose from sum, right_out"),
        ((*SHAPES, "--samples", "none.npz"), "none.npz does not exist"),
        ((*SHAPES, "--mean", "0.5"), "--mean: for images only"),
        ((*SHAPES, "--calibration", "samples.npz"), "--calibration applies to integer files only"),
        ((*SHAPES, "--input-size", "32"), "--input-size: for images only"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(here, options, said):
    ran = export(here, *options)
    assert ran.code == 1
    assert said in ran.errors.splitlines()[-1]


@pytest.mark.parametrize("shape", ["3,a,4", "", "3,,4", "x=", "=3", "3,-4", "1.5", "9" * 12])
def test_shapes_that_are_not_numbers(here, shape):
    ran = export(here, "--input-shape", shape)
    assert ran.code == 2
    assert "--input-shape" in ran.errors


def test_some_inputs_with_names_and_some_without(here):
    assert export(here, "--input-shape", "left=6", "--input-shape", "4").code == 2


@pytest.mark.parametrize("names", [",", "sum,,right"])
def test_outputs_without_a_name(here, names):
    ran = export(here, *SHAPES, "--outputs", names)
    assert ran.code == 2
    assert "Invalid value for --outputs" in ran.errors
    assert not (here / "out").exists()
