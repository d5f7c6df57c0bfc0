"""A clip in integers."""

import pytest
import torch
from torch import nn

from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.operators.clip import HardtanhOperator
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.xnnpack import XNNPACK


def test_the_ends_of_a_clip_are_rounded_as_files_round_them():
    """The upper end is half a step off: files hold 127 steps, and float32 would round to 128."""
    qparams = QuantParams(0.0235294122248888, -1, 8)
    call = Call(nn.Hardtanh(-3.0, 3.0), (qparams,), qparams, XNNPACK)
    cut = HardtanhOperator().in_integers(call, torch.tensor([-9.0, 0.1, 9.0]))
    assert (cut / 0.0235294122248888).tolist() == pytest.approx([-127, 0.1 / 0.0235294122248888, 127])
