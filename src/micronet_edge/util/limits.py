"""Limits of numeric settings, each with its reason, checked before any work."""

from dataclasses import dataclass

from micronet_edge.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Limit:
    """The minimum and maximum of a setting; `why` is the reason for the maximum."""

    name: str
    least: float
    most: float
    why: str
    whole: bool = True

    def check(self, value: float) -> None:
        """Raises SettingsError on a value that is out of range or not such a number."""
        kinds = int if self.whole else int | float
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.least <= value <= self.most:
            kind = "a whole number" if self.whole else "a number"
            allowed = f"{kind} from {self.least:,} to {self.most:,}"
            raise SettingsError(f"{self.name} {_short(value)}: give {allowed}, since {self.why}")


def _short(value: object) -> str:
    """The number as text; long numbers are shortened."""
    if isinstance(value, int) and abs(value) >= _LONG:
        return "with more than 20 digits"
    return str(value)


_LONG = 10**20

BATCH = Limit("--batch", 1, 1024, "a file is proven on whole batches, and more images take gigabytes")
MAX_DROP = Limit("--max-drop", 0, 100, "it is in points of top-1, of which there are 100", whole=False)
THREADS = Limit("threads", 1, 256, "more than a machine has only wait for each other")
TOP = Limit("--top", 1, 1000, "no one reads more classes of an image")
PROCESSES = Limit("processes", 1, 256, "each takes hundreds of megabytes of memory")
MOST_EPOCHS = Limit("epochs", 1, 1000, "fine-tuning converges within a few")

MOST_PIXELS = 4096
"""Maximum side of an image: at this size one image and the stem's output take half a GB."""


def check_input_size(size: int) -> int:
    """The size itself, in pixels.

    Raises SettingsError unless it is at least 1, and at most MOST_PIXELS.
    """
    if size > MOST_PIXELS:
        raise SettingsError(
            f"input size {size} px: this tool takes at most {MOST_PIXELS} px, since one image of that size "
            "and the first layer's output take half a GB: give a smaller size"
        )
    if size < 1:
        raise SettingsError(f"input size {size} px: give 1 px or more")
    return size
