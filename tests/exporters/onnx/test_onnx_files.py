"""What an exported ONNX file is made of, and that any ONNX Runtime runs it."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, shared_digits
from onnx import defs, version_converter

from micronet_edge import ExportSettings, export, kernels, read_metadata
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.models import load_checkpoint
from micronet_edge.targets.registry import find_target
from micronet_edge.verification.prove import reference_logits
from micronet_edge_onnx.surgery.write_out_functions import without_functions

FORBIDDEN = {"Transpose", "GatherND", "GatherElements", "Scatter", "ScatterND", "Loop", "If"}
FORBIDDEN |= {"BatchNormalization", "Constant", "Identity", "Shape"}
BLOCKS = {f"features/block{number}" for number in range(1, 8)}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture(scope="module")
def export_digits(tmp_path_factory):
    def call(**settings):
        output = tmp_path_factory.mktemp("exported")
        (file,) = export(DIGITS, settings=ExportSettings(formats=("onnx",), output=output, **settings))
        return file.path

    return call


@pytest.fixture(scope="module")
def portable(export_digits):
    return export_digits(portable=True)


@pytest.fixture(scope="module")
def fused(export_digits):
    return export_digits(fused=True)


@pytest.fixture(scope="module", params=["onnxruntime", "portable", "fused"])
def model(request, digits):
    path = digits / ONNX_FILE if request.param == "onnxruntime" else request.getfixturevalue(request.param)
    return onnx.load(path)


@pytest.fixture(scope="module")
def written_out(model):
    """The model as a runtime without our kernels sees it."""
    return onnx.shape_inference.infer_shapes(without_functions(model))


def shape_of(value):
    return [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]


def logits(path, images, batch):
    """What plain ONNX Runtime makes of the images, `batch` at a time."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    parts = [images[start : start + batch] for start in range(0, len(images), batch)]
    return np.concatenate([session.run(["logits"], {"image": part})[0] for part in parts])


def test_the_checker_and_strict_shape_inference_accept_it(model):
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def test_every_tensor_has_its_shape_written_down(model):
    known = {value.name: shape_of(value) for value in [*model.graph.value_info, *model.graph.output]}
    for node in model.graph.node:
        assert all(all(type(length) is int for length in known[name]) for name in node.output)


def test_it_has_one_image_and_one_row_of_logits_in_the_oldest_opset_of_its_operators(model, written_out):
    domains = {(domain.domain, domain.version) for domain in model.opset_import}
    assert domains == {("", 14), *([("micronet_edge", 1)] if model.functions else [])}
    assert model.ir_version == (8 if model.functions else 7)
    since = {defs.get_schema(node.op_type, 17).since_version for node in written_out.graph.node}
    assert max(since) == 14
    assert [(value.name, shape_of(value)) for value in model.graph.input] == [("image", [1, 3, 96, 96])]
    assert [(value.name, shape_of(value)) for value in model.graph.output] == [("logits", [1, 10])]


def test_it_holds_no_operator_that_is_slow_or_rare(model, written_out):
    assert "Constant" not in {node.op_type for node in model.graph.node}
    assert not {node.op_type for node in written_out.graph.node} & (FORBIDDEN - {"Constant"})
    assert all(node.domain == "" for node in written_out.graph.node)


def test_a_file_holds_plain_operators_alone(digits, portable):
    for path in (digits / ONNX_FILE, portable):
        model = onnx.load(path)
        assert not model.functions
        assert not any(node.domain for node in model.graph.node)


def test_each_activation_of_a_fused_file_is_one_node_that_plain_operators_define(fused):
    model = onnx.load(fused)
    nodes = [node for node in model.graph.node if node.domain]
    assert [node.op_type for node in nodes] == [f"DynamicShiftMax{number}" for number in range(15)]
    assert [function.name for function in model.functions] == [node.op_type for node in nodes]
    assert all(node.name for function in model.functions for node in function.node)


@pytest.mark.skipif(kernels.library() is None, reason="the kernels were not built")
def test_our_kernels_find_their_work_in_every_form(digits, portable, fused):
    for path in (digits / ONNX_FILE, portable, fused):
        assert find_target("onnx").open(path).fused == 15


@pytest.mark.parametrize("opset", [15, 18, 21])
def test_the_converter_of_versions_keeps_all_of_it(digits, opset, tmp_path):
    images = load_checkpoint(DIGITS).preprocessing.batch(photographs()[:1])
    converted = version_converter.convert_version(onnx.load(digits / ONNX_FILE), opset)
    onnx.save(converted, tmp_path / "converted.onnx")
    np.testing.assert_allclose(
        logits(tmp_path / "converted.onnx", images, 1), logits(digits / ONNX_FILE, images, 1), rtol=1e-5
    )


@pytest.mark.parametrize("settings", [{"naive": True}, {"portable": True}], ids=str)
def test_a_form_that_nodes_for_our_kernels_contradict(settings, tmp_path, refusal):
    both = ExportSettings(formats=("onnx",), output=tmp_path, fused=True, **settings)
    assert "--fused" in refusal(TargetError, export, DIGITS, settings=both)


def test_it_reshapes_single_pixels_alone(written_out):
    shapes = {value.name: shape_of(value) for value in written_out.graph.value_info}
    reshaped = [shapes[node.output[0]] for node in written_out.graph.node if node.op_type == "Reshape"]
    assert all(shape[2:] == [1, 1] for shape in reshaped)


def test_a_portable_file_gathers_nothing(digits, portable):
    gathers = [
        sum(node.op_type == "Gather" for node in without_functions(onnx.load(path)).graph.node)
        for path in (digits / ONNX_FILE, portable)
    ]
    assert gathers[0] > 0
    assert gathers[1] == 0


def test_nodes_are_named_after_their_layers(model):
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    assert {"/".join(name.split("/")[:2]) for name in names} >= BLOCKS | {"features/stem"}
    assert all(name.startswith(("features/", "classifier/", "pool/", "Flatten")) for name in names)
    convolutions = {node.name for node in model.graph.node if node.op_type == "Conv"}
    assert any(name.startswith("features/block4/depthwise") for name in convolutions)
    assert any(name.startswith("features/block4/project") for name in convolutions)


def test_constants_are_named_after_who_reads_them_and_what_for(digits, portable):
    for path in (digits / ONNX_FILE, portable):
        graph = onnx.load(path).graph
        names = [constant.name for constant in graph.initializer]
        assert len({*names, *(name for node in graph.node for name in node.output)}) == len(names) + sum(
            len(node.output) for node in graph.node
        )
        parts = ("bound/", "shape/", *BLOCKS, "features/stem", "classifier/")
        assert all(name.startswith(parts) for name in names)
        assert {"features/block1/project/conv/weight", "bound/6"} <= set(names)
        assert not {value.name for value in graph.value_info} & set(names)


def test_it_describes_itself(model, portable):
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties["labels"].split() == list("0123456789")
    description = json.loads(properties["micronet_edge"])
    assert (description["variant"], description["layout"]) == ("m0", "NCHW")
    assert f"{model.producer_name} {model.producer_version}" == description["tool"]
    assert "96 x 96 pixels and 10 classes" in model.doc_string
    assert description["checkpoint_sha256"] == load_checkpoint(DIGITS).sha256
    assert description["preprocessing"]["size"] == 96
    assert read_metadata(portable).portable


def test_both_formats_describe_themselves_alike_but_for_the_layout(digits):
    theirs = [read_metadata(digits / name).to_texts() for name in (ONNX_FILE, TFLITE_FILE)]
    (onnx_labels, onnx_text), (tflite_labels, tflite_text) = (texts.values() for texts in theirs)
    assert onnx_labels == tflite_labels
    assert json.loads(onnx_text) | {"layout": "NHWC"} == json.loads(tflite_text)


@pytest.mark.parametrize("batch", [4, None], ids=["four", "dynamic"])
def test_more_images_at_a_time_give_the_same_logits(digits, export_digits, batch):
    loaded = load_checkpoint(DIGITS)
    images = loaded.preprocessing.batch([*photographs(), *photographs()[:3]])
    path = export_digits(batch=batch)
    assert shape_of(onnx.load(path).graph.input[0]) == [batch or "batch", 3, 96, 96]
    one_by_one = logits(digits / ONNX_FILE, images, 1)
    scale = np.abs(one_by_one).max()
    for size in (4,) if batch else (1, 3, 8):
        assert np.abs(logits(path, images, size) - one_by_one).max() < 1e-5 * scale
    assert np.abs(one_by_one - reference_logits(loaded.network, images)).max() < 1e-5 * scale


def test_the_same_network_gives_the_same_bytes(digits, export_digits):
    assert export_digits().read_bytes() == (digits / ONNX_FILE).read_bytes()


def test_labels_of_any_text_are_read_back_as_they_were():
    for labels in [("a\u2028b", "c\x0bd", "é ", ""), ("x",)]:
        texts = FileMetadata("m0", labels, Preprocessing(), None).to_texts()
        assert FileMetadata.from_texts(texts, "here").labels == labels


@pytest.mark.parametrize(("labels", "assumed"), [(("0", "1"), ("labels",)), (("a", "b"), ())])
def test_files_of_older_versions_may_have_labels_that_nobody_gave(labels, assumed):
    texts = FileMetadata("m0", labels, Preprocessing(), None).to_texts()
    description = json.loads(texts["micronet_edge"])
    del description["assumed"], description["weights"]
    found = FileMetadata.from_texts({**texts, "micronet_edge": json.dumps(description)}, "here")
    assert (found.assumed, found.weights) == (assumed, None)


def test_a_label_of_two_lines_is_refused(refusal):
    two_lines = FileMetadata("m0", ("cat\ndog",), Preprocessing(), None)
    assert "'cat\\ndog'" in refusal(SettingsError, two_lines.to_texts)
