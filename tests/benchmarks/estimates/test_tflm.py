"""What operators cost in TensorFlow Lite Micro, and what the committed estimate claims."""

import json

import pytest
from golden.update import write_micro

from micronet_edge_bench.estimates.tflm import PlacedOperator, UnknownOperatorError, cost, instructions
from suites.tflm_estimate import ALLOWED, MEASURED, RESULTS

FITTED_WITHIN = 0.05
LARGEST_CLAIM = 25e6

COUNTED = [
    ("CONV_2D", ((1, 99, 99, 3), (6, 3, 3, 3)), (1, 1, 576, 6), 625_680),
    ("CONV_2D", ((1, 99, 99, 12), (48, 3, 3, 12)), (1, 1, 36, 48), 404_480),
    ("CONV_2D", ((1, 99, 99, 12), (12, 3, 2, 12)), (1, 1, 144, 12), 357_600),
    ("CONV_2D", ((1, 99, 99, 64), (16, 1, 1, 16)), (1, 1, 36, 16), 67_160),
    ("CONV_2D", ((1, 99, 99, 192), (64, 1, 1, 24)), (1, 1, 16, 64), 111_600),
    ("CONV_2D", ((1, 99, 99, 24), (144, 1, 1, 4)), (1, 1, 36, 144), 289_040),
    ("CONV_2D", ((1, 1, 144, 24), (8, 1, 1, 24)), (1, 1, 144, 8), 94_800),
    ("CONV_2D", ((1, 1, 36, 16), (96, 1, 1, 16)), (1, 1, 36, 96), 235_080),
    ("CONV_2D", ((1, 1, 16, 64), (384, 1, 1, 64)), (1, 1, 16, 384), 1_002_480),
    ("CONV_2D", ((1, 1, 1, 96), (12, 1, 1, 96)), (1, 1, 1, 12), 6_440),
    ("CONV_2D", ((1, 1, 144, 8), (16, 1, 1, 8)), (1, 1, 144, 16), 118_840),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 96), (1, 2, 1, 96)), (1, 1, 36, 96), 200_200),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 96), (1, 3, 1, 96)), (1, 1, 36, 96), 217_680),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 96), (1, 3, 3, 96)), (1, 1, 36, 96), 354_160),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 12), (1, 2, 1, 12)), (1, 1, 144, 12), 120_040),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 8), (1, 1, 1, 8)), (1, 1, 144, 8), 68_920),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 16), (1, 5, 5, 64)), (1, 1, 36, 64), 359_000),
    ("DEPTHWISE_CONV_2D", ((1, 99, 99, 16), (1, 3, 3, 64)), (1, 1, 144, 64), 808_960),
    ("FULLY_CONNECTED", ((1, 576), (900, 576)), (1, 900), 1_003_080),
    ("FULLY_CONNECTED", ((1, 32), (32, 32)), (1, 32), 3_080),
    ("FULLY_CONNECTED", ((1, 8), (8, 8)), (1, 8), 440),
    ("FULLY_CONNECTED", ((1, 16), (16, 16)), (1, 16), 1_080),
    ("FULLY_CONNECTED", ((1, 64), (64, 64)), (1, 64), 9_920),
    ("FULLY_CONNECTED", ((1, 960), (900, 960)), (1, 900), 1_651_080),
]
"""Kind, shapes of input and weight, shape of the result, and instructions counted under qemu-system-arm."""


@pytest.mark.parametrize(("kind", "inputs", "result", "counted"), COUNTED)
def test_a_formula_gives_what_was_counted(kind, inputs, result, counted):
    assert cost(PlacedOperator(kind, "operator", inputs, result)) == pytest.approx(counted, rel=FITTED_WITHIN)


def test_a_product_of_equal_shapes_costs_less():
    alike, one = (1, 3, 3, 8), (1, 1, 1, 8)
    costs = [cost(PlacedOperator("MUL", "product", (alike, other), alike)) for other in (alike, one)]
    assert costs[0] < costs[1] / 2


def test_an_operator_without_figures():
    with pytest.raises(UnknownOperatorError, match="total: no figures for CUMSUM"):
        cost(PlacedOperator("CUMSUM", "total", ((1, 4),), (1, 4)))


def test_the_committed_claim_stands_on_an_estimate_that_holds():
    content = json.loads(RESULTS.read_text())
    rows = {(row["variant"], row["input_size"]): row for row in content["rows"]}
    assert {key: row["measured"] for key, row in rows.items()} == MEASURED
    for row in rows.values():
        assert row["estimated"] == pytest.approx(row["measured"], rel=ALLOWED)
        assert row["for_micro"] == sum(row["by_operator"].values()) < row["measured"] / 1.9
    assert rows["m1", 96]["for_micro"] < LARGEST_CLAIM


def test_a_file_costs_the_sum_of_its_operators(tmp_path):
    path = tmp_path / "model.tflite"
    write_micro("m0", path)
    found = instructions(path)
    assert found.total() == pytest.approx(17.2e6, rel=0.05)  # 2.7 million for the pixels in float32
    assert {kind for kind, _ in found.most_common(2)} == {"CONV_2D", "DEPTHWISE_CONV_2D"}
