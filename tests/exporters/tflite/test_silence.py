"""LiteRT's notices reach nobody; what it complains of does."""

import os

import pytest

from micronet_edge_tflite.silence import without_notices


def test_only_notices_stay_away(capfd):
    os.write(2, b"before\n")
    with without_notices():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nERROR: broken\n")
        os.write(2, b"WARNING: [gpu_registry.cc:160] GPU accelerator could not be loaded and registered.\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nERROR: broken\nafter\n"


def test_what_was_said_before_an_error_is_said(capfd):
    def fail():
        with without_notices():
            os.write(2, b"WARNING: odd\nINFO: something\n")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert capfd.readouterr().err == "WARNING: odd\n"


def test_no_handle_is_left_open():
    handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no path of ours
    for _ in range(3):
        with without_notices():
            pass
    assert len(os.listdir("/proc/self/fd")) == handles  # noqa: PTH208
