"""What costs nothing to check is checked before any step of the work begins."""

import pytest
from cli.command import DIGITS, FILES, ONNX_FILE, TFLITE_FILE, first_on_path, names


def without(folder, module):
    """A folder for PYTHONPATH that hides a package."""
    (folder / "without").mkdir()
    code = f"raise ModuleNotFoundError(\"No module named '{module}'\", name='{module}')"
    (folder / "without" / f"{module}.py").write_text(code)
    return first_on_path(folder / "without")


def began(ran):
    return [line for line in ran.errors.splitlines() if line.startswith("· ")]


@pytest.mark.parametrize(
    ("module", "name", "other"),
    [("ai_edge_litert", "tflite", "onnx"), ("onnxruntime", "onnx", "tflite"), ("onnx", "onnx", None)],
)
def test_a_missing_runtime_is_named_with_the_format_that_does_without(
    tool, folder, tmp_path, module, name, other
):
    formats = ("--format", "onnx", "--format", "tflite")
    ran = tool("export", DIGITS, *formats, PYTHONPATH=without(tmp_path, module))
    assert ran.code == 1
    error_line = ran.refusal()
    assert f"format {name} cannot be written and proven (No module named '{module}" in error_line
    assert f"pip install 'micronet-edge[{name}]'" in error_line
    if other is not None:
        assert error_line.endswith(f", or write the others alone with --format {other}")
    assert began(ran) == []
    assert names(folder) == []


@pytest.mark.parametrize(
    ("module", "left_out", "written"),
    [("ai_edge_litert", "tflite", ONNX_FILE), ("onnxruntime", "onnx", TFLITE_FILE)],
)
def test_a_format_whose_runtime_is_missing_is_left_out_unless_it_is_asked_for(
    tool, folder, tmp_path, module, left_out, written
):
    ran = tool("export", DIGITS, PYTHONPATH=without(tmp_path, module))
    assert ran.code == 0, ran.errors
    first, *_ = began(ran)
    assert first.startswith(f"· WARNING: {left_out} is left out (No module named '{module}")
    assert first.endswith(f"): pip install 'micronet-edge[{left_out}]'")
    assert names(folder) == sorted(name for name in FILES if name.startswith(written))


@pytest.mark.parametrize("existing", sorted(FILES))
def test_existing_files_are_refused_before_the_network_is_read(tool_here, folder, existing):
    (folder / existing).write_text("older")
    (folder / "m0-digits.pth").write_text("no checkpoint at all")
    ran = tool_here("export", "m0-digits.pth")
    assert ran.code == 1
    assert f"error: {existing} exists: give --overwrite" in ran.refusal()
    assert began(ran) == []


@pytest.mark.parametrize(
    "existing",
    [
        "m0-random-int8.onnx",
        "m0-random-int8.onnx.md",
        "m0-random-int8.recipe.json",
        "m0-random-int8.tflite.manifest.json",
    ],
)
def test_existing_files_are_refused_before_images_are_read(tool_here, folder, existing):
    (folder / existing).write_text("older")
    ran = tool_here("quantize", "m0", "--calibration", "none")
    assert ran.code == 1
    assert f"error: {existing} exists: give --overwrite" in ran.refusal()
    assert began(ran) == []


def test_a_checkpoint_is_never_an_output(tool_here, folder):
    """By a link, since no checkpoint is called as a file of ours is."""
    (folder / "m0-digits.safetensors").write_bytes(DIGITS.read_bytes())
    for name in (ONNX_FILE, TFLITE_FILE):
        (folder / name).hardlink_to(folder / "m0-digits.safetensors")
    ran = tool_here("export", "m0-digits.safetensors", "--format", "onnx", "--overwrite")
    assert ran.code == 1
    assert f"{ONNX_FILE} would replace the input m0-digits.safetensors" in ran.refusal()


def test_a_device_that_is_none_is_refused_before_networks_are_made(tool_here, monkeypatch):
    from micronet_edge_bench.tuning import tuning_run

    monkeypatch.setattr(tuning_run, "Networks", None)
    ran = tool_here("tune", "m0", "--device", "x")
    assert ran.code == 1
    assert "'x': is not a device: give local, ssh://" in ran.refusal()


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("--threads", "1000000000"), "threads must be 1 to 128, since one"),
        (("--threads", "5000"), "threads must be 1 to 128, since one"),
        (("--runs", str(10**21)), "rounds must be 1 to 1,000,000, since every sample"),
        (("--processes", str(10**21)), "processes must be 1 to 1,000, since each"),
        (("--warmup", str(10**9)), "least warmup must be 0 to 100,000, since times"),
        (("--seconds", "inf"), "seconds must be 0.001 to 86,400, since a measurement"),
        (("--seconds", "1e300"), "seconds must be 0.001 to 86,400, since a measurement"),
        (("--runs", "1000000", "--processes", "1000"), "processes x rounds must be at most 10,000,000"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_numbers_beyond_all_use_are_refused_with_the_reason(tool_here, arguments, error_line):
    ran = tool_here("bench", "none.onnx", *arguments)
    assert ran.code == 2
    told = " ".join(ran.errors.replace("│", " ").split())
    assert error_line in told
