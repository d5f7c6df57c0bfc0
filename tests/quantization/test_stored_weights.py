"""Weights are rounded as files store them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.quantization.qparams import weight_scales
from micronet_edge.quantization.stored_weights import stored_in_int8


@given(seed=st.integers(0, 99), channels=st.integers(1, 5))
def test_weights_are_rounded_channel_by_channel(seed, channels):
    generator = torch.Generator().manual_seed(seed)
    weight = (
        torch.randn(channels, 3, 2, 2, generator=generator)
        * torch.logspace(-3, 3, channels)[:, None, None, None]
    )
    steps = stored_in_int8(weight) / torch.from_numpy(weight_scales(weight.numpy())).view(-1, 1, 1, 1)
    assert (steps - steps.round()).abs().max() < 1e-3
    assert steps.abs().amax(dim=(1, 2, 3)).tolist() == pytest.approx([127.0] * channels)
