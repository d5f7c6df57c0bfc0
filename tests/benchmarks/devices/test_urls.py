"""What names a device, and what does not."""

import pytest

from micronet_edge_bench.devices import DeviceError, find_device
from micronet_edge_bench.devices.ssh import Address, read_address


@pytest.mark.parametrize(
    "url", ["local", "ssh://board", "ssh://pi@10.0.0.7:2222", "adb://R58M1234", "adb://a:5555"]
)
def test_a_device_keeps_the_name_it_was_given(url):
    assert find_device(url).label == url


@pytest.mark.parametrize(
    ("label", "address"),
    [
        ("ssh://board", Address(None, "board", None)),
        ("ssh://pi@board.lan:22/", Address("pi", "board.lan", 22)),
        ("ssh://my_board-2", Address(None, "my_board-2", None)),
        ("ssh://first.last@x@host", Address("first.last@x", "host", None)),
        ("ssh://root@[fe80::1%eth0]:2222", Address("root", "fe80::1%eth0", 2222)),
    ],
)
def test_addresses(label, address):
    assert read_address(label) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "Local",
        "localhost",
        "ftp://host",
        "ssh:host",
        "ssh://",
        "ssh://@host",
        "ssh://-oProxyCommand=touch hacked",
        "ssh://-oProxyCommand=touch${IFS}hacked",
        "ssh://user@-lroot",
        "ssh://-user@host",
        "ssh://host;touch hacked",
        "ssh://$(touch hacked)",
        "ssh://`touch`",
        "ssh://a b",
        "ssh://it's",
        'ssh://"host"',
        "ssh://line\nbreak",
        "ssh://host:0",
        "ssh://host:65536",
        "ssh://host:port",
        "ssh://host/path",
        "ssh://::1",
        "adb://",
        "adb://line\nbreak",
    ],
)
def test_anything_else_is_one_clear_line(url, refusal):
    error_line = refusal(DeviceError, find_device, url)
    assert "give" in error_line
    assert error_line.isprintable()
