"""Errors of microcontrollers: their compiler, their emulator, their serial lines."""

from micronet_edge.errors import MicronetEdgeError


class McuError(MicronetEdgeError):
    """A C file cannot be built, or its program fails on an emulated or a real board."""


class ToolOutputError(Exception):
    """All that a tool printed; the cause of an McuError, so that --debug shows it."""
