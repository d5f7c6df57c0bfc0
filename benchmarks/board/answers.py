"""Do files answer on the board as they do here, bit for bit? answers.py FILE...

Needs start.sh running and MICRONET_EDGE_SSH as it says. Int8 TFLite files do; what computes in float differs
in the last bits between processors.
"""

import sys
from pathlib import Path

from micronet_edge.util.terminal import say
from micronet_edge_bench.inputs import prepare
from micronet_edge_bench.measuring import measure
from micronet_edge_bench.runner.plan import Settings

_FEW = Settings(processes=1, rounds=1, least_warmup=1, most_warmup=1)


def main(files: list[Path]) -> int:
    """Prints a line for each file; 1 where an answer differs or is not to be had."""
    here, board = measure(prepare(files), ["local", "ssh://board"], _FEW)
    for run in (here, board):
        if run.error:
            sys.exit(run.error)
    differing = 0
    for ours, theirs in zip(here.files, board.files, strict=True):
        same = ours.output_sha256 == theirs.output_sha256
        differing += not same
        say(f"{'same     ' if same else 'different'}  {ours.name}")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
