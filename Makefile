# The two commands of the README are `make demo` and `make test`. Each makes .venv first if it is not there.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint docs results bench clean

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "clickwise needs Python 3.11 or newer; say which: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs,track,tune]'
	touch $@

demo: .venv/installed
	$(BIN)/clickwise demo

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

docs: .venv/installed
	$(BIN)/mkdocs build --strict

# The pages of docs/results, from the artefacts kept in findings/kept.
results: .venv/installed
	$(BIN)/python -m findings build

# Peers go into an environment of their own; see docs/benchmarks.md.
bench: .venv/installed
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --constraint constraints.txt --editable . --requirement benchmarks/requirements.txt
	.venv-bench/bin/python -m benchmarks

clean:
	rm -rf .venv .venv-bench site build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
