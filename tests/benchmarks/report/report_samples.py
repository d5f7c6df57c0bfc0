"""Results as a measuring leaves them, written here figure by figure."""

from dataclasses import replace

import numpy as np

from micronet_edge_bench.results import (
    Baseline,
    Environment,
    FileResult,
    Method,
    Operator,
    Process,
    Profile,
    Results,
    Run,
)

METHOD = Method(threads=1, processes=5, rounds=60, seconds=None, warmup_least=10, warmup_most=200)
ENVIRONMENT = Environment(
    cpu="AMD EPYC 7B13 & <co>",
    architecture="x86_64",
    cores=2,
    affinity=(0, 1),
    governor="performance",
    load_before=0.4,
    load_after=1.1,
    memory_bytes=24 << 30,
    memory_available_bytes=20 << 30,
    system="Linux 6.18",
    python="3.11.7",
    packages={"numpy": "2.4.6", "onnxruntime": "1.32.0", "ai-edge-litert": "2.3.0"},
)
OPERATORS = (
    ("CONV_2D", "features/stem/conv", 0.21),
    ("CONV_2D", "features/block1/expand/conv", 0.14),
    ("DEPTHWISE_CONV_2D", "features/block1/depthwise/conv", 0.12),
    ("MEAN", "features/block1/depthwise_activation/mean", 0.04),
    ("CONV_2D", "features/block1/depthwise_activation/squeezed", 0.03),
    ("MUL", "features/block1/depthwise_activation/fusion0_product0", 0.09),
    ("MAXIMUM", "features/block1/depthwise_activation/maximum", 0.07),
    ("CONV_2D", "features/block1/project/conv", 0.11),
    ("GATHER", "features/block1/project_shuffle", 0.05),
    ("ADD", "features/block1/residual", 0.02),
    ("FULLY_CONNECTED", "classifier/hidden", 0.08),
    ("QUANTIZE", "pixels/integers", 0.03),
    ("ADD", "whatever <b>& more</b>", 0.01),
)


def processes(median_ms: float, seed: int, *, count: int = 5, rounds: int = 60) -> tuple[Process, ...]:
    """Samples around a median, each process a little off it."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        center = median_ms * 1e6 * random.normal(1, 0.015)
        samples = center * (1 + random.gamma(1.5, 0.015, rounds) - 0.015)
        taken = tuple(int(value) for value in samples)
        found.append(
            Process(
                9_000_000,
                int(3 * center),
                taken[:10],
                steady=True,
                samples_ns=taken,
                peak_memory_bytes=96 << 20,
            )
        )
    return tuple(found)


def profile(whole_ms: float) -> Profile:
    operators = tuple(
        Operator(index, operator, output, share * whole_ms * 1e6, "XNNPACK")
        for index, (operator, output, share) in enumerate(OPERATORS)
    )
    return Profile("LiteRT's own profiler, its operators aligned to the file's.", 100, operators)


def file(name: str, median_ms: float, seed: int = 0, **facts: object) -> FileResult:
    tflite = name.endswith(".tflite")
    common = FileResult(
        name=name,
        format="tflite" if tflite else "onnx",
        sha256="0123456789abcdef" * 4,
        size_bytes=1_339_664,
        input="butterfly.jpg of the package's photographs",
        input_dtype="float32",
        input_shape=(1, 224, 224, 3),
        runtime="LiteRT" if tflite else "ONNX Runtime",
        runtime_version="2.3.0" if tflite else "1.32.0",
        delegate="XNNPACK" if tflite else None,
        nodes=259 if tflite else None,
        delegated_nodes=259 if tflite else None,
        partitions=1 if tflite else None,
        threads=1,
        output_sha256="ab" * 32,
        processes=processes(median_ms, seed),
    )
    return replace(common, **facts)


def family(variants: int = 4) -> tuple[FileResult, ...]:
    """Float and int8, naive and not, of some variants."""
    made = []
    for place, (variant, madds, top1) in enumerate(
        (("m0", 4.3e6, 0.466), ("m1", 6.2e6, 0.514), ("m2", 12.4e6, 0.594), ("m3", 21e6, 0.625))[:variants]
    ):
        slower = (1 + 0.8 * place, 1)[0]
        for number, (words, precision, naive, median) in enumerate(
            (
                ("naive-float32.onnx", "float32", True, 2.9),
                ("float32.onnx", "float32", False, 1.9),
                ("float32.tflite", "float32", False, 1.7),
                ("int8.onnx", "int8", False, 1.8),
                ("int8.tflite", "int8", False, 1.15),
            )
        ):
            made.append(
                file(
                    f"{variant}-{words}",
                    median * slower,
                    10 * place + number,
                    variant=variant,
                    precision=precision,
                    naive=naive,
                    portable=False,
                    madds=int(madds * (1.6 if not naive else 1)),
                    top1=top1 if precision == "float32" else None,
                    top1_source="the paper, arXiv 2108.05894, table 7" if precision == "float32" else None,
                    size_bytes=int(madds * (1.1 if precision == "float32" else 0.31)),
                    profile=profile(median * slower) if words.endswith("tflite") else None,
                )
            )
    return tuple(made)


FIRST = Baseline(None)


def results(*runs: Run, baseline: Baseline | None = FIRST) -> Results:
    return Results("2026-11-24T19:02:11+00:00", "micronet-edge 0.1.0", baseline, runs)


def run(*files: FileResult, device: str = "local", **facts: object) -> Run:
    return replace(Run(device, METHOD, ENVIRONMENT, files), **facts)
