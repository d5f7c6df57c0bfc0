"""What a C file says of its instructions, against what emulated boards counted."""

import re
from pathlib import Path

import pytest
from exporters.c.c_networks import SMALL, classifier, small, variant_form, write_float, write_int8
from torch import nn

from micronet_edge.counting.graph import Arithmetic, Graph, Operator, Tensor
from micronet_edge_bench.mcu.results import read_mcu_results
from micronet_edge_c.program.expected_instructions import CORES, expected_instructions, step_costs

RESULTS = Path(__file__).parents[4] / "benchmarks" / "results" / "mcu.json"


def made_graph(kind):
    written = Tensor("y", (1, 4, 4, 8), 128)
    step = Operator("layer", "layer", kind, (), (written,), Arithmetic(conv=1000, multiplies=24))
    return Graph((step,), (), ())


@pytest.mark.parametrize("core", CORES)
def test_a_step_costs_its_multiply_adds_its_results_and_its_call(core):
    cost = step_costs()[core]["pointwise"]
    found = expected_instructions(made_graph("pointwise"), core)
    assert found == round(1024 * cost.madd + 128 * cost.output + cost.call)


def test_of_an_unknown_kind_nothing_is_said():
    assert expected_instructions(made_graph("sorcery"), "cortex-m4") is None


def test_a_file_says_what_it_takes_on_boards(tmp_path):
    """m1 at 96 px with 20 classes is none of the files that the costs were fitted to."""
    path = write_int8(variant_form("m1", 96, 20), tmp_path / "m1.c")
    head = path.read_text().partition("*/")[0]
    said = re.search(r"([\d.]+) million on a Cortex-M4 and ([\d.]+) million on a Cortex-M55", head)
    counted = {
        each.device: each.count / 1e6
        for each in read_mcu_results(RESULTS).measured
        if each.file == "m1 96 px 20 classes"
    }
    assert [float(each) for each in said.groups()] == pytest.approx(
        [counted["cortex-m4"], counted["cortex-m55"]], rel=0.15
    )


def test_in_float32_nothing_is_said(tmp_path):
    path = write_float(small(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), *classifier(8)), SMALL, tmp_path / "f.c")
    assert "Expected instructions" not in path.read_text().partition("*/")[0]
