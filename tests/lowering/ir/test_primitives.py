"""Elementary layers compute what their names say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.lowering.ir.primitives import Frame


@given(
    channels=st.integers(1, 4),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    vertical=st.integers(0, 3),
    horizontal=st.integers(0, 3),
)
def test_a_frame_has_one_number_for_each_channel(channels, height, width, vertical, horizontal):
    x, values = torch.randn(2, channels, height, width), torch.randn(channels)
    framed = Frame(values, vertical, horizontal)(x)
    assert framed.shape == (2, channels, height + 2 * vertical, width + 2 * horizontal)
    inside = framed[..., vertical : vertical + height, horizontal : horizontal + width]
    torch.testing.assert_close(inside, x)
    outside = torch.ones(framed.shape[2:], dtype=torch.bool)
    outside[vertical : vertical + height, horizontal : horizontal + width] = False
    for channel, value in enumerate(values):
        assert framed[:, channel, outside].flatten().tolist() == pytest.approx(
            [float(value)] * int(2 * outside.sum())
        )


def test_a_frame_keeps_its_numbers_to_itself():
    values = torch.ones(3)
    frame = Frame(values, 1, 1)
    values.zero_()
    assert frame.values.tolist() == [1.0, 1.0, 1.0]
    assert set(frame.state_dict()) == {"values"}
