"""The devices: this machine, boards over ssh, phones over adb. device.py says how to add one."""

from micronet_edge_bench.devices.adb import AdbDevice
from micronet_edge_bench.devices.bootstrap import require
from micronet_edge_bench.devices.device import Device, DeviceFacts
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.local import LocalDevice
from micronet_edge_bench.devices.ssh import SshDevice

__all__ = ["Device", "DeviceError", "DeviceFacts", "find_device", "require"]


def find_device(url: str, *, wants_python: bool = True) -> Device:
    """The device named `local`, `ssh://[USER@]HOST[:PORT]` or `adb://SERIAL`.

    Without `wants_python` it only runs pushed programs.
    Raises DeviceError on any other name. It connects only in `connect`.
    """
    if url == "local":
        return LocalDevice()
    if url.startswith("ssh://"):
        return SshDevice(url)
    if url.startswith("adb://"):
        return AdbDevice(url, wants_python=wants_python)
    raise DeviceError(repr(url), "is not a device: give local, ssh://USER@HOST[:PORT] or adb://SERIAL")
