"""Results made up for tests: what was measured in them is known."""

from micronet_edge_bench.results import Baseline, Environment, FileResult, Method, Process, Results, Run

ENVIRONMENT = Environment(
    cpu="Cortex-A72",
    architecture="aarch64",
    cores=4,
    affinity=(0, 1, 2, 3),
    governor="performance",
    load_before=0.1,
    load_after=1.0,
    memory_bytes=4 * 2**30,
    memory_available_bytes=3 * 2**30,
    system="Linux 6.1",
    python="3.11.2",
    packages={"numpy": "2.0.0"},
)


def process(samples, *, steady=True):
    return Process(5_000_000, 3_000_000, (2_000_000, 1_500_000), steady, tuple(samples), 40_000_000)


def file(name="m0.onnx", processes=((1000, 1010, 990),) * 5, *, steady=True, **facts):
    known = {
        "name": name,
        "format": name.rpartition(".")[2],
        "sha256": "0" * 64,
        "size_bytes": 2_000_000,
        "input": "random numbers, seed 0",
        "input_dtype": "float32",
        "input_shape": (1, 3, 64, 64),
        "runtime": "ONNX Runtime",
        "runtime_version": "1.20.0",
        "delegate": None,
        "nodes": 100,
        "delegated_nodes": 0,
        "partitions": 0,
        "threads": 1,
        "output_sha256": "1" * 64,
        "processes": tuple(process(samples, steady=steady) for samples in processes),
    }
    return FileResult(**{**known, **facts})


def run(*files, device="local", environment=ENVIRONMENT, **facts):
    processes = len(files[0].processes) if files else 5
    return Run(device, Method(1, processes, 3, None, 2, 200), environment, files, **facts)


FIRST = Baseline(None)


def results(*runs, baseline=FIRST):
    return Results("2026-01-02T03:04:05+00:00", "micronet-edge 0.1.0", baseline, runs)
