"""The command line: one file per command. A command calls public functions and shows progress."""

from typing import Annotated

import typer

from micronet_edge.cli.bench import bench
from micronet_edge.cli.count import count
from micronet_edge.cli.demo import demo
from micronet_edge.cli.deploy import deploy
from micronet_edge.cli.doctor import doctor
from micronet_edge.cli.estimate import estimate
from micronet_edge.cli.evaluate import evaluate
from micronet_edge.cli.export import export
from micronet_edge.cli.fit import fit
from micronet_edge.cli.models import models
from micronet_edge.cli.predict import predict
from micronet_edge.cli.quantize import quantize
from micronet_edge.cli.sensitivity import sensitivity
from micronet_edge.cli.train import train
from micronet_edge.cli.tune import tune
from micronet_edge.cli.usage import Command, Group
from micronet_edge.cli.verify import verify
from micronet_edge.util.terminal import guarded

app = typer.Typer(
    cls=Group,
    help="Exports PyTorch MicroNets to fast ONNX and TFLite files that compute the same function.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from micronet_edge.data.metadata import tool_version
        from micronet_edge.util.terminal import say

        say(f"micronet-edge {tool_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    del version  # its callback has printed it


for command in (
    demo,
    models,
    train,
    export,
    quantize,
    verify,
    evaluate,
    predict,
    deploy,
    sensitivity,
    count,
    bench,
    tune,
    estimate,
    fit,
    doctor,
):
    app.command(cls=Command)(command)

# The name before 0.2.0; 0.3.0 removes it.
app.command("blame", cls=Command, hidden=True)(sensitivity)


def main() -> None:
    """Runs the console script."""
    with guarded():
        app()
