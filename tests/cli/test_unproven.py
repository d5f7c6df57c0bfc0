"""C files where no C compiler can prove them."""

import json

from cli.command import DIGITS, names, run

from micronet_edge.util.user_files import card_path
from micronet_edge.verification.manifest import manifest_path

ARGUMENTS = "export", DIGITS, "--format", "c"
NO_COMPILER = {"CC": "no-such-compiler"}


def test_without_a_compiler_nothing_unproven_is_written(tmp_path):
    line = run(*ARGUMENTS, cwd=tmp_path, **NO_COMPILER).refusal()
    assert "no C compiler (no-such-compiler)" in line
    assert line.endswith("or write the file --unproven")
    assert names(tmp_path) == []


def test_unproven_it_is_written_and_proven_later(tmp_path):
    ran = run(*ARGUMENTS, "--unproven", cwd=tmp_path, **NO_COMPILER)
    assert ran.code == 0, ran.errors
    assert "UNPROVEN: m0-digits-float32.c was never run" in ran.errors
    assert "unproven" in ran.output
    assert "Compared with PyTorch" not in ran.output
    file = tmp_path / "m0-digits-float32.c"
    assert json.loads(manifest_path(file).read_text())["proof"] is None
    assert "**It is not proven" in card_path(file).read_text()
    proven = run("verify", file, "--checkpoint", DIGITS, cwd=tmp_path)
    assert proven.code == 0, proven.errors
    assert "same function" in proven.output


def test_with_a_compiler_it_is_proven_all_the_same(tmp_path):
    ran = run(*ARGUMENTS, "--unproven", "--json", cwd=tmp_path)
    assert json.loads(ran.output)[0]["proof"]["top1_agreement"] == 1
    assert "UNPROVEN" not in ran.errors


def test_other_formats_are_always_proven(tmp_path):
    line = run("export", DIGITS, "--format", "onnx", "--unproven", cwd=tmp_path).refusal()
    assert "--unproven is for C files" in line
