"""What numbers may be, each with the reason why not more; refused before any work."""

from dataclasses import dataclass

from micronet_edge.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Limit:
    """The least and the most that a setting may be; `why` says what speaks against more."""

    name: str
    least: float
    most: float
    why: str
    whole: bool = True

    def check(self, value: float) -> None:
        """Raises SettingsError on a number out of range, and on what is no such number."""
        kinds = int if self.whole else int | float
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.least <= value <= self.most:
            kind = "a whole number" if self.whole else "a number"
            allowed = f"{kind} from {self.least:,} to {self.most:,}"
            raise SettingsError(f"{self.name} {_short(value)}: give {allowed}, since {self.why}")


def _short(value: object) -> str:
    """A number of any length, cut where it would fill the screen."""
    if isinstance(value, int) and abs(value) >= _LONG:
        return "with more than 20 digits"
    return str(value)


_LONG = 10**20

BATCH = Limit("--batch", 1, 1024, "a file is proven on whole batches, and more images take gigabytes")
MAX_DROP = Limit("--max-drop", 0, 100, "it is in points of top-1, which has 100", whole=False)
PROCESSES = Limit("processes", 1, 256, "each takes hundreds of megabytes of memory")
MOST_EPOCHS = Limit("epochs", 1, 1000, "the weights are as near to the float network as they get in a few")
