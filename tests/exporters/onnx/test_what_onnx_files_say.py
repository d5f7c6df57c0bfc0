"""What a person reads of an ONNX file in a viewer: names, and lines that say what tensors hold."""

import re

import onnx
import pytest

from micronet_edge import ExportSettings, export

NUMBERED = re.compile(r"^_|_v_\d+|^(val|onnx|tensor)_?\d|::")
"""How converters call what has no name."""


@pytest.fixture(scope="module", params=[{}, {"fused": True}, {"naive": True}], ids=["own", "fused", "naive"])
def model(request, tmp_path_factory):
    settings = ExportSettings(
        formats=("onnx",),
        input_size=64,
        num_classes=3,
        output=tmp_path_factory.mktemp("said"),
        **request.param,
    )
    (file,) = export("m0", settings=settings)
    return onnx.load(file.path)


def test_the_ends_say_what_they_hold(model):
    (image,), (logits,) = model.graph.input, model.graph.output
    assert (image.name, logits.name) == ("image", "logits")
    assert image.doc_string.startswith(
        "RGB image of 64 x 64 pixels, pixels normalized by the mean and deviation"
    )
    assert "NCHW. Resize (bilinear, antialiased, proportions kept)" in image.doc_string
    assert logits.doc_string.startswith("logit of each class")
    assert "m0 in float32" in model.doc_string


def test_everything_has_a_name(model):
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        names = [node.name for node in nodes]
        assert all(names)
        assert len(set(names)) == len(names)
    assert not [each.name for each in model.graph.initializer if NUMBERED.search(each.name)]
    assert all(function.doc_string for function in model.functions)
