# Every target sets up what it needs; `make help` explains them.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
# test runs are many and small: a device of their own would cost more than it gives
export WANDB_SILENT ?= true

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow check bench table-ersm table-fornet table-slem tables claims reference docs report clean

help:  ## explain every target
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv from pyproject.toml under constraints.txt (uv when it is on the PATH, pip otherwise)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "error: Python 3.11 to 3.13 is needed, $(PYTHON) is %d.%d; use make PYTHON=python3.12" % sys.version_info[:2])'
ifdef UV
	test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
else
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
endif
	@touch $@

demo: $(STAMP)  ## the three methods on embedded data, with tables and figures (under 9 minutes on 2 cores)
	$(BIN)/python scripts/demo.py

test: $(STAMP)  ## the fast tests
	$(BIN)/python -m pytest -q -m "not slow"

test-slow: $(STAMP)  ## the slow tests: every experiment for two steps, built wheels, several processes
	$(BIN)/python -m pytest -q -m slow

check: $(STAMP)  ## lint, format, types and the rule of who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## speed as ratios to named references, measured in one run
	$(BIN)/ersm-lab bench

# PROFILE=demo: embedded data; PROFILE=full: the papers' data too, which must lie in data/ (ersm-lab data list)
PROFILE ?= demo

table-ersm: $(STAMP)  ## tune five heads on validation, run 5 seeds, write the table (PROFILE=demo or full)
	$(BIN)/ersm-lab table ersm PROFILE=$(PROFILE) jobs=2

table-fornet: $(STAMP)  ## FoR-Net, its controls and DeepLabV3+ (PROFILE=demo or full)
	$(BIN)/ersm-lab table fornet PROFILE=$(PROFILE) jobs=2

table-slem: $(STAMP)  ## SLEM's maps, points, agreement and signatures (PROFILE=demo or full)
	$(BIN)/ersm-lab table slem PROFILE=$(PROFILE) jobs=2

tables: $(STAMP)  ## all tables of the profile
	$(BIN)/ersm-lab table PROFILE=$(PROFILE) jobs=2

claims: $(STAMP)  ## run what the claims lack, then write verdicts with effect, interval and n (PROFILE=demo or full)
	$(BIN)/ersm-lab claims PROFILE=$(PROFILE) --run jobs=2

reference: $(STAMP)  ## write docs/reference/ from the parsers and the schemas
	$(BIN)/python -m ersm_lab.cli.reference docs/reference

docs: $(STAMP) reference  ## build the documentation site into build/site, without a network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "open build/site/index.html"

report: $(STAMP)  ## one HTML page that shows and compares all runs, offline
	$(BIN)/ersm-lab report

clean:  ## remove caches and build products; runs and data stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache outputs/.launch outputs/.cache
	find . -name __pycache__ -not -path './$(VENV)/*' -type d -prune -exec rm -rf {} +
