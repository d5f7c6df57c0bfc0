# What a person runs is what CI runs. `make help` lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS := .venv-docs
# What the demo needs; where all is installed, that is enough.
DEMO := $(if $(wildcard $(VENV)/.installed),$(VENV)/.installed,$(VENV)/.demo)
KERNELS := src/micronet_edge/kernels

.DEFAULT_GOAL := help
.PHONY: help docs setup kernels-aarch64 demo test test-slow smoke wheels release-check check bench accuracy golden fuzz compatibility train-digits detector train-detector patches clean

help:  ## lists the targets
	@grep -E '^[a-z0-9%-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(INSTALLED)  ## installs everything into .venv, if it has changed

# torch comes first and alone, exactly as pinned: any other build pulls gigabytes of CUDA packages.
$(INSTALLED): pyproject.toml constraints.txt setup.py $(wildcard $(KERNELS)/native/* $(KERNELS)/native/*/*)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.demo: pyproject.toml constraints.txt setup.py $(wildcard $(KERNELS)/native/* $(KERNELS)/native/*/*)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "· installing PyTorch: most of 1.1 GB"
	@$(BIN)/pip install --quiet --no-compile --constraint constraints.txt torch
	@echo "· installing the runtimes and this package, with its kernels"
	@$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[tflite]'
	@touch $@

# The site has an environment of its own: it reads the sources and needs none of their packages.
$(DOCS)/.installed: docs/requirements.txt constraints.txt
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/pip install --quiet --constraint constraints.txt --requirement docs/requirements.txt
	touch $@

docs: $(DOCS)/.installed  ## builds the documentation into build/site and checks all its links
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

kernels-aarch64:  ## builds the fused kernels for an arm64 board with Debian's cross compiler
	cmake -S $(KERNELS)/native -B build/aarch64 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
		-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
	cmake --build build/aarch64 --parallel
	install build/aarch64/libmicronet_edge_kernels.so $(KERNELS)/libmicronet_edge_kernels-aarch64.so

demo: $(DEMO)  ## exports a trained MicroNet to ONNX and TFLite and classifies real digits
	@$(BIN)/micronet-edge demo

test: setup check  ## runs the checks and all tests, as CI does
	$(BIN)/python -m pytest -n auto --dist worksteal

test-slow: setup  ## runs the tests that take long, or need an emulator or older releases of the runtimes
	$(BIN)/python -m pytest -m slow

smoke:  ## tries an import and an export in a fresh environment, with any Python: PYTHON=python3.13
	$(PYTHON) release/smoke.py

wheels:  ## builds the source distribution and all wheels into dist, and checks them in fresh environments
	$(PYTHON) release/wheels.py

release-check:  ## checks what a release must be: tree, changelog, licences, tests and pages, wheels with the demo
	$(PYTHON) release/check.py
	$(MAKE) test
	$(PYTHON) release/wheels.py --demo

check: setup  ## runs ruff and mypy --strict
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: setup  ## measures the family against converter baselines and other networks; rewrites benchmarks/results
	$(BIN)/python benchmarks/suites/run.py benchmarks/suites/family.toml
	$(BIN)/python benchmarks/suites/run.py benchmarks/suites/baselines.toml

accuracy: setup  ## measures the accuracy of int8 on real images; rewrites benchmarks/results
	$(BIN)/python benchmarks/suites/patches.py

fuzz: setup  ## runs thousands of bad command lines and damaged files; rewrites benchmarks/results/fuzz.json
	$(BIN)/python benchmarks/fuzz --output benchmarks/results/fuzz.json

compatibility: setup  ## runs every kind of file in other programs; rewrites docs/compatibility.md and its results
	$(BIN)/python benchmarks/clients

golden: setup  ## rewrites the golden operator lists under tests/golden
	$(BIN)/python tests/golden/update.py

train-digits: setup  ## trains m0 on the handwritten digits, into out/m0-digits
	$(BIN)/python examples/digits/images.py
	$(BIN)/micronet-edge train examples/digits/data/train --epochs 40 --output out/m0-digits --overwrite
	$(BIN)/micronet-edge evaluate out/m0-digits/m0-digits.safetensors --data examples/digits/data/test

detector: setup  ## exports a detector of digits to both formats, in float and int8, and measures its mAP
	$(BIN)/python examples/detector/table.py

train-detector: setup  ## trains the detector of digits, into out/m0-detector.safetensors
	$(BIN)/python examples/detector/train.py

patches: setup  ## writes 14,400 crops of photographs to train and measure on
	$(BIN)/python examples/patches/images.py

train-patches-%: patches  ## trains m0, m1 or m3 on the crops of photographs, into out/m0-patches
	$(BIN)/micronet-edge train examples/patches/data/large --val examples/patches/data/develop --variant $* \
		--recipe examples/patches/recipe.toml --output out/$*-patches --overwrite
	$(BIN)/micronet-edge evaluate out/$*-patches/$*-patches.safetensors --data examples/patches/data/test

clean:  ## removes the output of all other targets
	rm -rf $(VENV) $(DOCS) build dist out demo-output examples/*/data .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name '__pycache__' -o -name '*.egg-info' | xargs rm -rf
