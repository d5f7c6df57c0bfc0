"""Our writer's float model of a lowered network beside the one that torch.onnx and onnxsim make of it."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli.command import DIGITS
from golden.update import SIZE, golden_network, golden_spec
from onnx import helper, numpy_helper
from torch import nn
from torch.nn import functional

from micronet_edge.lowering import lower
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.targets.registry import find_target
from micronet_edge_onnx.converter.convert import to_onnx
from micronet_edge_onnx.write import float_model, is_writable

TOLERANCE = 1e-6
"""Of the largest logit; the operators are the same, so that the same kernels run."""

CASES = [("m0", False, 1), ("m0", True, 1), ("m1", False, None), ("m2", False, 4), ("m3", True, 1)]


def logits(model, images):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = session.get_inputs()[0].shape[0]
    parts = images if isinstance(batch, str) else images[:batch]
    return session.run(["logits"], {"image": parts})[0]


DEFAULTS = {("auto_pad", b"NOTSET"), ("dilations", (1, 1)), ("alpha", 1.0), ("beta", 1.0)}


def as_run(model, path):
    """What ONNX Runtime runs after its own optimization: operators, attributes, and who gives the inputs."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.optimized_model_filepath = 3, str(path)
    onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    graph = onnx.load(path).graph
    known = {each.name: numpy_helper.to_array(each).tobytes() for each in graph.initializer}
    for place, node in enumerate(graph.node):
        settings = {(each.name, plain(helper.get_attribute_value(each))) for each in node.attribute}
        inputs = node.input[:4] if node.op_type == "Slice" else node.input  # the fifth says steps of 1
        yield node.op_type, settings - DEFAULTS, [known.get(name, name) for name in inputs]
        known |= {name: (place, output) for output, name in enumerate(node.output)}


def plain(value):
    return tuple(value) if isinstance(value, list) else value


def shapes(model):
    """The kind of each operator and the shapes of its results, in order."""
    known = {value.name: value.type.tensor_type for value in [*model.graph.value_info, *model.graph.output]}
    for node in model.graph.node:
        sides = [[side.dim_value for side in known[name].shape.dim] for name in node.output]
        yield node.op_type, sides


@pytest.mark.parametrize(("variant", "portable", "batch"), CASES)
def test_operators_and_outputs_agree_and_the_runtime_runs_the_same(tmp_path, variant, portable, batch):
    target, spec = find_target("onnx"), replace(golden_spec(variant, portable=portable), batch=batch)
    lowered = lower(golden_network(variant), target.pipeline(spec), SIZE).network
    assert is_writable(lowered)
    ours, theirs = float_model(lowered, batch, gathers=not portable), to_onnx(lowered, spec.signature, batch)
    assert list(shapes(ours)) == list(shapes(theirs))
    ours_run, theirs_run = (list(as_run(model, tmp_path / "optimized.onnx")) for model in (ours, theirs))
    assert ours_run == theirs_run
    images = np.random.default_rng(0).standard_normal((4, 3, SIZE, SIZE), np.float32)
    expected = logits(theirs, images)
    assert np.abs(logits(ours, images) - expected).max() <= TOLERANCE * np.abs(expected).max()


def test_an_ordinary_export_loads_neither_torchs_exporter_nor_onnxsim(tmp_path):
    settings = f"micronet_edge.ExportSettings(output={str(tmp_path)!r}, formats=('onnx',))"
    script = (
        f"import sys, micronet_edge; micronet_edge.export({str(DIGITS)!r}, settings={settings});"
        "sys.exit(' '.join({'onnxsim', 'torch.onnx.utils'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "\n")


class Small(nn.Module):
    """A convolution, a linear layer, and between them what the module itself computes."""

    def __init__(self, between, **settings):
        super().__init__()
        self.conv, self.between = nn.Conv2d(3, 8, 3, 2, **settings), between
        self.mean, self.linear = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 5)

    def forward(self, x):
        return self.linear(self.mean(self.between(self.conv(x))).flatten(1))


BETWEEN = {"sum": lambda y: y + y, "product": lambda y: torch.mul(y, y), "nothing": lambda y: y}


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
def test_what_a_module_computes_itself_is_written(between):
    torch.manual_seed(0)
    module = Small(between, dilation=2, padding=(2, 1)).eval()
    network = trace(module, 17)
    assert is_writable(network)
    images = torch.randn(3, 3, 17, 17)
    with torch.no_grad():
        expected = module(images).numpy()
    assert np.abs(logits(float_model(network, None), images.numpy()) - expected).max() < 1e-5


@pytest.mark.parametrize(
    "module",
    [
        Small(functional.relu),
        Small(lambda y: y + 1),
        Small(nn.Softsign()),
        Small(nn.Identity(), padding_mode="reflect", padding=1),
        nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()),
    ],
    ids=["function", "number", "layer", "padding", "mean"],
)
def test_what_it_does_not_write_goes_by_way_of_the_converter(module):
    assert not is_writable(trace(module, 16))
    assert not is_writable(module)  # as it was trained


def test_what_a_module_computes_itself_is_named_after_its_block():
    lowered = lower(golden_network("m2"), find_target("onnx").pipeline(golden_spec("m2")), SIZE).network
    names = [node.name for node in float_model(lowered, 1).graph.node]
    residuals = [name for name in names if "residual" in name]
    assert residuals
    assert all(name.startswith("features/block") and name.count("/") == 2 for name in residuals)
    assert names[-1].startswith("classifier/logits/Flatten")
    assert len(set(names)) == len(names)
