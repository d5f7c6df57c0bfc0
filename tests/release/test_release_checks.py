"""The checks of a release fail on what they are for."""

import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "release"))  # scripts, in no package
from check import changelog_problems, notice_problems
from contents import LICENCES, REQUIRED, check_contents
from symbols import check_symbols, needs

HEADERS = """
Dynamic Section:
  NEEDED               libm.so.6
  NEEDED               libc.so.6

Version References:
  required from libc.so.6:
    0x06969194 0x00 02 GLIBC_2.14
    0x09691a75 0x00 03 GLIBC_2.2.5
  required from libgcc_s.so.1:
    0x0b792650 0x00 04 GCC_3.0
"""


def test_what_a_library_needs_is_the_newest_of_each_family():
    assert needs(HEADERS) == ({"libm.so.6", "libc.so.6"}, {"GLIBC": (2, 14), "GCC": (3, 0)})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("GLIBC_2.14", "GLIBC_2.32", "needs GLIBC_2.32"),
        ("GCC_3.0", "GLIBCXX_3.4.29", "needs GLIBCXX_3.4.29"),
        ("libm.so.6", "libstdc++.so.6", "links libstdc++.so.6"),
    ],
)
def test_what_manylinux_lacks_is_refused(monkeypatch, old, new, said):
    monkeypatch.setattr("symbols.objdump", lambda _: HEADERS)
    assert check_symbols(Path("own.so")).startswith("GCC 3.0, GLIBC 2.14; links ")
    monkeypatch.setattr("symbols.objdump", lambda _: HEADERS.replace(old, new))
    with pytest.raises(SystemExit, match=r"error: own\.so " + said.replace("+", r"\+")):
        check_symbols(Path("own.so"))


def test_a_changelog_begins_with_the_release():
    assert not list(changelog_problems("# Changelog\n\n## 1.2.0\n\n## 1.1.0\n", "1.2.0"))
    (line,) = changelog_problems("# Changelog\n\n## Unreleased\n\n## 1.2.0\n", "1.2.0")
    assert line.startswith("CHANGELOG.md begins with Unreleased, not 1.2.0")


def test_a_photograph_without_a_licence_is_named():
    files = ["src/a.py", "src/photographs/cat.jpg", "examples/own/net.safetensors", "docs/page.png"]
    notice = "src/photographs/\n  cat.jpg  somebody  CC0\nexamples/own/*.safetensors  ours\n"
    assert not list(notice_problems(notice, files))
    (line,) = notice_problems(notice, [*files, "src/photographs/dog.jpg"])
    assert "whose src/photographs/dog.jpg is" in line


LIBRARY = "micronet_edge/kernels/own.so"


def wheel(folder, *names, demo=10):
    path = folder / "own.whl"
    licences = [f"micronet_edge-1.dist-info/licenses/{name}" for name in LICENCES]
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*licences, *names):
            archive.writestr(name, b"x" * (demo if name.endswith(".safetensors") else 1))
    return path


def test_a_wheel_with_all_it_needs_passes(tmp_path):
    check_contents(wheel(tmp_path, *REQUIRED), with_kernels=False)
    check_contents(wheel(tmp_path, *REQUIRED, LIBRARY), with_kernels=True)


@pytest.mark.parametrize(
    ("names", "demo", "said"),
    [
        (REQUIRED[1:], 10, "lacks micronet_edge/demo"),
        ((*REQUIRED, LIBRARY), 10, "holds 1 libraries"),
        ((*REQUIRED, "tests/test_own.py"), 10, "no package of ours"),
        (REQUIRED, 2_100_000, "more than 2 MB"),
    ],
)
def test_a_wheel_is_refused(tmp_path, names, demo, said):
    with pytest.raises(SystemExit, match=said):
        check_contents(wheel(tmp_path, *names, demo=demo), with_kernels=False)
