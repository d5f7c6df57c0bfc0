"""docs/compatibility.md is what the results give, of every kind of file that the product writes."""

from itertools import product
from typing import get_args

import pytest

from clients.client_table import CHILDREN, Client, read_clients
from clients.kinds import KINDS, PROGRAM
from clients.networks import NETWORKS
from clients.page import PAGE, page
from clients.results import Results, Row, WrittenKind, read_results
from micronet_edge.settings import Pixels, Runtime, Scores
from micronet_edge.targets.registry import find_target

FORMATS = sorted({kind.format for kind in KINDS})
OURS = sorted(kind.name for kind in (*KINDS, PROGRAM))
RESULTS = read_results()


def test_the_page_is_what_the_results_give():
    assert PAGE.read_text() == page(RESULTS, read_clients())


def options(format_):
    return {(key, value) for kind in KINDS if kind.format == format_ for key, value in kind.options.items()}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_way_to_write_a_file_is_a_kind(format_):
    target, written = find_target(format_), options(format_)
    assert {("precision", each) for each in target.precisions if each != "float32"} <= written
    assert {("pixels", each) for each in get_args(Pixels) if each != "normalized"} <= written
    assert {("scores", each) for each in get_args(Scores) if each != "logits"} <= written
    assert ("io", "uint8") in written


def test_what_only_one_format_has_is_a_kind_too():
    assert {("portable", True), ("fused", True), ("layout", "nhwc")} <= options("onnx")
    assert {("runtime", each) for each in get_args(Runtime) if each != "default"} <= options("tflite")
    assert ("io", "int8") in options("tflite")


def test_the_results_hold_every_kind():
    assert sorted(kind.name for kind in RESULTS.kinds) == OURS


def test_a_row_holds_for_the_environment_of_its_client():
    requirements = {client.name: client.requirements for client in read_clients()}
    assert RESULTS.rows
    assert all(row.requirements == requirements[row.client] for row in RESULTS.rows)


def test_every_client_has_run_what_it_reads():
    measured = {row.key for row in RESULTS.rows}
    for client in read_clients():
        if not client.untried and client.name not in RESULTS.uninstalled:
            kinds = [kind for kind in (*KINDS, PROGRAM) if kind.format in client.reads]
            wanted = {(client.name, network.name, kind.name) for network, kind in product(NETWORKS, kinds)}
            assert wanted <= measured, client.name


def test_every_client_has_a_child_and_pinned_requirements():
    for client in read_clients():
        assert (CHILDREN / (client.child if client.in_node else f"{client.child}.py")).exists(), client.name
        assert all("==" in each or "@" in each for each in client.requirements), client.name


def row(**given):
    facts = {"client": "A", "network": "m0", "kind": "onnx-float32", "in_integers": False, "sha256": ""}
    found = {"loads": True, "runs": True, "same": 20, "difference": 0.0, "largest": 10.0}
    return Row(**facts | {"requirements": (), "images": 20} | found | given)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "equal"),
        ({"difference": 0.009}, "equal"),
        ({"difference": 0.02}, "close"),
        ({"difference": 0.02, "in_integers": True}, "equal"),
        ({"same": 19}, "close"),
        ({"difference": 3.0}, "wrong"),
        ({"runs": False}, "does not run"),
        ({"runs": False, "loads": False}, "does not load"),
    ],
)
def test_a_verdict(given, verdict):
    assert row(**given).verdict == verdict


CLIENT = Client("A 1.0", "a", ("onnx",), ("a==1.0",), notes=("Take another.",))
FLOAT, FAST = WrittenKind("onnx-float32", "onnx", ""), WrittenKind("onnx-float32-fused", "onnx", "--fused")


def test_a_page_joins_what_ends_alike_and_keeps_what_a_client_said():
    rows = (
        row(client="A 1.0"),
        row(client="A 1.0", network="m3", difference=2e-6),
        row(client="A 1.0", kind=FAST.name, runs=False, loads=False, error="no | `such`"),
        row(client="A 1.0", kind=FAST.name, network="m3"),
    )
    lines = page(Results("x86_64", (FLOAT, FAST), rows), (CLIENT,)).splitlines()
    assert "| | float32 | float32, `--fused` |" in lines
    assert "| [A 1.0](#a-10) | yes | some |" in lines
    assert "| ONNX default, ONNX `--fused` (m3) | yes | yes | 60 of 60 | 2e-06 |  |" in lines
    assert "| ONNX `--fused` (m0) | no | no |  |  | `no / 'such'` |" in lines
    assert "- Take another." in lines


def test_a_client_that_cannot_be_installed_says_why():
    text = page(Results("x86_64", (FLOAT,), (), {"A 1.0": "No matching distribution"}), (CLIENT,))
    assert "| [A 1.0](#a-10) | - |" in text
    assert "Not installed: `No matching distribution`" in text
