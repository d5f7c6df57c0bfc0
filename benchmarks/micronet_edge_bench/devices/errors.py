"""Errors of devices."""

from micronet_edge.errors import MicronetEdgeError


class DeviceError(MicronetEdgeError):
    """A device cannot be reached, lacks something or was lost; `device` is its label."""

    def __init__(self, device: str, error_text: str) -> None:
        # Labels come from users and messages from other programs: keep them on one line and visible.
        super().__init__("".join(_shown(character) for character in f"{device}: {error_text}"))
        self.device = device


def _shown(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
