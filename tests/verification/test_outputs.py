"""Each output is compared by itself, relative to its own values."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.samples import ProofSamples
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import VerificationError
from micronet_edge.verification.outputs import ONE_LEVEL, check_same, compared, is_near
from micronet_edge.verification.prove import CLOSE, CLOSE_SIGNAL_DB, SIMULATION_COSINE, SIMULATION_SIGNAL_DB

SPECS = (TensorSpec("big", (2, 3)), TensorSpec("small", (2,)))
METADATA = FileMetadata(
    "net", (), Preprocessing(1, 1), "a" * 64, signature=Signature((TensorSpec("x", (4,)),), SPECS)
)
SAMPLES = ProofSamples((np.zeros((5, 4), np.float32),), "samples.npz")


def outputs():
    random = np.random.default_rng(0)
    return tuple(
        scale * random.standard_normal((5, *spec.shape)).astype(np.float32)
        for scale, spec in zip((1000.0, 0.001), SPECS, strict=True)
    )


def test_a_small_output_is_not_hidden_by_a_large_one(refusal):
    expected = outputs()
    check_same(Path("net.onnx"), METADATA, expected, expected, SAMPLES)
    found = (expected[0], expected[1].copy())
    found[1][3, 1] += 2e-6
    said = refusal(VerificationError, check_same, Path("net.onnx"), METADATA, found, expected, SAMPLES)
    assert "output small[1] is" in said
    assert "sample 3 of samples.npz" in said


def test_a_missing_output_and_nan_are_refused(refusal):
    expected = outputs()
    said = refusal(VerificationError, check_same, Path("n"), METADATA, expected[:1], expected, SAMPLES)
    assert "outputs [5, 2, 3], the PyTorch network [[5, 2, 3], [5, 2]]" in said
    broken = (expected[0], np.full_like(expected[1], np.nan))
    assert "small" in refusal(VerificationError, check_same, Path("n"), METADATA, broken, expected, SAMPLES)


@given(st.floats(-20, 60), st.integers(0, 9))
def test_decibels_are_as_strict_as_cosines(decibels, seed):
    random = np.random.default_rng(seed)
    expected = random.standard_normal((400, 20)).astype(np.float32)
    noise = random.standard_normal(expected.shape).astype(np.float32) * 10 ** (-decibels / 20)
    found = compared("y", expected + noise, expected)
    assert found.signal_db == pytest.approx(decibels, abs=0.3)
    assert found.cosine == pytest.approx(1 / np.sqrt(1 + 10 ** (-decibels / 10)), abs=0.05)


@pytest.mark.parametrize(
    ("cosine", "decibels"),
    [
        (SIMULATION_COSINE, SIMULATION_SIGNAL_DB),
        *((CLOSE[precision][1], CLOSE_SIGNAL_DB[precision]) for precision in CLOSE),
    ],
)
def test_the_limits_say_the_same(cosine, decibels):
    assert -10 * np.log10(1 / cosine**2 - 1) == pytest.approx(decibels, abs=0.5)


def test_an_output_that_hardly_varies_may_be_off_by_a_level():
    expected = np.full((5, 3), 2.0, np.float32)
    assert is_near(compared("y", expected + np.float32(0.9 * 2 * ONE_LEVEL), expected), 10)
    assert not is_near(compared("y", expected + np.float32(1.1 * 2 * ONE_LEVEL), expected), 10)
    assert compared("y", expected, expected).signal_db == 200


def test_zeros_equal_zeros_and_nothing_else():
    zeros = np.zeros((5, 3), np.float32)
    assert compared("y", zeros, zeros).cosine == 1
    assert compared("y", zeros + np.float32(0.1), zeros).cosine == 0
    assert not is_near(compared("y", zeros + np.float32(0.1), zeros), 10)
