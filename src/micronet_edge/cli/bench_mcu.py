"""`micronet-edge bench` on microcontrollers: counts instead of times, so most of its options do not apply."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import typer

from micronet_edge.util.terminal import say, say_json

Progress = Callable[[], AbstractContextManager[Callable[[str, str, float, float], None]]]
"""Shows progress on the terminal while a measurement runs."""


def bench_mcu(
    files: Sequence[Path],
    devices: Sequence[str],
    against: Path | None,
    output: Path | None,
    *,
    unused: Mapping[str, bool],
    profile: bool,
    overwrite: bool,
    as_json: bool,
    progress: Progress,
) -> None:
    """Measures, writes the results and prints them; `unused` says which options of timing were given."""
    from micronet_edge.cli.mcu_tables import print_all
    from micronet_edge.util.output_files import check_reports
    from micronet_edge_bench.mcu.benching import bench
    from micronet_edge_bench.mcu.results import write_mcu_results

    if given := [option for option, is_given in unused.items() if is_given]:
        raise typer.BadParameter(
            "applies to files that are timed, not to microcontrollers: leave it out", param_hint=given[0]
        )
    read = [*files, *([against] if against is not None else [])]
    check_reports({"--output": output}, inputs=read, overwrite=overwrite)
    with progress() as report:
        results = bench(files, devices, against=against, profile=profile, progress=report)
    if output is not None:
        write_mcu_results(results, output, overwrite=overwrite)
    if as_json:
        say_json(results.summary())
        return
    print_all(results, profile=profile)
    if output is not None:
        say(f"results: {output}")
