"""The errors a user can cause. Each message says what is wrong, where, and the next step."""


class MicronetEdgeError(Exception):
    """Base class of every error that a user can cause and fix; its text is the whole message."""


class CheckpointError(MicronetEdgeError):
    """A checkpoint is missing, damaged, of unknown format, or does not fit the network."""


class NetworkError(MicronetEdgeError):
    """A user's network cannot be built, or its output does not match its metadata."""


class LoweringError(MicronetEdgeError):
    """A pass cannot handle a network, or a pass violates its own contract."""


class TargetError(MicronetEdgeError):
    """A target is unknown, not installed, or cannot write the requested file."""


class ForeignFileError(TargetError):
    """A file of a known format lacks this tool's labels and preprocessing."""

    def __init__(self, source: str, reason: str = "") -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"{source} carries no labels and preprocessing of ours{why}: another tool wrote or changed it: "
            "give `evaluate`, `predict` or `deploy` --input-size, --labels, --mean and --std as well; "
            "`count` and `bench` take the file as it is; `verify` and `sensitivity` need a file that "
            "`export` or `quantize` wrote"
        )


class VerificationError(MicronetEdgeError):
    """A file does not compute the network's function, or contains a forbidden operator."""


class OutputError(MicronetEdgeError):
    """The result cannot be written to its place."""


class SettingsError(MicronetEdgeError):
    """Settings contradict each other or are out of range."""
