"""`micronet-edge deploy`: writes a small, complete app around a file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.foreign_options import ForeignOptions
from micronet_edge.cli.options import DebugOption, OverwriteOption
from micronet_edge.cli.progress import say_what_was_read, waiting
from micronet_edge.cli.shared_options import with_shared_options
from micronet_edge.util.terminal import open_console, say, say_json
from micronet_edge.util.text import plural


@one_line_errors
@with_shared_options
def deploy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A classifier's ONNX or TFLite file.")],
    *,
    to: Annotated[Literal["python", "cpp", "web", "android"], typer.Option(help="The kind of app.")],
    output: Annotated[Path, typer.Option(help="Folder to write the app into; new or empty.")],
    overwrite: OverwriteOption = False,
    foreign: ForeignOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print the names of the files as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Write a small, complete app around a file: it needs nothing of ours afterwards."""
    del debug  # one_line_errors reads it
    from micronet_edge.targets.isolation import expect

    expect(file)  # starts the process that opens the file while this one loads
    with waiting(f"writing the app into {output}"):  # npm fetches a web page's runtime
        from micronet_edge.deployment.deploy import deploy as run
        from micronet_edge.settings import CheckpointSettings

        settings = CheckpointSettings(**foreign.settings())
        deployed = run(file, to, output, overwrite=overwrite, settings=settings)
    say_what_was_read(open_console(err=True), deployed.assumption, deployed.notes)
    if as_json:
        say_json(deployed.summary())
    else:
        say(f"{plural(len(deployed.files), 'file')} in {output}: its README.md says how to start the app")
