"""docs/compatibility.md, from the results and the table of clients alone."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from clients.client_table import Client
from clients.results import Results, Row, Verdict, WrittenKind

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

_HEADINGS = {
    "onnx": "ONNX files",
    "tflite": "TFLite files",
    "pt2": "The lowered network, as a program of torch.export",
}
_CELLS: dict[Verdict, str] = {
    "equal": "yes",
    "close": "nearly",
    "wrong": "**wrong**",
    "does not run": "no",
    "does not load": "no",
}
_UNMEASURED = "-"
_INTRODUCTION = """\
# Which programs open the files

Every kind of file, opened and run in other programs, each in an environment of its own, on {images} images of
each of {networks}. Scores are compared with those of ONNX Runtime or LiteRT on the same file.
`make compatibility` writes this page from [its results](../benchmarks/results/compatibility.json);
[benchmarks/clients](../benchmarks/clients/README.md) says how. All of it ran on {machine}.

- **yes**: it loads, runs, gives the same class on all images, and scores as near as rounding explains: 0.1 %
  of the largest score; 5 % where the file computes in integers.
- **nearly**: some class differs, or scores differ more, by at most a fifth of the largest score.
- **wrong**: it runs and computes something else.
- **no**: it does not load or does not run. **some**: it depends on the file. **-**: not measured.

`--fused` files hold functions of ONNX. For a program that knows none, export without the option, or write
the functions out with `onnx.inliner.inline_local_functions`. int8-a16 files as ONNX are for ONNX Runtime,
from 1.17, and for programs that know its operators of 16 bits. What else helps stands with each client below.
"""


def page(results: Results, clients: Iterable[Client]) -> str:
    """The page as Markdown."""
    listed = tuple(clients)
    networks = sorted({row.network for row in results.rows})
    images = max((row.images for row in results.rows), default=0)
    lines = [
        _INTRODUCTION.format(images=images, networks=" and ".join(networks), machine=results.machine),
        *(line for each in _HEADINGS for line in _overview(each, results, listed)),
        "## Client by client",
        "",
        "The largest difference is that of a logit, or of a probability where all files give those.",
        "",
        *(line for client in listed for line in _details(client, results)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _overview(format_: str, results: Results, clients: tuple[Client, ...]) -> Iterator[str]:
    """One row a client, one column a sort of files."""
    kinds = [kind for kind in results.kinds if kind.format == format_]
    columns = list(dict.fromkeys(_column(kind) for kind in kinds))
    readers = [client for client in clients if format_ in client.reads]
    if not columns or not readers:
        return
    yield from (f"## {_HEADINGS[format_]}", "")
    yield f"| | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for client in readers:
        named = f"[{client.name}](#{_anchor(client.name)})"
        cells = (
            _cell(client, {each.name for each in kinds if _column(each) == title}, results)
            for title in columns
        )
        yield f"| {named} | {' | '.join(cells)} |"
    yield ""


def _column(kind: WrittenKind) -> str:
    """What stands together in the overview: where pixels go in, by whatever option, it is one column."""
    name = kind.name.removeprefix(f"{kind.format}-")
    precision = next(each for each in ("float32", "float16", "int8-a16", "int8") if name.startswith(each))
    parts = [precision]
    parts += [f"`--{each}`" for each in ("portable", "fused") if f"-{each}" in name]
    parts += ["`--for micro`"] if "-runtime-micro" in name else []
    if re.search(r"-(io|pixels|layout)-", name) and "-runtime-" not in name:
        parts.append("pixels in")
    elif "-scores-" in name:
        parts.append("probabilities")
    return ", ".join(parts)


def _cell(client: Client, kinds: set[str], results: Results) -> str:
    if client.untried is not None or client.name in results.uninstalled:
        return _UNMEASURED
    found = {_CELLS[row.verdict] for row in results.rows if row.client == client.name and row.kind in kinds}
    if not found:
        return _UNMEASURED
    if _CELLS["wrong"] in found:
        return _CELLS["wrong"]
    if found == {_CELLS["equal"], _CELLS["close"]}:
        return _CELLS["close"]
    return found.pop() if len(found) == 1 else "some"


def _details(client: Client, results: Results) -> Iterator[str]:
    yield from (f"### {client.name}", "")
    why = client.untried or results.uninstalled.get(client.name)
    if why is not None:
        yield from (f"Not {'tried' if client.untried else 'installed'}: {_cleaned(why)}", "")
    for note in client.notes:
        yield f"- {note}"
    if client.notes:
        yield ""
    rows = [row for row in results.rows if row.client == client.name]
    if rows:
        yield "| files | loads | runs | same class | largest difference | note |"
        yield "|---|---|---|---|---|---|"
        yield from (_line(each, results) for each in _alike(rows, results))
        yield ""


def _alike(rows: list[Row], results: Results) -> list[list[Row]]:
    """Rows with the same outcome, in the order of the kinds."""
    places = {kind.name: place for place, kind in enumerate(results.kinds)}
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (places.get(row.kind, len(places)), row.network)):
        found.setdefault((row.verdict, row.in_integers, row.error), []).append(row)
    return list(found.values())


def _line(rows: list[Row], results: Results) -> str:
    first = rows[0]
    cells = [_files(rows, results), _yes(first.loads), _yes(first.runs)]
    if first.runs:
        same, images = (sum(each) for each in zip(*((row.same, row.images) for row in rows), strict=True))
        difference = max(row.difference or 0.0 for row in rows)
        cells += [f"{same} of {images}", f"{difference:.0e}" if difference else "0"]
    else:
        cells += ["", ""]
    cells.append("**wrong**" if first.verdict == "wrong" else _cleaned(first.error))
    return f"| {' | '.join(cells)} |"


def _files(rows: list[Row], results: Results) -> str:
    """The kinds of some rows, with the network where not all networks are among them."""
    networks = {row.network for row in results.rows}
    commands = {kind.name: _command(kind) for kind in results.kinds}
    words = []
    for name in dict.fromkeys(row.kind for row in rows):
        among = [row.network for row in rows if row.kind == name]
        only = "" if len(among) == len(networks) else f" ({' and '.join(among)})"
        words.append(commands.get(name, name) + only)
    return ", ".join(words)


def _command(kind: WrittenKind) -> str:
    named = {"onnx": "ONNX", "tflite": "TFLite"}.get(kind.format, kind.format)
    return f"{named} `{kind.options}`" if kind.options else f"{named} default"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _cleaned(text: str) -> str:
    """A client's words, so that a table holds them as they are."""
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`" if text else ""


def _anchor(name: str) -> str:
    """The anchor that Markdown pages give a heading."""
    return re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-")
