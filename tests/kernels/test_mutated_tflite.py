"""TFLite graphs that are changed by chance: with our delegate they answer as without it."""

import os
import random

import numpy as np
import pytest
from kernels.small_networks import network, write_float
from kernels.test_recognition import OPERATOR, Graph, run
from lowering.networks import lively, shift_max, stem
from torch import nn

MUTANTS = 15 if "MICRONET_EDGE_TESTED_KERNELS" in os.environ else 60  # sanitizers take long
FLOAT_TOLERANCE = 2e-5

NETWORKS = {
    "two fusions": network,
    "one fusion": lambda: network(fusions=1),
    "one shift": lambda: network(shifts=1),
    "clipped": lambda: network(behind=[nn.ReLU6()]),
    "two": lambda: lively(
        nn.Sequential(stem(8), shift_max(8, 2), nn.Conv2d(8, 8, 1), shift_max(8, 4))
    ).eval(),
}


@pytest.fixture(scope="module", params=NETWORKS)
def file(request, tmp_path_factory):
    return write_float(NETWORKS[request.param](), "tflite", tmp_path_factory.mktemp("mutated"))


def show_another_tensor(graph, chance):
    made = chance.choice([name for operator in graph.graph.operators for name in operator.outputs])
    graph.graph.outputs = [*chance.choice([[], list(graph.graph.outputs)]), made]


def read_another_tensor(graph, chance):
    """One of the same shape and type, perhaps one that is made later."""
    operator = chance.choice(graph.graph.operators)
    place = chance.randrange(len(operator.inputs))
    tensors, now = graph.graph.tensors, graph.graph.tensors[operator.inputs[place]]
    alike = [
        index
        for index, tensor in enumerate(tensors)
        if (list(tensor.shape), tensor.type) == (list(now.shape), now.type)
    ]
    inputs = list(operator.inputs)
    inputs[place] = chance.choice(alike)
    operator.inputs = inputs


def turn_inputs_round(graph, chance):
    operator = chance.choice(
        [*graph.all(OPERATOR.MUL), *graph.all(OPERATOR.ADD), *graph.all(OPERATOR.MAXIMUM)]
    )
    operator.inputs = list(reversed(operator.inputs))


def change_a_weight(graph, chance):
    operator = chance.choice([*graph.all(OPERATOR.CONV_2D), *graph.all(OPERATOR.ADD)])
    (tensor, *_) = [*(t for t in operator.inputs if graph._buffer(t).data is not None), None]
    if tensor is not None:
        numbers = graph.numbers(tensor)
        numbers[chance.randrange(len(numbers))] = chance.choice([0, 1, -1, 6])
        graph.set_numbers(tensor, numbers)


def cut_off(graph, chance):
    operator = chance.choice([*graph.all(OPERATOR.MUL), *graph.all(OPERATOR.ADD)])
    operator.builtinOptions.fusedActivationFunction = chance.choice([0, 1, 3])


CHANGES = [
    show_another_tensor,
    show_another_tensor,
    read_another_tensor,
    turn_inputs_round,
    change_a_weight,
    cut_off,
]


def test_graphs_that_are_changed_by_chance(file, path):
    fused = 0
    for seed in range(MUTANTS):
        chance, graph = random.Random(seed), Graph(file)  # noqa: S311 - no secret
        for _ in range(chance.choice([1, 1, 2, 3])):
            chance.choice(CHANGES)(graph, chance)
        content = graph.content()
        refusal = ""
        try:
            theirs, _ = run(content, path, delegates=False)
            ours, found = run(content, path)
        except (RuntimeError, ValueError) as error:
            refusal = str(error)
        # What XNNPACK takes unseen, LiteRT looks at before it asks another delegate, and may refuse then.
        assert "DynamicShiftMax" not in refusal, f"mutant {seed}"
        assert "delegate application failure" not in refusal, f"mutant {seed}"
        if refusal:
            continue
        fused += found
        # What a graph answers that nothing was taken of is LiteRT's own, even if it reads what is made later.
        for one, other in zip(ours, theirs, strict=True) if found else ():
            if np.isfinite(other).all():
                assert np.abs(one - other).max() <= FLOAT_TOLERANCE * np.abs(other).max(), f"mutant {seed}"
    assert fused > MUTANTS / 6
