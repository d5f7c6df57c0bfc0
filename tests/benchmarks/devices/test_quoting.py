"""Scripts that travel through login shells of any kind, and what is told of strangers' words."""

import shutil
import subprocess

import pytest
from benchmarks.devices.test_every_device import AWKWARD

from micronet_edge_bench.devices import DeviceError
from micronet_edge_bench.devices.quoting import for_any_shell, quoted

SHELLS = ("sh", "dash", "bash", "mksh", "busybox", "fish", "csh")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_passes_every_login_shell_as_it_is(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = quoted(["printf", "%s\\0", *AWKWARD]) + '\ntest "$0" && exit 7'
    words = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    done = subprocess.run([*words, for_any_shell(script)], check=False, capture_output=True)
    assert done.stdout.decode().split("\0")[:-1] == list(AWKWARD)
    assert done.returncode == 7


def test_an_error_is_one_line_whatever_it_quotes():
    assert str(DeviceError("a\nb", "\x1b[2Jgone\r\n")) == "a\\nb: \\x1b[2Jgone\\r\\n"
