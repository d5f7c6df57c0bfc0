"""Ways to damage a file: bits, bytes and lengths of any file, values of JSON, parts of an archive."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from random import Random

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)

Damage = Callable[[bytes, Random], bytes]

_ODD_VALUES: tuple[object, ...] = (
    *(None, True, -1, 0, 1e308, -1e-320, 2**63, 10**400, 0.5, "", "x", "\ud800", "\x1b[31mred\x1b]0;T\x07"),
    *("nan", "../../etc/passwd", "a" * 5000, [], {}, [[]], [None] * 3, {"a": {"b": []}}),
)
_ODD_TEXTS = (
    *(
        '{"version": 1' + "0" * 400 + "}",
        "[" * 200_000,
        '{"a":' * 20_000,
        "NaN",
        "null",
        "1e999",
        '"\\ud800"',
    ),
    *("[1e400]", "\ufeff{}", "{}", "[]", "\x00", "{", "true", '{"version": 1, "version": 2}'),
)


def flip_bits(content: bytes, random: Random) -> bytes:
    """Flips one to four bits."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def flip_early_bits(content: bytes, random: Random) -> bytes:
    """As flip_bits, near the start, where headers are."""
    head = min(len(content), 2048)
    return flip_bits(content[:head], random) + content[head:]


def flip_late_bits(content: bytes, random: Random) -> bytes:
    """As flip_bits, near the end, where a flatbuffer's tables and an archive's directory are."""
    start = max(0, len(content) - 60_000)
    return content[:start] + flip_bits(content[start:], random)


def cut(content: bytes, random: Random) -> bytes:
    """Truncates at a random position."""
    return content[: random.randrange(len(content))]


def splice(content: bytes, random: Random) -> bytes:
    """Removes or doubles a piece, or fills it with zeros or noise."""
    start = random.randrange(len(content))
    end = min(len(content), start + random.choice((1, 4, 64, 4096)))
    piece = content[start:end]
    new = random.choice(
        (b"", piece * 2, bytes(len(piece)), random.randbytes(len(piece)), b"\xff" * len(piece))
    )
    return content[:start] + new + content[end:]


def foreign(content: bytes, random: Random) -> bytes:
    """Unrelated content."""
    start = random.randrange(max(1, len(content) - 4096))
    return random.choice(
        (
            b"",
            b"\n",
            b"a text\n" * 9,
            b"PK\x03\x04" + content[:99],
            content[start : start + 4096],
            bytes(4096),
        )
    )


def damage_json(content: bytes, random: Random) -> bytes:
    """Replaces, removes or renames one value of the JSON text, or returns a text that breaks parsers."""
    if random.random() < 0.2:  # noqa: PLR2004 - one in five
        return random.choice(_ODD_TEXTS).encode()
    value = json.loads(content)
    places: list[tuple[dict[str, object] | list[object], str | int]] = []
    _collect(value, places)
    holder, key = random.choice(places)
    change = random.randrange(4)
    if change == 0:
        del holder[key]  # type: ignore[arg-type]
    elif change == 1 and isinstance(holder, dict):
        holder[f"{key}\x1b[31m"] = holder.pop(str(key))
    else:
        holder[key] = random.choice(_ODD_VALUES)  # type: ignore[index]
    return json.dumps(value).encode()


def _collect(value: object, places: list[tuple[dict[str, object] | list[object], str | int]]) -> None:
    """Collects the places of all values in an object or a list; of long lists the first few."""
    if isinstance(value, dict):
        for key, inner in value.items():
            places.append((value, key))
            _collect(inner, places)
    elif isinstance(value, list):
        for number, inner in enumerate(value[:5]):
            places.append((value, number))
            _collect(inner, places)


def damage_archive(content: bytes, random: Random) -> bytes:
    """Renames, removes or doubles a part, flags it as encrypted, or compresses it in another way."""
    source = zipfile.ZipFile(io.BytesIO(content))
    parts = [(part.filename, source.read(part)) for part in source.infolist()]
    place = random.randrange(len(parts))
    name, data = parts[place]
    change = random.randrange(6)
    if change == 0:
        del parts[place]
    elif change == 1:
        parts[place] = (random.choice(("../x", "\x1b[31m", "a" * 300, "x.npy", "data.pkl")), data)
    elif change == 2:  # noqa: PLR2004
        parts[place] = (name, flip_bits(data, random) if data else b"x")
    elif change == 3:  # noqa: PLR2004
        parts.append((name + "2", data))
    written = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(written, "w") as archive, warnings.catch_warnings(action="ignore"):
        for each, inner in parts:  # with a fixed time; two parts may have the same name
            archive.writestr(zipfile.ZipInfo(each, _FIXED_TIME), inner, method)
    packed = bytearray(written.getvalue())
    if change == 4:  # noqa: PLR2004 - encrypted, says the directory
        packed[packed.find(b"PK\x01\x02") + 8] |= 1
    elif change == 5:  # noqa: PLR2004 - of a method that there is not
        packed[packed.find(b"PK\x01\x02") + 10] = 77
    return bytes(packed)


def damage_lines(content: bytes, random: Random) -> bytes:
    """Adds, removes or replaces lines of a text."""
    lines = content.decode().splitlines()
    odd = (
        "",
        " ",
        "\x1b[31mred\x1b]0;T\x07",
        "a" * 10_000,
        "cat",
        "\u202e",
        "[red]",
        "\x00",
        "a\rb",
        "\u2028",
    )
    for _ in range(random.randint(1, 3)):
        lines.insert(random.randrange(len(lines) + 1), random.choice(odd))
        if random.random() < 0.7:  # noqa: PLR2004 - as many as before, mostly
            del lines[random.randrange(len(lines))]
    return ("\n".join(lines) + "\n").encode()


ANY: tuple[Damage, ...] = (flip_bits, flip_early_bits, flip_late_bits, cut, splice, foreign)
