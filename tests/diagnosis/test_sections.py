"""What doctor looks for is found, missing or broken, each with what it brings and how it is installed."""

import sys

import pytest

from micronet_edge import kernels
from micronet_edge.diagnosis import SECTIONS, devices, kernel_libraries, packages, programs
from micronet_edge.diagnosis.installation import find_installation
from micronet_edge.diagnosis.programs import COMPILERS, EMULATORS, TOOLS


def test_every_section_looks():
    assert [name for name, _ in SECTIONS][:3] == ["installation", "extras", "runtimes"]
    assert {each.state for each in find_installation()} == {"found"}


def test_a_missing_program_comes_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(programs, "which", lambda _: None)
    found = [*programs.compilers(), *programs.emulators(), *programs.tools()]
    assert len(found) == len((*COMPILERS, *EMULATORS, *TOOLS))
    for each in found:
        assert each.state == "missing"
        assert each.brings
        assert each.install.startswith("apt install ")


def test_a_program_is_found_by_any_of_its_names(monkeypatch):
    monkeypatch.setattr(programs, "which", {"clang": "/opt/clang"}.get)
    states = {each.name: (each.state, each.detail) for each in programs.compilers()}
    assert states["C compiler"] == ("found", "/opt/clang")
    assert states["C++ compiler"][0] == "missing"


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "kornia" else name)
    found = {each.name: each for each in packages.extras()}
    assert (found["[train]"].state, found["[train]"].detail) == ("missing", "lacks kornia")
    assert found["[train]"].install == "pip install 'micronet-edge[train]'"
    assert found["[export]"].state == "found"


def test_a_runtime_that_cannot_be_imported_is_broken(monkeypatch, tmp_path):
    (tmp_path / "cracked.py").write_text("raise ImportError('libmissing.so is not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "_RUNTIMES", {"cracked": ("cracked", "runs nothing")})
    (found,) = packages.runtimes()
    assert (found.state, found.detail) == ("broken", "ImportError: libmissing.so is not here")
    assert found.install == "pip install --force-reinstall cracked"


def test_a_library_that_does_not_load_is_broken(monkeypatch, tmp_path):
    damaged = tmp_path / "kernels.so"
    damaged.write_bytes(b"no library")
    monkeypatch.setattr(kernel_libraries, "library", lambda: damaged)
    monkeypatch.setattr(kernel_libraries, "training_library", lambda: None)
    own, training, *_ = kernel_libraries.find_kernels()
    assert (own.state, training.state) == ("broken", "missing")
    assert str(damaged) in own.detail
    assert training.install


@pytest.mark.skipif(kernels.library() is None, reason="the fused kernels were not built")
def test_the_kernels_of_this_machine_load():
    assert kernel_libraries.find_kernels()[0].state == "found"


def test_a_program_that_fails_or_is_missing_finds_no_device(monkeypatch):
    assert devices._lines(("no-such-program",)) == []
    monkeypatch.setattr(devices, "which", lambda _: sys.executable)
    assert devices._lines((sys.executable, "-c", "raise SystemExit(1)")) == []
    assert devices._lines((sys.executable, "-c", "print('one\\n\\ntwo')")) == ["one", "two"]


def test_this_cpu_is_a_device():
    assert devices.find_devices()[0].name == "CPU"
    assert "cores" in devices.find_devices()[0].detail
