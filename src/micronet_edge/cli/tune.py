"""`micronet-edge tune`: measures what operators cost on a device, for `export --tuning`."""

from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import OverwriteOption
from micronet_edge.cli.progress import progress, say_what_runs
from micronet_edge.cli.tune_tables import gains, print_trials
from micronet_edge.util.terminal import open_console, say, say_json

_FAMILY = ("m0", "m1", "m2", "m3")


@one_line_errors
def tune(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VARIANT|CHECKPOINT",
            help="Networks to tune for.",
            show_default=" ".join(_FAMILY),
        ),
    ] = None,
    *,
    device: Annotated[str, typer.Option(help="local, ssh://USER@HOST[:PORT] or adb://SERIAL.")] = "local",
    table: Annotated[
        list[str] | None,
        typer.Option(help="onnxruntime, portable, xnnpack or integer; may be repeated.", show_default="all"),
    ] = None,
    tuning: Annotated[
        Path | None, typer.Option(help="Tuning file to start from.", show_default="the bundled costs")
    ] = None,
    output: Annotated[Path, typer.Option(help="Tuning file to write.")] = Path("tuning.json"),
    overwrite: OverwriteOption = False,
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Install missing packages on the board, in a separate folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every trial as JSON.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Measure operator costs on a device, so that `export --tuning` picks the fastest layout."""
    del debug  # one_line_errors reads it

    from micronet_edge.util.output_files import check_reports, write_text

    given = [Path(name) for name in networks or ()] + [path for path in (tuning,) if path is not None]
    check_reports({"--output": output}, inputs=given, overwrite=overwrite)

    with progress(open_console(err=True)) as report:
        from micronet_edge_bench.tuning.tuning_run import fitted_tables, tuned_on

        say_what_runs(*(networks or ()))
        found, trials = tuned_on(
            device,
            tuple(networks or _FAMILY),
            tables=tuple(table or ()),
            start=tuning,
            bootstrap=bootstrap,
            report=report,
        )
    write_text(found, output, overwrite=overwrite)
    if as_json:
        say_json([asdict(trial) | {"time": trial.time} for trial in trials])
        return
    print_trials(trials)
    say(f"tuning: {output}; use it with: micronet-edge export NETWORK --tuning {quote(str(output))}")
    for line in gains(trials, fitted_tables(tuple(table or ()))):
        say(line)
