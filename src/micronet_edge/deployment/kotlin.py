"""Values as Kotlin writes them."""


def kotlin_string(text: str) -> str:
    """The text as a string literal in ASCII, of which Kotlin reads the same text."""
    return f'"{"".join(map(_escaped, text))}"'


def constant(name: str, value: str, meaning: str = "") -> str:
    """A line that declares a constant, with what it means."""
    return f"const val {name} = {value}{f' // {meaning}' if meaning else ''}"


def _escaped(character: str) -> str:
    if character in '"\\$':
        return f"\\{character}"
    if character.isascii() and character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
