"""Translates ssh's messages into errors with a next step."""

import re

from micronet_edge_bench.devices.quoting import one_line

# Messages of ssh about itself, which explain nothing.
_NOISE = re.compile(r"^(?:mux_client_|ControlSocket |Warning: Permanently added|debug\d: |\*\* )")

# The first match wins, since ssh reports a cause before its consequence.
_AT_CONNECT = (
    (
        r"HOST IDENTIFICATION HAS CHANGED|Offending .* key in",
        "its host key differs from known_hosts: if it was reinstalled, remove the old one (`ssh-keygen -R`)",
    ),
    (
        r"Host key verification failed|host key is known for",
        "its host key is unknown here: run `ssh {login}` once by hand and compare the fingerprint",
    ),
    (
        r"Permission denied|Too many authentication failures|No supported authentication methods",
        "asks for a password, or rejects our key: run `ssh-copy-id {login}`, or load the key into ssh-agent",
    ),
    (
        r"Could not resolve hostname|Name or service not known",
        "unknown host name: check it, or add a Host entry to ~/.ssh/config",
    ),
    (r"Connection refused", "refuses the connection: check that sshd runs there on that port"),
    (r"timed out|Timeout", "does not answer in time: check that it is on and reachable"),
    (
        r"No route to host|Network is unreachable|Host is down",
        "cannot be reached: check that it is on and in the same network",
    ),
)


def explain(login: str, stderr: str, *, connected: bool) -> str:
    """Why ssh failed or, if the board was `connected`, was interrupted; `stderr` is its output."""
    said = "\n".join(line for line in stderr.splitlines() if not _NOISE.match(line))
    for pattern, words in _AT_CONNECT:
        if re.search(pattern, said) and not (connected and "not responding" in said):
            return words.format(login=login)
    if connected:
        return f"the connection was lost ({one_line(said)}): check that it is on, then run again"
    return f"cannot be reached ({one_line(said)}): check with `ssh {login} true`"
