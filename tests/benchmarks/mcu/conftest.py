import shutil
from pathlib import Path

import pytest

NETWORK = Path(__file__).parent / "network"
TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm")


@pytest.fixture(scope="session")
def tools():
    """Skips where a microcontroller can be neither built for nor emulated."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"needs {' and '.join(missing)}: apt install gcc-arm-none-eabi qemu-system-arm")


@pytest.fixture
def network(tmp_path):
    """Writes the files of a network, with text replaced that must be there; a second call starts anew."""

    def make(*changes: tuple[str, str], name: str = "tiny", changed: str = "tiny.c") -> Path:
        folder = tmp_path / "network"
        shutil.copytree(NETWORK, folder, dirs_exist_ok=True)
        text = (folder / changed).read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (folder / changed).write_text(text)
        for suffix in (".c", ".h", "_test.c") if name != "tiny" else ():
            (folder / f"tiny{suffix}").rename(folder / f"{name}{suffix}")
        return folder / f"{name}.c"

    return make
