"""ONNX files that are changed by chance: with our kernels they answer as without, or neither opens them."""

import os
import random

import numpy as np
import onnx
import pytest
from kernels.small_networks import images, maps, network, write_float, write_int8
from lowering.networks import lively, shift_max, stem
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from micronet_edge.errors import TargetError
from micronet_edge.targets.registry import find_target

pytestmark = pytest.mark.usefixtures("path")

SIZE, MUTANTS = 8, 15 if "MICRONET_EDGE_TESTED_KERNELS" in os.environ else 60  # sanitizers take long
FLOAT_TOLERANCE = 1e-5
"""Of the largest number: what is changed by chance may take the difference of large ones."""


def two_activations():
    return lively(nn.Sequential(stem(8), shift_max(8, 2), nn.Conv2d(8, 8, 1), shift_max(8, 4))).eval()


NETWORKS = {
    "float": lambda folder: write_float(network(), "onnx", folder),
    "any number of images": lambda folder: write_float(network(), "onnx", folder, batch=None),
    "two": lambda folder: write_float(two_activations(), "onnx", folder),
    "fused": lambda folder: write_float(network(), "onnx", folder, fused=True),
    "int8": lambda folder: write_int8(network(), "onnx", folder),
}


@pytest.fixture(scope="module", params=NETWORKS)
def model(request, tmp_path_factory):
    return onnx.load(NETWORKS[request.param](tmp_path_factory.mktemp("mutated")))


def copied(model):
    return onnx.ModelProto.FromString(model.SerializeToString())


def change_a_constant(model, chance):
    tensor = chance.choice(model.graph.initializer)
    values = numpy_helper.to_array(tensor).copy()
    flat = values.reshape(-1)
    place = chance.randrange(flat.size)
    flat[place] = chance.choice([0, 1, 2, 3, 6, -1, flat[place] + 1])
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def change_an_input(model, chance):
    node = chance.choice(all_nodes(model))
    known = [name for each in all_nodes(model) for name in (*each.input, *each.output)]
    if node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice(known)


def turn_inputs_round(model, chance):
    node = chance.choice(all_nodes(model))
    node.input[:] = list(node.input)[::-1]


def change_an_attribute(model, chance):
    nodes = [node for node in all_nodes(model) if node.attribute]
    attribute = chance.choice(chance.choice(nodes).attribute) if nodes else None
    match attribute and attribute.type:
        case onnx.AttributeProto.INT:
            attribute.i = chance.choice([0, 1, 2, 3, -1, attribute.i + 1])
        case onnx.AttributeProto.FLOAT:
            attribute.f = chance.choice([0.0, 1.0, 3.0, attribute.f * 2])
        case onnx.AttributeProto.INTS:
            attribute.ints[:] = [chance.choice([0, 1, 2, value + 1]) for value in attribute.ints]
        case onnx.AttributeProto.STRING:
            words = attribute.s.decode().split(",")
            chance.shuffle(words)
            attribute.s = ",".join(words).encode()


def drop_an_attribute(model, chance):
    nodes = [node for node in all_nodes(model) if node.attribute]
    if nodes:
        attributes = chance.choice(nodes).attribute
        del attributes[chance.randrange(len(attributes))]


def show_a_tensor(model, chance):
    """Makes a tensor inside a second output, or the only one."""
    name = chance.choice([name for node in model.graph.node for name in node.output])
    if name not in {each.name for each in model.graph.output}:
        place = chance.choice([0, 1])
        shown = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        kept = list(model.graph.output)[:place]
        del model.graph.output[:]
        model.graph.output.extend([*kept, shown])


def read_it_elsewhere(model, chance):
    """A second node that reads a tensor inside, as a second output."""
    name = chance.choice([name for node in model.graph.node for name in node.output])
    model.graph.node.append(helper.make_node("Identity", [name], ["elsewhere"], "elsewhere"))
    model.graph.output.append(helper.make_tensor_value_info("elsewhere", TensorProto.FLOAT, None))


def all_nodes(model):
    return [*model.graph.node, *(node for function in model.functions for node in function.node)]


CHANGES = [
    change_a_constant,
    change_an_input,
    turn_inputs_round,
    change_an_attribute,
    drop_an_attribute,
    show_a_tensor,
    read_it_elsewhere,
]


def mutated(model, seed):
    chance, mutant = random.Random(seed), copied(model)  # noqa: S311 - no secret
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        chance.choice(CHANGES)(mutant, chance)
    return mutant


def answers(path, kernels):
    """All that the file gives, and how many activations our kernels ran; None where it is refused."""
    given = images(2 if kernels is None else 1, SIZE)
    try:
        session = find_target("onnx").open(path, kernels=kernels)
        feed = {session._inputs[0].name: given}
        return session._session.run(None, feed), session.fused
    except Exception:  # noqa: BLE001 - ONNX Runtime's errors share no base
        return None


def differ(ours, theirs):
    """Whether the arrays differ by more than sums in another order do; what is not finite cannot tell."""
    for one, other in zip(ours, theirs, strict=True):
        if one.shape != other.shape:
            return True
        if np.isfinite(other).all() and np.abs(one - other).max(initial=0) > FLOAT_TOLERANCE * max(
            1e-3, np.abs(other).max(initial=0)
        ):
            return True
    return False


def test_files_that_are_changed_by_chance(model, tmp_path):
    fused = refused = 0
    for seed in range(MUTANTS):
        path = tmp_path / "mutant.onnx"
        onnx.save(mutated(model, seed), path)
        ours, theirs = (answers(path, kernels) for kernels in ("auto", "off"))
        if theirs is None:
            refused += 1
            continue
        assert ours is not None, f"mutant {seed} opens without the library alone"
        assert not differ(ours[0], theirs[0]), f"mutant {seed}"
        fused += ours[1]
    assert fused > MUTANTS / 6, "our kernels had nothing to do"
    assert refused < MUTANTS * 0.9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sources", "shuffled"),
        ("means", "shuffled"),
        ("shifts", 1),
        ("fusions", 1),
        ("by_channel", 1),
        ("span", 5.0),
        ("scale", 2.0),
    ],
)
def test_a_node_that_contradicts_its_function(tmp_path, name, value):
    """The function is what a runtime without our kernels runs, so it counts."""
    path = write_float(network(), "onnx", tmp_path, fused=True)
    wanted = maps(find_target("onnx").open(path, kernels="off"), images(2, SIZE))
    model = onnx.load(path)
    (node,) = (node for node in model.graph.node if node.domain)
    (attribute,) = (each for each in node.attribute if each.name == name)
    if value == "shuffled":
        value = ",".join(attribute.s.decode().split(",")[::-1])
    attribute.CopyFrom(helper.make_attribute(name, value))
    onnx.save(model, path)
    session = find_target("onnx").open(path)
    assert session.fused == 1
    assert np.abs(maps(session, images(2, SIZE)) - wanted).max() < 2e-6 * np.abs(wanted).max()


def test_a_node_without_a_function_is_refused(tmp_path, refusal):
    path = write_float(network(), "onnx", tmp_path, fused=True)
    model = onnx.load(path)
    del model.functions[:]
    onnx.save(model, path)
    error_line = refusal(TargetError, find_target("onnx").open, path)
    assert error_line.endswith("no function defines 1: export the file again")
    refusal(TargetError, find_target("onnx").open, path, kernels="off")


def test_a_tensor_inside_that_somebody_wants_to_see_is_still_given(tmp_path):
    """The node then stands beside what computes that tensor."""
    path = write_float(network(), "onnx", tmp_path)
    model = onnx.load(path)
    product = next(node.output[0] for node in model.graph.node if node.op_type == "Mul")
    model.graph.output.append(helper.make_tensor_value_info(product, TensorProto.FLOAT, None))
    onnx.save(model, path)
    ours, theirs = (answers(path, kernels) for kernels in ("auto", "off"))
    assert ours[1] == 1
    assert not differ(ours[0], theirs[0])
