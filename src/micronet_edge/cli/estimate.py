"""`micronet-edge estimate`: Vela's estimate for an Ethos-U NPU, without the hardware."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.progress import waiting
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.util.terminal import open_console, say, say_json
from micronet_edge.util.text import plural

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge_bench.estimates.vela import Estimate


_INTEGER_BORDERS = (
    "hint: this file takes and gives float32, which the CPU has to convert: write it",
    "with `micronet-edge quantize --io int8`, which takes and gives integers",
)


@one_line_errors
def estimate(
    file: Annotated[Path, typer.Argument(metavar="FILE.tflite", help="An int8 TFLite file.")],
    *,
    npu: Annotated[
        str, typer.Option(help="ethos-u55-32 to -256, ethos-u65-256, -512, ethos-u85-128 to -2048.")
    ],
    system_config: Annotated[
        str | None, typer.Option(help="Vela's name for clock and memories.", show_default="Vela's choice")
    ] = None,
    memory_mode: Annotated[
        str | None,
        typer.Option(help="Vela's name for the use of the memories.", show_default="Vela's choice"),
    ] = None,
    per_layer: Annotated[bool, typer.Option("--per-layer", help="Show every layer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the estimate as JSON.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Estimate latency and memory on an Ethos-U NPU with Arm's compiler Vela; measures nothing."""
    del debug  # one_line_errors reads it
    with waiting(f"compiling {file} with Vela"):
        from micronet_edge_bench.estimates.vela import estimate as run

        found = run(file, npu, system_configuration=system_config, memory_mode=memory_mode)
    if as_json:
        say_json(found.summary(per_layer=per_layer))
    else:
        _print_all(found, per_layer=per_layer)
        if found.borders_fall_back and not _takes_integers(file):
            for line in _INTEGER_BORDERS:
                say(line)


def _takes_integers(file: Path) -> bool:
    """Whether the file's borders are int8 already, as far as it says."""
    from micronet_edge.targets.readers import read_metadata

    try:
        return read_metadata(file).io == "int8"
    except MicronetEdgeError:  # a file of another tool
        return False


def _print_all(found: "Estimate", *, per_layer: bool) -> None:
    console = open_console()
    for line in _lines(found):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(f"{'Layers' if per_layer else 'Operators on the NPU'}, {found.kind}")
    console.print(_layers(found) if per_layer else _operators(found))
    if found.fallbacks:
        console.print(f"Operators on the CPU, {found.kind}")
        console.print(_fallbacks(found))


def _lines(found: "Estimate") -> list[str]:
    clock = f"{found.clock_hz / 1e6:g} MHz"
    weights, compressed = found.weights_bytes / 1e6, found.compressed_weights_bytes / 1e6
    memory = ", ".join(f"{_memory(kind)} {size / 1e6:.2f} MB" for kind, size in found.memory_bytes.items())
    lines = [
        f"{found.file} on {found.npu}: {found.kind}",
        f"time      {found.seconds * 1e3:.2f} ms, {found.inferences_per_second:.3g} inferences a second",
        f"cycles    {found.cycles:,} at {clock}, of which the NPU computes for {found.npu_cycles:,}",
        f"memory    {memory}",
        f"weights   {weights:.2f} MB, {compressed:.2f} MB compressed",
        f"MAdds     {found.madds / 1e6:.1f} M, as Vela counts them after its own rewrites",
        f"assumed   {found.system_configuration}, {found.memory_mode}",
    ]
    if not found.fallbacks:
        return [*lines, "CPU       no operator falls back to it"]
    count = len(found.fallbacks)
    fall = plural(count, "operator falls", "operators fall")
    return [*lines, f"CPU       {fall} back to it; no figure here includes their time"]


def _memory(kind: str) -> str:
    return kind.upper() if kind.endswith("ram") else kind.replace("_", " ")


def _operators(found: "Estimate") -> "Table":
    """The cycles by kind of operator in the file, most expensive first."""
    cycles, madds, count = Counter[str](), Counter[str](), Counter[str]()
    for layer in found.layers:
        if layer.on_npu:
            count[layer.original] += 1
            cycles[layer.original] += layer.cycles
            madds[layer.original] += layer.madds
    rows = (
        (name, str(count[name]), f"{of:,}", f"{of / found.cycles:.1%}", f"{madds[name] / 1e6:.2f}")
        for name, of in cycles.most_common()
    )
    headings = ("operator in the file", "parts", "cycles", "share", "MAdds, M")
    return _table(headings, rows, left=1)


def _layers(found: "Estimate") -> "Table":
    rows = (
        (
            layer.name,
            layer.operator if layer.on_npu else "on the CPU",
            f"{layer.cycles:,}" if layer.on_npu else "",
            f"{layer.cycles / found.cycles:.1%}" if layer.on_npu else "",
            f"{layer.utilization:.0%}" if layer.on_npu else "",
            f"{layer.sram_bytes / 1e3:.0f}" if layer.on_npu else "",
        )
        for layer in found.layers
    )
    headings = ("layer", "operator", "cycles", "share", "MAC\nuse", "SRAM,\nkB")
    return _table(headings, rows, left=2)


def _fallbacks(found: "Estimate") -> "Table":
    """The operators that fall back to the CPU, grouped, with the first line of Vela's reason."""
    alike = Counter(
        (each.operator, (each.reason or "Vela gives none").partition("\n")[0]) for each in found.fallbacks
    )
    rows = ((operator, str(count), reason) for (operator, reason), count in alike.most_common())
    return _table(("operator", "times", "reason by Vela"), rows, left=3)


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, left: int) -> "Table":
    """A table whose first `left` columns hold text, the others figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, heading in enumerate(headings):
        words = number < left
        table.add_column(heading, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
