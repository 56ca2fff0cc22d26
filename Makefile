# make demo   installs the package into .venv, runs all stages on rendered people, prints the table
# make test   installs the tools too, then runs every check; CI runs this
# make check  the quick checks: lint, types, and the tests that run no whole pipeline
# make docs   rewrites the generated tables of docs/settings.md and docs/paper.md
# make bench  measures speed and memory on the CPU; make bench-gpu: on a GPU
# make lock   writes the versions installed in .venv to constraints.txt
# make clean  removes .venv; results stay
#
# PYTHON=python3.12 selects another Python. LOCK= installs the newest versions instead of those in
# constraints.txt.

PYTHON ?= python3
LOCK ?= constraints.txt
BIN := .venv/bin
WORKFLOW := Snakefile workflow
SHELL := /bin/bash
# Two processes, which take the files in the order of tests/conftest.py.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test check lint docs bench bench-gpu lock clean

demo: .venv/demo
	$(BIN)/snakemake --cores all results/walkers_rank1.csv results/walkers_report.html
	@$(BIN)/gaittake table results/walkers_rank1.csv
	@echo "results/walkers_report.html  the report: open it in a browser"

test: lint
	$(BIN)/snakefmt --check --line-length 100 $(WORKFLOW)
	$(BIN)/snakemake --lint
	$(BIN)/pytest $(PARALLEL)

check: lint
	$(BIN)/pytest $(PARALLEL) -m "not whole_run and not slow"

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

docs: .venv/test
	$(BIN)/python docs/generated.py

# Run nothing else meanwhile. The docstring of each script says what it measures.
bench: .venv/demo
	$(BIN)/python benchmarks/feeding.py --device cpu
	$(BIN)/python benchmarks/cache.py
	$(BIN)/python benchmarks/keypoints.py --device cpu
	$(BIN)/python benchmarks/step.py --device cpu
	$(BIN)/python benchmarks/embed.py --device cpu
	$(BIN)/python benchmarks/evaluation.py --people 2389
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/start.py

bench-gpu: .venv/demo
	$(BIN)/python benchmarks/feeding.py --device cuda
	$(BIN)/python benchmarks/keypoints.py --device cuda
	$(BIN)/python benchmarks/step.py --device cuda
	$(BIN)/python benchmarks/embed.py --device cuda

# PyTorch pins the CUDA libraries that it needs on each platform, so the lock leaves them out.
lock: .venv/test
	@{ echo "# Versions that the tests pass with, for any platform; 'make lock' writes this file."; \
	  $(BIN)/pip freeze --exclude-editable --exclude gaittake | grep -E '^[A-Za-z0-9_.-]+==[0-9][^+]*$$' \
	  | grep -vE '^(nvidia-|cuda-|triton)'; } > $@.tmp
	@mv $@.tmp constraints.txt

clean:
	rm -rf .venv

# Stamps: make installs again when pyproject.toml or the lock changes.
.venv/demo: EXTRAS := pipeline
.venv/test: EXTRAS := pipeline,onnx,test,docs,slurm
.venv/demo .venv/test: pyproject.toml $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is required, $(PYTHON) is older; name another: make PYTHON=python3.12 …"; \
	  exit 1; }
	@echo "Installing into .venv; PyTorch is large, this takes minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(addprefix --constraint ,$(LOCK)) --editable ".[$(EXTRAS)]"
	@touch $@
