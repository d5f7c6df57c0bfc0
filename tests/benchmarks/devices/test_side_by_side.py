"""The same files on several real devices at once: each gives its run, or the line why not."""

import os
import shutil
import signal
import tempfile
import time

import pytest

from micronet_edge.errors import SettingsError
from micronet_edge_bench.devices import DeviceError
from micronet_edge_bench.inputs import prepare
from micronet_edge_bench.measuring import measure
from micronet_edge_bench.runner.plan import Settings

SHORT = Settings(processes=2, rounds=4, least_warmup=2, most_warmup=4)
NOBODY = "ssh://127.0.0.1:9"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Nothing of ours is left where temporary files are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def files(onnx_file, tflite_file):
    return prepare([onnx_file, tflite_file])


@pytest.mark.usefixtures("temporary")
def test_a_run_says_all_that_was_measured(files):
    told = []
    (run,) = measure(files, ["local"], SHORT, progress=lambda *news: told.append(news))
    assert (run.device, run.label, run.error, run.source) == ("local", "local", None, "")
    assert (run.method.threads, run.method.processes, run.method.rounds) == (1, 2, 4)
    assert run.environment.cores >= len(run.environment.affinity) >= 1
    assert run.environment.load_before is not None
    onnx_result, tflite_result = run.files
    assert (onnx_result.format, tflite_result.format) == ("onnx", "tflite")
    assert (onnx_result.runtime, tflite_result.runtime) == ("ONNX Runtime", "LiteRT")
    assert (tflite_result.delegate, tflite_result.variant, tflite_result.naive) == ("XNNPACK", "m0", False)
    for result in run.files:
        assert [len(samples) for samples in result.samples_ns] == [4, 4]
        assert all(2 <= len(process.warmup_ns) <= 4 for process in result.processes)
        assert result.size_bytes > 100_000
        assert len(result.output_sha256) == len(result.sha256) == 64
    assert {device for device, *_ in told} == {"local"}
    stages = list(dict.fromkeys(stage for _, stage, *_ in told))
    assert stages[:3] == ["connecting", "sending", "load"]
    assert stages[-2:] == ["measure", "done"]


@pytest.mark.usefixtures("temporary")
def test_a_device_that_fails_takes_no_other_with_it(files):
    failed, run = measure(files, [NOBODY, "local"], SHORT)
    assert (failed.device, failed.files, failed.environment) == (NOBODY, (), None)
    assert failed.error.startswith(f"{NOBODY}: ")
    assert "\n" not in failed.error
    assert [file.name for file in run.files] == [file.name for file in files]


@pytest.fixture
def every_device(board, phone, python3):
    board.start(environment={"PATH": f"{python3}:{os.environ['PATH']}"})
    phone.programs.mkdir(exist_ok=True)
    shutil.copy(python3 / "python3", phone.programs)
    phone.start()
    return ["ssh://board", f"adb://{phone.serial}", "local"]


def test_a_board_and_a_phone_answer_as_this_machine_does(files, every_device):
    runs = measure(files, every_device, SHORT)
    assert [(run.device, run.error) for run in runs] == [(device, None) for device in every_device]
    *there, here = ([(file.sha256, file.output_sha256) for file in run.files] for run in runs)
    assert there == [here, here]


@pytest.mark.usefixtures("temporary")
def test_ctrl_c_ends_all_and_leaves_nothing_anywhere(files, every_device):
    at_work = set()

    def interrupt(device, stage, _done, _total):
        if stage == "measure" and device not in at_work:
            at_work.add(device)
            if len(at_work) == len(every_device):
                os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores Ctrl-C
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        measure(files, every_device, Settings(processes=1, seconds=600), progress=interrupt)
    assert at_work == set(every_device)
    assert time.monotonic() - start < 120


@pytest.mark.usefixtures("temporary")
@pytest.mark.parametrize(
    ("devices", "kind", "error_line"),
    [
        (["local", "local"], SettingsError, "device local is given twice"),
        (["local", "phone"], DeviceError, "is not a device: give local, ssh://"),
    ],
    ids=["twice", "unknown"],
)
def test_devices_that_cannot_be_meant(files, refusal, devices, kind, error_line):
    assert error_line in refusal(kind, measure, files, devices, SHORT)
