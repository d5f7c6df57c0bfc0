"""Files with several inputs and outputs of any rank, by name, whatever LiteRT's own order is."""

import numpy as np
import pytest
from single_layers import Joined, check_float, expected_outputs, graph_of, samples, session_of
from torch import nn

from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir import primitives as p
from micronet_edge_tflite.network_file import FileForm, float_file


@pytest.mark.parametrize("layer", [p.Add(), p.Subtract(), p.Multiply(), p.Divide(), p.Maximum(), p.Minimum()])
@pytest.mark.parametrize("batch", [1, 3])
def test_two_maps(tmp_path, layer, batch):
    check_float(tmp_path, Joined(layer), (3, 4, 5), (3, 4, 5), batch=batch)


def test_two_matrices(tmp_path):
    check_float(tmp_path, Joined(p.MatrixProduct()), (4, 5), (5, 3), batch=3)
    check_float(tmp_path, Joined(p.MatrixProduct()), (2, 4, 5), (1, 5, 3), batch=3)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concatenation(tmp_path, axis):
    shapes = [(2, 3, 4), (2, 3, 4)]
    shapes[1] = tuple(side + (place + 1 == axis) for place, side in enumerate(shapes[1]))
    check_float(tmp_path, Joined(p.Concatenate(axis)), *shapes, batch=3)


class Detector(nn.Module):
    """An image and a vector; a map, scores, the image again and the map again."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear, self.relu, self.flat = (
            nn.Conv2d(1, 4, 3, padding=1),
            nn.Linear(7, 4),
            nn.ReLU(),
            p.Reshape((-1, 4, 48)),
        )
        self.map, self.sum = p.Reshape((-1, 4, 1, 1)), p.Add()

    def forward(self, image, vector):
        found = self.relu(self.sum(self.conv(image), self.map(self.linear(vector))))
        return found, self.flat(found), image, found, vector


@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_that_are_inputs_or_given_twice(tmp_path, batch):
    session = check_float(tmp_path, Detector(), (1, 6, 8), (7,), batch=batch)
    with pytest.raises(TargetError, match="2 inputs and 5 outputs"):
        session.run(samples(1, [(1, 6, 8)])[0])


def test_inputs_are_found_by_name(tmp_path):
    """In files whose order is another one, as a converter's may be."""
    network, shapes = Joined(p.Subtract()), [(3, 4), (3, 4)]
    given = samples(2, shapes)
    (expected,) = expected_outputs(network, given)
    result = (TensorSpec("difference", (3, 4)),)
    written = Signature((TensorSpec("b", (3, 4)), TensorSpec("a", (3, 4))), result)
    content = float_file(graph_of(network, *shapes), None, FileForm(signature=written))
    same = session_of(tmp_path / "same.tflite", content, written)
    swapped = session_of(tmp_path / "swapped.tflite", content, Signature(written.inputs[::-1], result))
    assert np.allclose(same.outputs(*given)[0], expected)
    assert np.allclose(swapped.outputs(*given)[0], -expected)


def test_another_count_of_arrays_or_shape_is_refused(tmp_path):
    session = check_float(tmp_path, Joined(p.Add()), (3, 4), (3, 4))
    with pytest.raises(TargetError, match="takes 2 inputs, not 1"):
        session.outputs(np.zeros((1, 3, 4), np.float32))
    with pytest.raises(TargetError, match="takes images of shape"):
        session.outputs(np.zeros((1, 3, 4), np.float32), np.zeros((1, 3, 5), np.float32))


def test_a_signature_that_names_others_is_refused():
    traced = graph_of(Joined(p.Add()), (3, 4), (3, 4))
    with pytest.raises(TargetError, match="has 2 inputs and 1 output, its signature names image and logits"):
        float_file(traced, None, FileForm(signature=Signature.of_classifier(8, 4)))


@pytest.mark.parametrize("first", [nn.ReLU(), nn.Hardtanh(-0.5, 0.7)])
def test_a_clip_of_the_input_itself(tmp_path, first):
    check_float(tmp_path, nn.Sequential(first, nn.Conv2d(3, 2, 1)), (3, 4, 4))


def test_a_network_that_is_a_permutation(tmp_path):
    check_float(tmp_path, nn.Sequential(p.Permute((0, 2, 3, 1))), (3, 4, 5), batch=3)
    check_float(tmp_path, nn.Sequential(p.Permute((0, 2, 3, 1)), nn.ReLU()), (3, 4, 5), batch=3)


@pytest.mark.parametrize("layer", [nn.Softplus(), nn.Mish(), nn.Softmax(1), nn.GELU(), nn.ELU(2.0)])
def test_large_numbers(tmp_path, layer):
    given = np.array([[-1e4, -100.0, -88.0, -5.0, 0.0, 19.9, 45.0, 100.0, 1e4]], np.float32)
    session = check_float(tmp_path, nn.Sequential(layer), (9,))
    (found,) = session.outputs(given)
    (expected,) = expected_outputs(layer, [given])
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)
