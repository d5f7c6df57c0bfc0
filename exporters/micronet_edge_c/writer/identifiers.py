"""Names in C, made of names that people gave their files and layers."""

import re

_TAKEN = frozenset(
    """
    alignas alignof and asm auto bool break case catch char class const constexpr continue default
    delete do double else enum explicit export extern false float for friend goto if inline int long
    main mutable namespace new not nullptr operator or private protected public register restrict
    return short signed sizeof static struct switch template this throw true try typedef union
    unsigned using virtual void volatile while xor micronet micronet_f32
    """.split()  # noqa: SIM905 - words are easier to read than quotes
)
_LONGEST = 48


def identifier(name: str) -> str:
    """A C identifier in lower case for a file's name: no keyword of C or C++, and not how kernels start."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST].strip("_")
    if not plain or plain[0].isdigit() or plain in _TAKEN:
        plain = f"network_{plain}".rstrip("_")
    return plain


def file_stem(name: str) -> str:
    """The same name with only what an #include line can hold."""
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)


def string_literal(text: str) -> str:
    """A C string of any text, in UTF-8: without quotes, backslashes, line ends and trigraphs inside."""
    return '"' + "".join(map(_character, text.encode())) + '"'


def comment_text(text: str) -> str:
    """Text that can stand in a C comment: it neither ends it nor starts another."""
    plain = re.sub(r"\s+", " ", text.replace("\\", "/"))
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", plain)


def _character(byte: int) -> str:
    plain = 32 <= byte < 127 and chr(byte) not in '"\\?'  # noqa: PLR2004 - the printable ones
    return chr(byte) if plain else f"\\{byte:03o}"
