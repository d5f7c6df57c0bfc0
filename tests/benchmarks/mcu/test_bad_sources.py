"""Files that are no network's, refused before any tool is asked."""

import pytest

from micronet_edge_bench.mcu import McuError, measure, prove_on_board


@pytest.mark.parametrize(
    ("change", "error_line"),
    [
        (lambda file: file.unlink(), "tiny.c does not exist: check the path"),
        (lambda file: file.write_text(""), "tiny.c is empty (0 bytes)"),
        (lambda file: file.with_suffix(".h").unlink(), "tiny.h does not exist: check the path"),
        (lambda file: file.with_suffix(".h").write_bytes(b"\xff\xfe"), "tiny.h cannot be read"),
        (
            lambda file: file.with_suffix(".h").write_text("int x;"),
            "tiny.h declares no network: give the NAME.c",
        ),
    ],
    ids=["missing", "empty", "no header", "binary header", "another header"],
)
def test_a_refusal(network, refusal, change, error_line):
    file = network()
    change(file)
    assert error_line in refusal(McuError, measure, file, "cortex-m4")


def test_another_file(tmp_path, refusal):
    assert "is not a C file" in refusal(McuError, measure, tmp_path / "m0.tflite", "cortex-m4")


def test_an_unknown_board(network, refusal):
    message = refusal(McuError, measure, network(), "cortex-m3")
    assert message == "unknown board 'cortex-m3': choose from cortex-m4, cortex-m7, cortex-m55"


def test_a_test_that_is_missing(network, refusal):
    file = network()
    file.with_name("tiny_test.c").unlink()
    assert "tiny_test.c does not exist" in refusal(McuError, prove_on_board, file, "cortex-m4")
