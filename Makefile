# Everything is set up on first use and only then: a second `make demo` starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEMPORAL := $(VENV)/.temporal

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Durazzo needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(TEMPORAL): $(STAMP) commands/temporal_binary.py
	$(BIN)/python -m commands.temporal_binary
	@touch $@

setup: $(STAMP) $(TEMPORAL) ## the virtual environment and the Temporal server

demo: setup ## workflows of three services, with everything killed half-way
	$(BIN)/durazzo demo

test: setup lint ## linters, types and all tests
	$(BIN)/python -m pytest

lint: $(STAMP) ## ruff and mypy; warnings are errors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## lay the code out
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

clean: ## remove what was made here (not the cached Temporal server)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info
