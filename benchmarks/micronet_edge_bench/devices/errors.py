"""What can go wrong with a device."""

from micronet_edge.errors import MicronetEdgeError


class DeviceError(MicronetEdgeError):
    """A device that cannot be reached, lacks something or went away; `device` is its label."""

    def __init__(self, device: str, error_text: str) -> None:
        # Labels are a person's text and complaints often a stranger's: they stay on one line, and visible.
        super().__init__("".join(_shown(character) for character in f"{device}: {error_text}"))
        self.device = device


def _shown(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
