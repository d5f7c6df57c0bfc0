"""Pixels become float32 inside the file."""

import pytest
from lowering.networks import Residual, assert_once_is_enough, operators, rewritten, stem, traced

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import LoweringError
from micronet_edge.lowering.passes.read_pixels import ReadPixels
from micronet_edge_onnx.passes.read_bytes import ReadBytes

BYTES = ReadBytes()


@pytest.mark.parametrize("layers", [(stem(4, 3),), (Residual(stem(3)),)], ids=["one reader", "two"])
def test_pixels_are_made_float(layers):
    network, _ = rewritten(ReadPixels(Preprocessing.imagenet(8), 255.0), traced(*layers))
    network, applied = rewritten(BYTES, network)
    assert applied.places == 1
    assert operators(network)[:3] == ["Denormalize", "ToFloat", "AddConstant"]
    assert_once_is_enough(BYTES, network)


def test_a_network_that_reads_normalized_images_is_refused(refusal):
    assert "reads no pixels" in refusal(LoweringError, rewritten, BYTES, traced(stem(4)))
