"""What can go wrong with a device."""

from micronet_edge.errors import MicronetEdgeError


class DeviceError(MicronetEdgeError):
    """A device that cannot be reached, lacks something or went away; `device` is its label."""

    def __init__(self, device: str, complaint: str) -> None:
        super().__init__(f"{device}: {complaint}")
        self.device = device
