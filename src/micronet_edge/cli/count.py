"""`micronet-edge count`: arithmetic, parameters and memory of one inference, counted from the graph."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import (
    DebugOption,
    FactoryWeightsOption,
    InputShapeOption,
    InputSizeOption,
    input_shapes,
)
from micronet_edge.cli.progress import say_what_runs, waiting
from micronet_edge.util.terminal import open_console, say_json

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge.counting import Count
    from micronet_edge.pipeline.count import SourceCount

_UNKNOWN = "not available"
_NONE = "-"


@one_line_errors
def count(
    source: Annotated[
        str,
        typer.Argument(
            metavar="VARIANT|FILE|FACTORY",
            help="m0 to m3, a checkpoint, an ONNX or TFLite file, or a function that builds a network: "
            "package.module:name or file.py:name.",
        ),
    ],
    *,
    input_size: InputSizeOption = None,
    input_shape: InputShapeOption = None,
    weights: FactoryWeightsOption = None,
    per_layer: Annotated[
        bool, typer.Option("--per-layer", help="Show the figures of each layer as well.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Count parameters, multiply-adds, other arithmetic and memory of one inference."""
    del debug  # one_line_errors reads it
    from micronet_edge.targets.isolation import expect

    expect(Path(source))  # starts the process that opens the file while this one imports PyTorch
    with waiting(f"counting {source}"):
        from micronet_edge.models.own_networks import with_weights
        from micronet_edge.pipeline.count import count_source

        say_what_runs(source)
        given = source if weights is None else with_weights(source, weights)
        counted = count_source(given, input_size, input_shapes(input_shape or ()))
    if as_json:
        say_json(counted.summary(per_layer=per_layer))
    else:
        _print_all(counted, per_layer=per_layer)


def _print_all(counted: "SourceCount", *, per_layer: bool) -> None:
    console = open_console()
    console.print(counted.source)
    if per_layer:
        console.print(_layers(counted.count))
    console.print(_totals(counted))
    for line in _lines(counted.count):
        console.print(line, soft_wrap=False)


def _totals(counted: "SourceCount") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from micronet_edge.pipeline.count import CHECKPOINT, NETWORK, VARIANT

    columns = [_figures(each) for each in (counted.count, counted.network) if each is not None]
    images = counted.count.images
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("one inference" if images == 1 else f"one inference of {images} images", no_wrap=True)
    this = counted.kind if counted.kind in {VARIANT, CHECKPOINT, NETWORK} else "file"
    trained = "the network as trained" if images == 1 else "the network, 1 image"
    for heading in (f"this {this}", trained)[: len(columns)]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in zip(*columns, strict=True):
        table.add_row(row[0][0], *(value for _, value in row))
    return table


def _figures(found: "Count") -> list[tuple[str, str]]:
    from micronet_edge.counting.digits import in_bytes, three_digits

    total, known = found.total, found.shift_max_known
    return [
        ("parameters", three_digits(total.params)),
        ("weights", in_bytes(total.weight_bytes)),
        ("other stored numbers", in_bytes(total.constant_bytes)),
        ("multiply-adds, convolution + linear", three_digits(total.conv_linear_madds)),
        ("multiply-adds of Dynamic Shift-Max", three_digits(total.shift_max_madds) if known else _UNKNOWN),
        ("multiply-adds as the paper counts", three_digits(total.paper_madds) if known else _UNKNOWN),
        ("other operations", three_digits(total.other_operations)),
        ("peak activation memory", in_bytes(total.activation_bytes)),
    ]


def _layers(found: "Count") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from micronet_edge.counting.digits import in_bytes, three_digits
    from micronet_edge.util.layer_names import common_start

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    left_out = common_start(found.layers)  # 80 columns have no room for the common prefix
    table.add_column(f"layer ({left_out} left out)" if left_out else "layer", overflow="fold")
    for heading in ("params", "conv +\nlinear", "Shift-\nMax", "other", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer, figures in found.layers.items():
        numbers = (figures.params, figures.conv_linear_madds, figures.shift_max_madds)
        shown = [three_digits(number) if number else _NONE for number in (*numbers, figures.other_operations)]
        memory = in_bytes(figures.activation_bytes) if figures.activation_bytes else _NONE
        table.add_row(layer.removeprefix(left_out), *shown, memory)
    return table


def _lines(found: "Count") -> list[str]:
    from micronet_edge.counting.memory import METHOD

    lines = []
    if found.peak is not None:
        lines.append(f"Peak at {found.peak.name} ({found.peak.kind}): {METHOD}.")
    if not found.shift_max_known:
        lines.append(
            "Dynamic Shift-Max: the names in this file do not identify its multiply-adds. They count as "
            "other operations or matrix products."
        )
    lines += [f"Note: {note}." for note in found.notes]
    uncounted = ", ".join(f"{kind} ({number})" for kind, number in found.uncounted.items())
    lines.append(f"Not counted: {uncounted or 'nothing'}.")
    return lines
