"""Times files side by side in one fresh process, in rounds that alternate between them.

As a program it prints the samples of the files named on its command line as JSON.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from micronet_edge.photographs import photographs
from micronet_edge.targets import read_metadata, target_of

WARM_UP_ROUNDS = 30

Samples = dict[str, list[int]]
"""Nanoseconds of every timed inference, by file name, in the order they were taken."""


def sample_in_fresh_process(files: list[Path], rounds: int, threads: int = 1) -> Samples:
    """The samples of a new process: a process's memory layout moves small networks by several percent."""
    command = [
        sys.executable,
        "-m",
        "micronet_edge_bench.sampling",
        str(rounds),
        str(threads),
        *map(str, files),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
    samples: Samples = json.loads(done.stdout)
    return samples


def sample(files: list[Path], rounds: int, threads: int) -> Samples:
    """Times `rounds` inferences of every file, one file after the other in each round."""
    inferences = {}
    for path in files:
        image = read_metadata(path).preprocessing.batch(photographs()[:1])
        inferences[path.name] = target_of(path).open(path, threads).prepared(image)
    samples: Samples = {name: [] for name in inferences}
    for number in range(WARM_UP_ROUNDS + rounds):
        for name, infer in inferences.items():
            start = time.perf_counter_ns()
            infer()
            elapsed = time.perf_counter_ns() - start
            if number >= WARM_UP_ROUNDS:
                samples[name].append(elapsed)
    return samples


if __name__ == "__main__":
    wanted, cores, *paths = sys.argv[1:]
    sys.stdout.write(json.dumps(sample([Path(path) for path in paths], int(wanted), int(cores))))
