"""What ssh complains of, in words with a next step."""

import re

from micronet_edge_bench.devices.quoting import one_line

# Chatter of ssh about itself, which explains nothing.
_NOISE = re.compile(r"^(?:mux_client_|ControlSocket |Warning: Permanently added|debug\d: |\*\* )")

# The first that fits wins: ssh reports a cause before its consequence.
_AT_CONNECT = (
    (
        r"HOST IDENTIFICATION HAS CHANGED|Offending .* key in",
        "its host key is not the one in known_hosts: was it set up anew? If so, `ssh-keygen -R` the old one",
    ),
    (
        r"Host key verification failed|host key is known for",
        "its host key is not known here: `ssh {login}` once by hand and compare the fingerprint it shows",
    ),
    (
        r"Permission denied|Too many authentication failures|No supported authentication methods",
        "asks for a password, or does not know our key: `ssh-copy-id {login}`, or load it into ssh-agent",
    ),
    (
        r"Could not resolve hostname|Name or service not known",
        "no host of that name: check it, or give it a Host entry in ~/.ssh/config",
    ),
    (r"Connection refused", "refuses the connection: does sshd run there, on that port?"),
    (r"timed out|Timeout", "does not answer in time: is it on, and reachable from here?"),
    (
        r"No route to host|Network is unreachable|Host is down",
        "cannot be reached: is it on, and in the same network?",
    ),
)


def explain(login: str, stderr: str, *, connected: bool) -> str:
    """Why ssh failed or, if the board was `connected`, ended in the middle; `stderr` is what it said."""
    said = "\n".join(line for line in stderr.splitlines() if not _NOISE.match(line))
    for pattern, words in _AT_CONNECT:
        if re.search(pattern, said) and not (connected and "not responding" in said):
            return words.format(login=login)
    if connected:
        return f"the connection was lost in the middle ({one_line(said)}): is it still on? Then run again"
    return f"cannot be reached ({one_line(said)}): does `ssh {login} true` work?"
