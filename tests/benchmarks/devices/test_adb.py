"""A phone over adb, with the real adb against a small adbd: how it is reached, used and lost."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from micronet_edge_bench.devices import DeviceError, adb, find_device, require
from micronet_edge_bench.devices.run_benchmark_model import BenchmarkModelSettings, run_benchmark_model
from micronet_edge_bench.devices.shell_device import ShellDevice

OUTPUTS = Path(__file__).parent / "outputs"
WAIT = "import sys; print('running', flush=True); sys.stdin.read()"
DEAF = "import time; print('running', flush=True); time.sleep(600)"


def connected(phone, **settings):
    return find_device(f"adb://{phone.serial}", **settings)


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_serial_that_adb_does_not_know(phone, refusal):
    phone.start()
    error_line = refusal(DeviceError, find_device("adb://R58M1234").connect)
    assert error_line.startswith("adb://R58M1234: adb knows no phone with that serial: plug it in")


@pytest.mark.usefixtures("phone")
def test_a_network_address_that_is_not_connected(refusal):
    error_line = refusal(DeviceError, find_device("adb://10.0.0.7:5555").connect)
    assert "`adb connect 10.0.0.7:5555`" in error_line


@pytest.mark.usefixtures("phone")
@pytest.mark.parametrize("serial", ["-s", "a b", "it's", "$(touch hacked)", "x;touch hacked", "--help"])
def test_an_awkward_serial_is_only_unknown(refusal, serial, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "knows no phone" in refusal(DeviceError, find_device(f"adb://{serial}").connect)
    assert list(tmp_path.iterdir()) == []


def test_a_phone_that_does_not_trust_us(phone, refusal):
    phone.start("unauthorized")
    assert "accept the prompt" in refusal(DeviceError, connected(phone).connect)


def test_a_phone_that_went_offline(phone, refusal):
    phone.start()
    phone.kill()
    error_line = refusal(DeviceError, connected(phone).connect)
    assert "offline" in error_line or "knows no phone" in error_line


def test_an_android_too_old(phone, refusal):
    phone.start("ancient")
    assert "7 or newer" in refusal(DeviceError, connected(phone).connect)


def test_adb_that_is_not_installed(monkeypatch, tmp_path, refusal):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install adb" in refusal(DeviceError, find_device("adb://R58M1234").connect)


def test_what_android_says_of_itself(phone):
    program(phone.programs / "getprop", 'case "$1" in *release) echo 14;; *model) echo "Pixel 7";; esac')
    phone.start()
    with connected(phone) as device:
        assert device.facts().system == "Android 14 (Pixel 7)"


def test_nothing_is_installed_on_a_phone(phone, refusal):
    phone.start()
    with connected(phone) as device:
        error_line = refusal(DeviceError, require, device, ["no-such-package"])
        assert "has no no-such-package: in Termux `pkg install" in error_line
        assert "in Termux `pkg install" in refusal(DeviceError, device.bootstrap, ["numpy"], print)


@pytest.fixture
def bare_phone(phone):
    """A phone as phones are: no Python on the path, and Termux closed to adb's user but for run-as."""
    for name in ("mktemp", "rm", "cat", "uname", "wc", "sleep", "chmod", "env", "sh", "kill"):
        if Path("/bin", name).exists():
            (phone.programs / name).symlink_to(Path("/bin", name))
    phone.path = str(phone.programs)
    return phone


def give_termux(phone, monkeypatch, *, open_to_adb):
    """Puts Termux on the phone, and run-as as Android has it."""
    files = phone.home / "termux" / "files"
    (files / "usr" / "bin").mkdir(parents=True)
    (files / "usr" / "tmp").mkdir()
    python = files / "usr" / "bin" / "python3"
    if open_to_adb:
        python.symlink_to(sys.executable)
    # Only run-as sees Python: a name that the shell's own user looks for in vain.
    run_as = f'test "$1" = com.termux || exit 1; shift; ln -sf {shlex.quote(sys.executable)} {python}; "$@"; '
    program(phone.programs / "run-as", f"{run_as} code=$?; rm -f {python}; exit $code")
    (phone.programs / "ln").symlink_to("/bin/ln")
    monkeypatch.setattr(adb, "TERMUX_FILES", str(files))
    return files


def test_a_phone_without_python(bare_phone, refusal):
    bare_phone.start()
    with connected(bare_phone) as device:
        assert device.facts().python is None
        assert "no python3 there: in Termux `pkg install python" in refusal(DeviceError, require, device, [])


def test_termux_that_adb_may_enter(bare_phone, monkeypatch):
    files = give_termux(bare_phone, monkeypatch, open_to_adb=True)
    (bare_phone.programs / "run-as").unlink()
    bare_phone.start()
    with connected(bare_phone) as device:
        facts = device.facts()
        assert facts.interpreter[-1] == f"{files}/usr/bin/python3"
        assert f"PREFIX={files}/usr" in facts.interpreter
        assert device.folder.startswith(str(bare_phone.temporary))
        lines = []
        device.run([*facts.interpreter, "-c", "import os; print(os.environ['HOME'])"], lines.append)
        assert lines == [f"{files}/home"]


def test_termux_that_only_its_own_user_may_enter(bare_phone, monkeypatch, tmp_path):
    files = give_termux(bare_phone, monkeypatch, open_to_adb=False)
    bare_phone.start()
    with connected(bare_phone) as device:
        facts = device.facts()
        assert facts.interpreter[-1] == f"{files}/usr/bin/python3"
        assert device.folder.startswith(f"{files}/usr/tmp/")
        (tmp_path / "it's").write_text("text")
        device.push(tmp_path / "it's", "it's")
        lines = []
        device.run([*facts.interpreter, "-c", 'print(open("it\'s").read())'], lines.append)
        assert lines == ["text"]
    assert list((files / "usr" / "tmp").iterdir()) == []


def test_benchmark_model_needs_no_python(bare_phone, monkeypatch, tmp_path):
    give_termux(bare_phone, monkeypatch, open_to_adb=False)
    output = shlex.quote((OUTPUTS / "with_delegate.txt").read_text())
    binary = program(tmp_path / "benchmark_model", f"test -s model.tflite || exit 3\nprintf %s {output} >&2")
    binary.chmod(0o644)  # as a download leaves it
    (tmp_path / "it's a model.tflite").write_bytes(b"TFL3")
    bare_phone.start()
    lines = []
    settings = BenchmarkModelSettings(profile=True)
    with connected(bare_phone, wants_python=False) as device:
        assert device.folder.startswith(str(bare_phone.temporary))
        found = run_benchmark_model(device, binary, tmp_path / "it's a model.tflite", settings, lines.append)
    assert found.inferences.count == 668
    assert len(found.profile[0].operators) == 8
    assert lines == (OUTPUTS / "with_delegate.txt").read_text().splitlines()


def test_benchmark_model_is_given_its_settings(phone, tmp_path, refusal):
    binary = program(tmp_path / "benchmark_model", 'echo "ERROR: $*"; exit 1')
    (tmp_path / "model.tflite").touch()
    phone.start()
    settings = BenchmarkModelSettings(4, 5, 50, profile=True, options=("--use_gpu=true", "--x=$(id) 'y'"))
    with connected(phone) as device:
        words = (device, binary, tmp_path / "model.tflite", settings, lambda _: None)
        error_line = refusal(DeviceError, run_benchmark_model, *words)
    told = "--graph=model.tflite --num_threads=4 --warmup_runs=5 --num_runs=50 --enable_op_profiling=true"
    assert error_line.endswith(f"printed no timings: {told} --use_gpu=true --x=$(id) 'y'")


def test_benchmark_model_for_another_processor(phone, tmp_path, refusal):
    binary = tmp_path / "benchmark_model"
    binary.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf3\x00" + bytes(44))
    (tmp_path / "model.tflite").touch()
    phone.start()
    with connected(phone) as device:
        words = (device, binary, tmp_path / "model.tflite", BenchmarkModelSettings(), print)
        assert "built for riscv64, the device is" in refusal(DeviceError, run_benchmark_model, *words)
        words = (device, tmp_path / "no-such", tmp_path / "model.tflite", BenchmarkModelSettings(), print)
        assert "does not exist" in refusal(DeviceError, run_benchmark_model, *words)


@pytest.mark.parametrize("words", [WAIT, DEAF])
def test_a_phone_whose_adbd_is_killed_in_the_middle(phone, words):
    phone.start()
    began = []

    def strike(_line):
        began.append(time.monotonic())
        phone.kill()

    with connected(phone) as device:
        command = [*device.facts().interpreter, "-c", words]
        with pytest.raises(DeviceError, match=r"the connection was lost \("):
            device.run(command, strike)
    assert time.monotonic() - began[0] < 30
    assert phone.left(seconds=15) == []


def test_a_phone_that_falls_silent_in_the_middle(phone, monkeypatch):
    phone.start()
    monkeypatch.setattr(adb.AdbDevice, "patience_seconds", 1.0)
    monkeypatch.setattr("micronet_edge_bench.devices.shell._ANSWER_SECONDS", 2.0)
    threading.Timer(10, lambda: phone.process.send_signal(signal.SIGCONT)).start()
    with connected(phone) as device:
        command = [*device.facts().interpreter, "-c", WAIT]
        with pytest.raises(DeviceError, match="does not answer within 2 s"):
            device.run(command, lambda _: phone.freeze())


def test_silence_of_a_phone_that_still_answers_is_no_end(phone, monkeypatch):
    phone.start()
    monkeypatch.setattr(adb.AdbDevice, "patience_seconds", 0.3)
    with connected(phone) as device:
        assert device.run(["sleep", "1.5"], print) == 0


def test_only_what_adb_cannot_notice_is_watched():
    assert ShellDevice.patience_seconds is None


INTERRUPTED = """
import sys
from micronet_edge_bench.devices import adb, find_device
adb.AdbDevice.base = sys.argv[2]
with find_device(sys.argv[1]) as device:
    device.run([*device.facts().interpreter, "-c", sys.argv[3]], print)
"""


@pytest.mark.parametrize("words", [WAIT, DEAF])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_on_our_side_ends_the_run_there_and_removes_the_folder(phone, tmp_path, words, number):
    phone.start()
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    # A test run in the background ignores Ctrl-C, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-u", script, f"adb://{phone.serial}", phone.temporary, words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    with process:
        assert process.stdout.readline() == b"running\n"
        (folder,) = phone.temporary.iterdir()
        running = int((folder / ".micronet-edge-running").read_text())
        process.send_signal(number)
        process.wait(30)
    assert phone.left(seconds=15) == []
    assert not Path(f"/proc/{running}").exists()
