# make demo   installs everything, runs the whole pipeline on the embedded walkers, prints the table
# make test   installs everything, then all checks; this is what CI runs
# make bench  measures speed and memory on the CPU; make bench-gpu: on a GPU
# make clean  removes the environment; results stay

PYTHON ?= python3
BIN := .venv/bin
WORKFLOW := Snakefile workflow
SHELL := /bin/bash

.PHONY: demo test bench bench-gpu clean

demo: .venv/demo
	$(BIN)/snakemake --cores all results/walkers_rank1.csv results/walkers_report.html
	@$(BIN)/gaittake table results/walkers_rank1.csv
	@echo "results/walkers_report.html  the same, and much more, to look at"

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check --line-length 100 $(WORKFLOW)
	$(BIN)/snakemake --lint
	$(BIN)/pytest --numprocesses 2 --dist loadfile

# Leave the machine alone meanwhile. What each script measures stands at its beginning.
bench: .venv/demo
	$(BIN)/python benchmarks/feeding.py --device cpu
	$(BIN)/python benchmarks/cache.py
	$(BIN)/python benchmarks/keypoints.py --device cpu
	$(BIN)/python benchmarks/step.py --device cpu
	$(BIN)/python benchmarks/embed.py --device cpu
	$(BIN)/python benchmarks/evaluation.py --people 2389
	$(BIN)/python benchmarks/growth.py

bench-gpu: .venv/demo
	$(BIN)/python benchmarks/feeding.py --device cuda
	$(BIN)/python benchmarks/keypoints.py --device cuda
	$(BIN)/python benchmarks/step.py --device cuda
	$(BIN)/python benchmarks/embed.py --device cuda

clean:
	rm -rf .venv

# Stamps: an environment is made anew, or added to, when pyproject.toml changed.
.venv/demo: EXTRAS :=
.venv/test: EXTRAS := [test,docs,slurm]
.venv/demo .venv/test: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is needed, $(PYTHON) is older; name another: make PYTHON=python3.12 …"; \
	  exit 1; }
	@echo "Installing into .venv; PyTorch is large, this takes minutes."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable ".$(EXTRAS)"
	@touch $@
