"""Translates adb's messages into errors with a next step."""

import re

from micronet_edge_bench.devices.quoting import one_line

_REASONS = (
    (
        r"unauthorized|still authorizing",
        "the phone does not trust this computer yet: unlock it and accept the prompt",
    ),
    (r"no permissions|insufficient permissions", "this user may not access it: install Android's udev rules"),
    (r"offline", "the phone is offline: unplug it and plug it in again, or `adb reconnect`"),
    (
        r"server|daemon|smartsocket",
        "adb's server does not run ({said}): try `adb kill-server`, `adb devices`",
    ),
)


def explain(serial: str, stderr: str, *, connected: bool) -> str:
    """Why adb failed or, if the phone was `connected`, was interrupted; `stderr` is its output."""
    # In a message of several lines the first is the error, the others are hints.
    errors = [line for line in stderr.splitlines() if line.startswith("error: ")]
    said = errors[0] if errors else one_line(stderr)
    if connected:
        return f"the connection was lost ({said}): check that it is plugged in, then run again"
    for pattern, words in _REASONS:
        if re.search(pattern, said):
            return words.format(said=said)
    if "not found" in said or "no devices" in said:
        reach = f"`adb connect {serial}`" if ":" in serial else "plug it in, allow USB debugging"
        return f"adb knows no phone with that serial: {reach}, then check `adb devices`"
    return f"cannot be reached ({said}): check `adb devices`"
