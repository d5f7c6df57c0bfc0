"""The command line: one file per command; each strings public functions together and shows progress."""

import typer

from micronet_edge.cli.bench import bench
from micronet_edge.cli.count import count
from micronet_edge.cli.estimate import estimate
from micronet_edge.cli.evaluate import evaluate
from micronet_edge.cli.export import export
from micronet_edge.cli.models import models
from micronet_edge.cli.quantize import quantize
from micronet_edge.cli.sensitivity import sensitivity
from micronet_edge.cli.tune import tune
from micronet_edge.cli.usage import Command, Group
from micronet_edge.cli.verify import verify
from micronet_edge.util.terminal import guarded

app = typer.Typer(
    cls=Group,
    help="Takes a PyTorch MicroNet to ONNX and TFLite files that compute the same function, fast.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


for command in (models, export, quantize, verify, evaluate, sensitivity, count, bench, tune, estimate):
    app.command(cls=Command)(command)

# What it was called before 0.2.0; leaves with 0.3.0.
app.command("blame", cls=Command, hidden=True)(sensitivity)


def main() -> None:
    """The console script."""
    with guarded():
        app()
