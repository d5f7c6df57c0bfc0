"""A race of files, as `tune` runs it, here and on a board."""

import os
import shutil

import pytest

from micronet_edge_bench.benching import Where
from micronet_edge_bench.devices import DeviceError
from micronet_edge_bench.tuning.head_to_head import MeasuredHeadToHead


def head_to_head(url, onnx_file, folder):
    """The file against a copy of itself."""
    again = folder / onnx_file.name
    shutil.copy(onnx_file, again)
    head_to_head = MeasuredHeadToHead(Where((url,)))
    first, second = head_to_head([onnx_file, again])
    assert first == 1.0
    assert 0.5 < second < 2
    assert head_to_head.machine


def test_a_race_here(onnx_file, tmp_path):
    head_to_head("local", onnx_file, tmp_path)


def test_a_race_on_a_board(board, python3, onnx_file, tmp_path):
    board.start(environment={"PATH": f"{python3}:{os.environ['PATH']}"})
    head_to_head("ssh://board", onnx_file, tmp_path)


def test_a_board_that_is_lost(board, onnx_file, tmp_path, refusal):
    again = tmp_path / onnx_file.name
    shutil.copy(onnx_file, again)
    board.start()
    board.stop()
    said = refusal(DeviceError, MeasuredHeadToHead(Where(("ssh://board",))), [onnx_file, again])
    assert said.count("ssh://board: ") == 1


@pytest.mark.parametrize("name", ["carrier-pigeon://roof"])
def test_a_device_that_there_is_not(name, onnx_file, refusal):
    assert name in refusal(Exception, MeasuredHeadToHead(Where((name,))), [onnx_file])
