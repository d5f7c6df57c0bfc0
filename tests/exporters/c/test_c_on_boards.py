"""C files on emulated microcontrollers: their own tests pass there."""

from shutil import which

import pytest
from exporters.c.c_networks import SMALL, classifier, int8_form, small, variant_form, write_float, write_int8
from lowering.networks import micronet, shift_max, stem
from torch import nn

from micronet_edge_bench.mcu import BOARDS, PASS, prove_on_board
from micronet_edge_c.target import TARGET

TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")
missing = [tool for tool in TOOLS if which(tool) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")


def with_kernels(path):
    for name, content in TARGET.support_files().items():
        path.with_name(name).write_bytes(content)
    return path


def test_a_small_network(tmp_path):
    layers = stem(8, 3), nn.ReLU6(), shift_max(8, 2), nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.ReLU()
    form = int8_form(small(*layers, *classifier(8)), SMALL)
    path = with_kernels(write_int8(form, tmp_path / "net.c", io="uint8"))
    assert prove_on_board(path, "cortex-m4") == PASS


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("variant", ["m0", "m1", "m2"])
def test_variants(variant, board, tmp_path):
    path = with_kernels(write_int8(variant_form(variant), tmp_path / "net.c"))
    assert prove_on_board(path, board) == PASS


@pytest.mark.slow
def test_float32(tmp_path):
    path = with_kernels(write_float(micronet("m0"), 64, tmp_path / "net.c"))
    assert prove_on_board(path, "cortex-m4") == PASS
