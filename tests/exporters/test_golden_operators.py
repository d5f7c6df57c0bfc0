"""Every variant's files hold the operators they held before; `make golden` writes down new ones."""

import json

import onnx
import pytest
from cli.command import shared_digits
from golden.update import (
    FORMS,
    MICRO_VARIANT,
    TARGETS,
    expected,
    operators,
    write_int8,
    write_micro,
    write_onnx,
)

from micronet_edge.models import FAMILY


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("variant", FAMILY)
def test_onnx(tmp_path, variant, form):
    path = tmp_path / "model.onnx"
    write_onnx(variant, form, path)
    assert operators(path) == expected("onnx")[variant][form]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    # Two things the network does itself: the residual additions, and the way to the classifier.
    parts = ("features/", "classifier/", "pool/", "Add", "Flatten")
    assert all(node.name.startswith(parts) for node in model.graph.node)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("variant", FAMILY)
def test_int8(tmp_path, variant, target):
    path = tmp_path / f"model.{target}"
    write_int8(variant, target, path)
    assert operators(path) == expected(target)[variant]["int8"]


def test_micro(tmp_path):
    path = tmp_path / "model.tflite"
    write_micro(MICRO_VARIANT, path)
    assert operators(path) == expected("tflite")[MICRO_VARIANT]["micro"]


def test_tflite(tmp_path_factory):
    (file,) = (
        file
        for file in json.loads((shared_digits(tmp_path_factory) / "stdout").read_text())
        if file["format"] == "tflite"
    )
    assert file["proof"]["operators"] == expected("tflite")["m0"]["xnnpack"]
