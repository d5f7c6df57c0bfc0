# What a person runs is what CI runs. `make help` lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
KERNELS := src/micronet_edge/kernels

.DEFAULT_GOAL := help
.PHONY: help setup kernels-aarch64 demo test test-slow check bench accuracy golden fuzz train-digits patches clean

help:  ## what there is to make
	@grep -E '^[a-z0-9%-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(INSTALLED)  ## .venv with everything installed; does nothing twice

# torch comes first and alone, exactly as pinned: any other build pulls gigabytes of CUDA packages.
$(INSTALLED): pyproject.toml constraints.txt setup.py $(wildcard $(KERNELS)/native/* $(KERNELS)/native/*/*)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

kernels-aarch64:  ## the fused kernels for an arm64 board, by Debian's cross compiler
	cmake -S $(KERNELS)/native -B build/aarch64 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
		-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
	cmake --build build/aarch64 --parallel
	install build/aarch64/libmicronet_edge_kernels.so $(KERNELS)/libmicronet_edge_kernels-aarch64.so

demo: setup  ## a trained MicroNet becomes proven ONNX and TFLite files and reads real digits
	$(BIN)/python examples/digits/demo.py

test: setup check  ## everything that must hold
	$(BIN)/python -m pytest -n auto

test-slow: setup  ## the kernels for aarch64 under qemu, and in older releases of the runtimes
	$(BIN)/python -m pytest -m slow

check: setup  ## ruff and the strict type checker
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: setup  ## the family against its naive exports and against the baselines; rewrites benchmarks/results
	$(BIN)/python benchmarks/suites/run.py benchmarks/suites/family.toml
	$(BIN)/python benchmarks/suites/run.py benchmarks/suites/baselines.toml

accuracy: setup  ## what int8 costs in accuracy, on real images; rewrites benchmarks/results
	$(BIN)/python benchmarks/suites/patches.py

fuzz: setup  ## thousands of bad command lines and damaged files; rewrites benchmarks/results/fuzz.json
	$(BIN)/python benchmarks/fuzz --output benchmarks/results/fuzz.json

golden: setup  ## rewrites the golden operator lists under tests/golden
	$(BIN)/python tests/golden/update.py

train-digits: setup  ## trains the digits checkpoint from scratch
	$(BIN)/python examples/digits/train.py

patches: setup  ## writes 10,000 crops of photographs, to train and to measure on
	$(BIN)/python examples/patches/images.py

train-patches-%: setup  ## trains m0, m1 or m3 from scratch on crops of photographs
	$(BIN)/python examples/patches/train.py $*

clean:  ## removes what the other targets made
	rm -rf $(VENV) build dist demo-output examples/*/data .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name '__pycache__' -o -name '*.egg-info' | xargs rm -rf
