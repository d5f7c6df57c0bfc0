"""Whether a training step with the layers' training forms is faster and leaner than with the plain layers.

    python benchmarks/suites/training_step.py

runs m1 and m3 at 96 and 224 px, 32 images a batch, both ways side by side: forward, backward and an SGD
step with momentum. The plain layers are as the authors write them, under autograd, with the default SGD;
for them every layer is told that no gradient is wanted. Ours take the compiled loops of training and
SGD(fused=True), the optimizer that this package trains with. Each way runs in a fresh process; both are
alive at once and step in turn, in an order that alternates, several times anew. Wall-clock time counts the
other programs of a busy machine; the time on the CPU, measured in the same steps, leaves out their turns but
not their share of the caches.

Memory is the peak during one step of what PyTorch's allocator has handed out since the step began, from
torch.profiler: all maps, gradients and scratch, exactly. It leaves out what lives longer: weights, momentum
and images. Next to it stands how far the process grew over its first steps (ru_maxrss), allocator and all.

Writes benchmarks/results/training_step.json.
"""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Annotated, Any, Self

import torch
import typer
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from micronet_edge.models import MicroNet, dynamic_shift_max, micro_factorized, micronet, shuffled_activation
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say
from micronet_edge_bench.runner.facts import environment, passing_facts
from micronet_edge_bench.statistics import ratio_in_turn

VARIANTS, SIZES, BATCH, CLASSES = ("m1", "m3"), (96, 224), 32, 1000
OPENINGS, WARM_UP, ROUNDS = 3, 2, {96: 24, 224: 10}
FORMS = ("plain", "ours")
RESULT = Path(__file__).parents[1] / "results" / "training_step.json"

_ASKING = (dynamic_shift_max, micro_factorized, micronet, shuffled_activation)
"""The modules with layers that ask whether a gradient is wanted."""


def main(
    *,
    threads: int = 1,
    quick: Annotated[bool, typer.Option("--quick")] = False,
    output: Path = RESULT,
    worker: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Measures all cases and writes the result; `--quick` opens the processes once, for few steps."""
    if worker:
        serve(*worker.split(":"), threads=threads)
        return
    rows = [measured(variant, size, threads, quick=quick) for variant in VARIANTS for size in SIZES]
    facts = {**environment(), "torch": torch.__version__, "threads": threads, "batch": BATCH}
    content = json.dumps({"environment": facts, "passing": passing_facts(), "rows": rows}) + "\n"
    write_text(content, output, overwrite=True)


def measured(variant: str, size: int, threads: int, *, quick: bool) -> dict[str, Any]:
    """One case: the samples of both forms, their ratios and their memory."""
    wall: dict[str, list[list[int]]] = {form: [] for form in FORMS}
    cpu: dict[str, list[list[int]]] = {form: [] for form in FORMS}
    memory: dict[str, dict[str, int]] = {}
    for opening in range(1 if quick else OPENINGS):
        with Worker(variant, size, "plain", threads) as plain, Worker(variant, size, "ours", threads) as ours:
            workers = {"plain": plain, "ours": ours}
            memory = {form: worker.answer() for form, worker in workers.items()}
            for form in FORMS:
                wall[form].append([])
                cpu[form].append([])
            for number in range(4 if quick else ROUNDS[size]):
                for form in FORMS[:: 1 if (number + opening) % 2 else -1]:
                    sample = workers[form].step()
                    wall[form][-1].append(sample["wall_ns"])
                    cpu[form][-1].append(sample["cpu_ns"])
    row = {
        "variant": variant,
        "size": size,
        **{f"{form}_ms": median(map(median, wall[form])) / 1e6 for form in FORMS},
        "times_as_fast": asdict(ratio_in_turn(wall["plain"], wall["ours"])),
        "times_as_fast_on_the_cpu": asdict(ratio_in_turn(cpu["plain"], cpu["ours"])),
        "memory": memory,
        **{
            f"{kind}_ratio": memory["ours"][f"{kind}_bytes"] / memory["plain"][f"{kind}_bytes"]
            for kind in ("peak", "growth")
        },
        "wall_ns": wall,
        "cpu_ns": cpu,
    }
    say(_line(row))
    return row


class Worker:
    """A process that takes a training step whenever it is told to."""

    def __init__(self, variant: str, size: int, form: str, threads: int) -> None:
        command = [
            sys.executable,
            __file__,
            "--worker",
            f"{variant}:{size}:{form}",
            "--threads",
            str(threads),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - this very script
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def answer(self) -> dict[str, int]:
        """The next line that it writes."""
        assert self._process.stdout is not None
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found

    def step(self) -> dict[str, int]:
        """The time of one step."""
        assert self._process.stdin is not None
        self._process.stdin.write("step\n")
        self._process.stdin.flush()
        return self.answer()


class Training:
    """A network with random images, labels and an optimizer."""

    def __init__(self, variant: str, size: int, *, fused: bool) -> None:
        torch.manual_seed(0)
        self.network = MicroNet(variant, CLASSES).train()
        self.images, self.labels = torch.randn(BATCH, 3, size, size), torch.randint(CLASSES, (BATCH,))
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.05, momentum=0.9, fused=fused)

    def step(self) -> None:
        """Forward, backward, update."""
        self.optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(self.network(self.images), self.labels).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def serve(variant: str, size: str, form: str, *, threads: int) -> None:
    """What a worker does: writes its memory, then the time of a step for each line that it reads."""
    torch.set_num_threads(threads)
    if form == "plain":
        for module in _ASKING:
            vars(module)["gradient_wanted"] = lambda *_: False
    training = Training(variant, int(size), fused=form == "ours")
    before = _resident_bytes()
    for _ in range(WARM_UP):
        training.step()
    growth_bytes = _resident_bytes() - before
    _answer({"growth_bytes": growth_bytes, "peak_bytes": peak_bytes(training)})
    for _ in sys.stdin:
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        training.step()
        _answer({"wall_ns": time.perf_counter_ns() - wall, "cpu_ns": time.process_time_ns() - cpu})


def _answer(figures: dict[str, int]) -> None:
    say(json.dumps(figures))
    sys.stdout.flush()


def peak_bytes(training: Training) -> int:
    """The most memory that one step holds at a time, beyond what was there before it.

    The gradients of the step before are released first, so that both forms start alike.
    """
    training.optimizer.zero_grad(set_to_none=True)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        training.step()
    assert found.profiler is not None
    assert found.profiler.kineto_results is not None
    events = found.profiler.kineto_results.events()
    changes = sorted((each.start_ns(), each.nbytes()) for each in events if each.name() == "[memory]")
    live = peak = 0
    for _, change in changes:
        live += change
        peak = max(peak, live)
    return peak


def _resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _line(row: dict[str, Any]) -> str:
    wall, cpu = row["times_as_fast"], row["times_as_fast_on_the_cpu"]
    return (
        f"{row['variant']} at {row['size']} px: ours {row['ours_ms']:.0f} ms, plain {row['plain_ms']:.0f}, "
        f"{wall['value']:.2f} times as fast ({wall['low']:.2f} to {wall['high']:.2f}), on the CPU "
        f"{cpu['value']:.2f} ({cpu['low']:.2f} to {cpu['high']:.2f}); peak {row['peak_ratio']:.3f} of "
        f"{row['memory']['plain']['peak_bytes'] / 1e6:.0f} MB, growth {row['growth_ratio']:.3f}"
    )


if __name__ == "__main__":
    typer.run(main)
