"""What a file says of its inputs and outputs, and that a classifier's metadata holds nothing new."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.data.metadata import (
    DESCRIPTION_KEY,
    FileMetadata,
    check_classifier,
    check_images,
)
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import SettingsError, TargetError

CLASSIFIER = FileMetadata("m0", ("cat", "dog"), Preprocessing(32, 36), "a" * 64)
GRAY = Preprocessing(20, 24, (0.4,), (0.2,), "GRAY", width=40)
BOXES = Signature((TensorSpec("x", (1, 20, 40)),), (TensorSpec("boxes", (4, 5, 10)), TensorSpec("n", ())))
TOKENS = Signature((TensorSpec("tokens", (16, 64)), TensorSpec("mask", (16,))), (TensorSpec("y", (3,)),))

SPECS = st.builds(TensorSpec, st.text(min_size=1), st.tuples() | st.lists(st.integers(1, 9)).map(tuple))


def described(metadata):
    return json.loads(metadata.to_texts()[DESCRIPTION_KEY])


def test_a_classifiers_texts_hold_nothing_new():
    text = described(CLASSIFIER)
    assert "signature" not in text
    assert list(text["preprocessing"]) == ["size", "resize", "mean", "std", "color_order", "interpolation"]


@pytest.mark.parametrize(
    "metadata",
    [
        CLASSIFIER,
        replace(CLASSIFIER, preprocessing=GRAY),
        replace(CLASSIFIER, labels=(), preprocessing=GRAY, signature=BOXES),
        replace(CLASSIFIER, labels=(), signature=TOKENS),
    ],
)
def test_metadata_comes_back_as_it_was_written(metadata):
    found = FileMetadata.from_texts(metadata.to_texts(), "file")
    assert replace(found, tool="") == metadata


@given(st.lists(SPECS, min_size=2, max_size=5, unique_by=lambda spec: spec.name), st.integers(1, 4))
def test_any_signature_comes_back(specs, inputs):
    inputs = min(inputs, len(specs) - 1)
    signature = Signature(tuple(specs[:inputs]), tuple(specs[inputs:]))
    assert Signature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


@pytest.mark.parametrize(
    "signature",
    [
        7,
        [],
        {},
        {"inputs": [], "outputs": []},
        {"inputs": [{"name": "x"}], "outputs": []},
        {"inputs": [{"name": "x", "shape": [0]}], "outputs": [{"name": "y", "shape": [1]}]},
        {"inputs": [{"name": "x", "shape": ["a"]}], "outputs": [{"name": "y", "shape": [1]}]},
        {"inputs": [{"name": "x", "shape": [1]}], "outputs": [{"name": "x", "shape": [1]}]},
    ],
)
def test_a_damaged_signature_is_refused_in_a_line(refusal, signature):
    texts = CLASSIFIER.to_texts()
    texts[DESCRIPTION_KEY] = json.dumps(json.loads(texts[DESCRIPTION_KEY]) | {"signature": signature})
    assert "its metadata cannot be read" in refusal(TargetError, FileMetadata.from_texts, texts, "file")


def test_what_takes_images_and_what_classifies():
    boxes = replace(CLASSIFIER, labels=(), preprocessing=GRAY, signature=BOXES)
    tokens = replace(CLASSIFIER, labels=(), signature=TOKENS)
    assert [each.takes_images for each in (CLASSIFIER, boxes, tokens)] == [True, True, False]
    assert [each.is_classifier for each in (CLASSIFIER, boxes, tokens)] == [True, False, False]
    assert CLASSIFIER.interface == Signature.of_classifier(32, 2)
    assert replace(CLASSIFIER, preprocessing=GRAY).interface.inputs[0].shape == (1, 20, 40)


def test_what_is_no_classifier_is_named(refusal):
    tokens = replace(CLASSIFIER, labels=(), signature=TOKENS)
    check_classifier(CLASSIFIER, "m.onnx", "`evaluate`")
    check_images(CLASSIFIER, "m.onnx", "`evaluate`")
    said = refusal(SettingsError, check_classifier, tokens, "m.onnx", "`evaluate`")
    assert "it takes tokens [16, 64], mask [16] and gives y [3]" in said
    assert "takes no images but tokens" in refusal(SettingsError, check_images, tokens, "m.onnx", "this")
