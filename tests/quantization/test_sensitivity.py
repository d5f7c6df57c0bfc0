"""The layer that was made bad on purpose is found, and every figure is what its name says."""

import copy
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch
from example_images import digits

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import INTEGER, apply, lower
from micronet_edge.lowering.ir.pass_base import probe_image
from micronet_edge.models import MicroNet, load_checkpoint
from micronet_edge.pipeline.sensitivity import FileSensitivity, chosen_evenly
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.correct_bias import correct_bias
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.sensitivity import analyze
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.reports.sensitivity_page import page

CHECKPOINT = Path(digits.__file__).parent / "m0-digits.safetensors"
IMAGES, BITS = 24, 8
SPOILT = "features/block4/depthwise/vertical"
LAST = "classifier/logits/activation"


@pytest.fixture(scope="module")
def network():
    return lower(load_checkpoint(CHECKPOINT).network, INTEGER, 96).network


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = digits.write_images(tmp_path_factory.mktemp("written")) / "test"
    paths = sorted(folder.rglob("*.png"))[:: 397 // IMAGES][:IMAGES]
    images = load_checkpoint(CHECKPOINT).preprocessing.batch(paths)
    return torch.from_numpy(images), torch.tensor([int(path.parent.name) for path in paths])


@pytest.fixture(scope="module")
def quantized(network, labelled):
    images, _ = labelled
    corrected = copy.deepcopy(network)
    tensor_qparams = assign_qparams(corrected, calibrate(corrected, images, 99.99), BITS)
    result = QuantizedNetwork(corrected, Preprocessing(96, 96), tensor_qparams)
    correct_bias(result, images)
    return result


@pytest.fixture(scope="module")
def found(network, quantized, labelled):
    return analyze(quantized, network, labelled[0], labelled)


def logits(module, images):
    with torch.no_grad():
        return module(images)


def with_qparams(quantized, layer, change):
    """The network with other quantization parameters in all of a layer's operators."""
    own = layers(quantized.network)[layer]
    tensor_qparams = {
        name: change(qparams) if name in own else qparams
        for name, qparams in quantized.tensor_qparams.items()
    }
    return replace(quantized, tensor_qparams=tensor_qparams)


def coarser(qparams):
    return QuantParams(qparams.scale * 64, round(qparams.zero_point / 64), qparams.bits)


def narrower(qparams):
    return QuantParams(qparams.scale / 2, qparams.zero_point, qparams.bits)


def finer(qparams):
    """And with room for what was cut off."""
    return QuantParams(qparams.scale / 128, qparams.zero_point * 128, 16)


# --- What a layer is


def test_the_layers_are_those_that_were_spelled_out():
    *others, spell_out = INTEGER
    whole = lower(MicroNet("m3", 5).eval(), tuple(others), 96).network
    decomposed, _ = apply(spell_out, whole, probe_image(96))
    groups = layers(decomposed)
    operators = [str(node.target) for node in decomposed.graph.nodes if node.op == "call_module"]
    assert [name for group in groups.values() for name in group] == operators
    before = [str(node.target) for node in whole.graph.nodes if node.op == "call_module"]
    added = [name for name in groups if name.endswith("/residual")]
    clips = [name for name in before if name not in groups]
    assert [name for name in groups if name not in added] == [name for name in before if name in groups]
    assert len(added) == 4
    assert {"features/stem/activation", "pool/activation"} <= set(clips)
    assert all(name.endswith("activation") for name in clips)
    assert groups["pool/swish"][-1] == "flatten"
    assert groups["pool/mean"] == ("pool/mean",)


def test_layers_of_a_copy_and_parts_of_one_layer(network):
    groups = layers(copy.deepcopy(network))
    assert groups == layers(network)
    activation = groups["features/block4/expand_activation"]
    assert "features/block4/expand_activation/fusion0_product0" in activation
    assert groups["features/block4/project/conv"] == ("features/block4/project/conv",)
    bordered = groups["features/stem/horizontal"]
    assert [name.rpartition("/")[2] for name in bordered] == ["conv", "border", "activation"]


# --- What is measured


def test_the_image_and_every_layer_in_order_of_execution(found, network):
    assert [row.layer for row in found.rows] == ["image", *layers(network)]
    assert [row.position for row in found.rows] == list(range(len(found.rows)))
    assert {row.layer: row.operators for row in found.rows[1:]} == layers(network)
    shares = [row.noise_share for row in found.by_sensitivity]
    assert shares == sorted(shares, reverse=True)


def test_the_network_as_a_whole(found, network, quantized, labelled):
    images, classes = labelled
    exact, rounded = logits(network, images), logits(Simulation(quantized), images)
    assert found.top1_float == (exact.argmax(1) == classes).double().mean()
    assert found.top1_quantized == (rounded.argmax(1) == classes).double().mean()
    assert found.agreement == (rounded.argmax(1) == exact.argmax(1)).double().mean()
    assert (found.calibration_images, found.measured_images, found.bits) == (IMAGES, IMAGES, 8)
    power = exact.square().sum() / (exact - rounded).square().sum()
    (last,) = [row for row in found.rows if row.layer == LAST]
    assert last.sqnr_db == pytest.approx(float(10 * power.log10()), abs=1e-3)
    centred, error = (t - t.mean(1, keepdim=True) for t in (exact, exact - rounded))
    expected = 10 * (centred.square().sum() / error.square().sum()).log10()
    assert found.sqnr_db == pytest.approx(float(expected), abs=1e-3)


def test_the_outputs_range_and_steps(found, quantized, labelled):
    (row,) = [row for row in found.rows if row.layer == "pool/mean"]
    qparams = quantized.tensor_qparams["pool/mean"]
    assert (row.low, row.high) == (qparams.low, qparams.high)
    for node, value in Simulation(quantized).tensors(labelled[0]):
        if node.target == "pool/mean":
            assert row.range_utilisation == len(value.unique()) / 256


def test_a_layer_with_few_steps_is_to_blame(network, quantized, labelled):
    some = labelled[0][:16], labelled[1][:16]
    spoilt = analyze(with_qparams(quantized, SPOILT, coarser), network, some[0], some)
    worst, second = spoilt.by_sensitivity[:2]
    assert worst.layer == SPOILT
    assert worst.noise_share > 0.8
    assert second.noise_share < 0.5
    assert worst.range_utilisation < 10 / 256
    before = spoilt.rows[worst.position - 1]
    assert before.sqnr_db - worst.sqnr_db > 6
    assert worst.agreement_back.points == pytest.approx(100 * (1 - spoilt.agreement), abs=7)
    assert worst.top1_back.low <= worst.top1_back.points <= worst.top1_back.high


def test_values_that_are_cut_off(network, quantized, labelled, found):
    half = analyze(with_qparams(quantized, SPOILT, narrower), network, labelled[0][:6])
    row, whole = (next(row for row in each.rows if row.layer == SPOILT) for each in (half, found))
    assert row.saturated > 0.01 > whole.saturated
    assert row.high - row.low == pytest.approx((whole.high - whole.low) / 2)


@pytest.mark.parametrize("layer", ["pool/swish", LAST])
def test_unrounded_is_what_very_fine_steps_give(found, network, quantized, labelled, layer):
    """Layers without weights, whose other roundings are those of the results."""
    images, _ = labelled
    exact, all_of_it, without = (
        logits(module, images)
        for module in (network, Simulation(quantized), Simulation(with_qparams(quantized, layer, finer)))
    )
    noise, rest = (
        (t - exact - (t - exact).mean(1, keepdim=True)).square().sum() for t in (all_of_it, without)
    )
    (row,) = [row for row in found.rows if row.layer == layer]
    assert row.noise_share == pytest.approx(float(1 - rest / noise), abs=1e-2)


def test_where_all_but_one_layer_are_in_float(network, quantized, labelled):
    groups = layers(network)
    kept = frozenset(name for layer, names in groups.items() if layer != SPOILT for name in names)
    result = analyze(replace(quantized, network=network, float_layers=kept), network, labelled[0][:6])
    # What the one integer layer reads is rounded as well.
    before = "features/block4/expand_activation"
    assert {row.layer for row in result.rows if not row.in_float} == {before, SPOILT}
    assert {row.layer for row in result.by_sensitivity[:2]} == {before, SPOILT}
    image = result.rows[0]
    assert (image.sqnr_db, image.noise_share) == (150, 0)
    for row in result.rows:
        assert (abs(row.noise_share) > 0.05) == (not row.in_float)
    assert page(file_sensitivity(result)).count(">in float</td>") == len(result.rows) - 2


def test_without_labels_there_is_only_agreement(network, quantized, labelled):
    done = []
    result = analyze(
        quantized, network, labelled[0][:6], progress=lambda now, total: done.append((now, total))
    )
    assert (result.top1_float, result.top1_quantized) == (None, None)
    assert all(row.top1_back is None for row in result.rows)
    assert done == [(number, len(result.rows) + 1) for number in range(1, len(result.rows) + 2)]


def test_images_are_chosen_evenly():
    classes = [0] * 100 + [1] * 3 + [2] * 50
    chosen = chosen_evenly(classes, 23)
    assert chosen == sorted(set(chosen)) == chosen_evenly(classes, 23)
    counts = np.bincount([classes[position] for position in chosen])
    assert counts.tolist() == [10, 3, 10]
    assert chosen_evenly([0, 1], 5) == [0, 1]


# --- The page


class Parsed(HTMLParser):
    """Tags, and that they are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def file_sensitivity(found, name="m0-digits-int8.onnx", data="test"):
    metadata = FileMetadata("m0", tuple("0123456789"), Preprocessing(96, 96), None, "int8")
    return FileSensitivity(Path(name), metadata, CHECKPOINT, "train", data, found, 0, ("a note",))


def test_the_page_stands_alone(found):
    text = page(file_sensitivity(found))
    parsed = Parsed(text)
    assert parsed.open == []
    assert "script" not in parsed.tags
    loaded = {value for name, value in parsed.attributes if name in {"src", "href", "xlink:href"}}
    assert loaded == {"data:,"}  # an empty icon, for which a browser would ask a server
    assert not re.search(r"https?:|url\(|@import", text)
    assert text.count("<tr>") == len(found.rows) + 1
    assert "Top-1 in float" in text
    assert "a note" in text


def test_the_plot_has_every_layer(found):
    text = page(file_sensitivity(found))
    plot = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])  # noqa: S314 - our own
    rows = [group for group in plot.iter("g") if group.get("class") == "row"]
    titles = [group.findtext("title").splitlines()[0] for group in rows]
    assert titles == [row.layer for row in found.rows]
    (line,) = plot.iter("polyline")
    assert len(line.get("points").split()) == len(found.rows)
    _, _, width, height = map(float, plot.get("viewBox").split())
    for shape in plot.iter("circle"):
        assert 0 < float(shape.get("cx")) < width
        assert 0 < float(shape.get("cy")) < height


def test_names_are_plain_text_and_no_labels_no_top1(found):
    rows = tuple(replace(row, top1_back=None) for row in found.rows)
    unlabelled = replace(found, rows=rows, top1_float=None, top1_quantized=None)
    text = page(file_sensitivity(unlabelled, "<b>&.onnx", None))
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;.onnx" in text
    assert "Top-1" not in text
    assert "Agreement back" in text
