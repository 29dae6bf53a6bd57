# The same four commands here and in CI. `make install` once; everything runs in .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install format check test test-slow bench

install: .venv/.stamp

.venv/.stamp: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[test,dev]'
	touch $@

format: install
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lemmascope derive --check

test: install
	$(BIN)/python -m pytest

test-slow: install
	$(BIN)/python -m pytest -m slow

# For instance: make bench BENCH='--quick --cores 1'; rivals need the extra `bench`.
bench: install
	$(BIN)/lemmascope bench $(BENCH)
