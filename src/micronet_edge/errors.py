"""What can go wrong for a user, each error saying what, where and the next step."""


class MicronetEdgeError(Exception):
    """Root of every error that a user can cause and mend; its text is the whole message."""


class CheckpointError(MicronetEdgeError):
    """A checkpoint that is missing, damaged, foreign or not of the network asked for."""


class NetworkError(MicronetEdgeError):
    """A network of one's own that cannot be built, or does not give what its metadata says."""


class LoweringError(MicronetEdgeError):
    """A network that a pass cannot take, or a pass that broke its own contract."""


class TargetError(MicronetEdgeError):
    """A target that is unknown, not installed, or cannot write what was asked for."""


class ForeignFileError(TargetError):
    """A file of a known format that carries none of this tool's labels and preprocessing."""

    def __init__(self, source: str, reason: str = "") -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"{source} carries no labels and preprocessing of ours{why}: another tool wrote or changed it: "
            "give `evaluate` --input-size, --labels, --mean and --std beside it; `count` and `bench` take it "
            "as it is; `verify` and `sensitivity` need a file that `export` or `quantize` wrote"
        )


class VerificationError(MicronetEdgeError):
    """A file that does not compute the network's function, or holds a forbidden operator."""


class OutputError(MicronetEdgeError):
    """A place where the result cannot be written."""


class SettingsError(MicronetEdgeError):
    """Settings that contradict each other or lie outside what the network can do."""
