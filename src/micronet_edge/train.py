"""`torchrun --nproc-per-node 2 -m micronet_edge.train ...`: the command `train` in several processes.

It takes the arguments of `micronet-edge train`. torchrun starts modules, not console scripts.
"""

import sys

import micronet_edge

if __name__ == "__main__":
    import typer

    from micronet_edge.cli.train import train
    from micronet_edge.cli.usage import Command
    from micronet_edge.util.terminal import guarded

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=Command)(train)
    with guarded():
        app()
elif __name__ == f"{micronet_edge.__name__}.train":
    # An import binds the package's attribute to this module; `micronet_edge.train` stays the function.
    sys.modules[__name__] = micronet_edge.train  # type: ignore[assignment]  # a function
