# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0

PYTHON ?= python3.11
# Processes that run tests; each takes up to 4 GB of memory.
TEST_WORKERS ?= 2
# What to add to the compilation of the lock, such as LOCK_FLAGS=--upgrade.
LOCK_FLAGS ?=

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
ENV := .venv/.complete

.PHONY: help env quickstart test test-slow check format build-files settings-table lock clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

env: $(ENV)  ## Install everything into .venv; this is done once and takes about 4 GB.

$(ENV): requirements.lock setup.py
	@command -v $(PYTHON) > /dev/null || \
		{ echo "No '$(PYTHON)' here. Install Python 3.11, or say: make env PYTHON=path"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "'$(PYTHON)' is not Python 3.11. Say: make env PYTHON=path"; exit 2; }
	@echo "Creating .venv: about 4 GB, up to some minutes."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --require-hashes \
		-r <(awk '/^uv==/,/# via/' requirements.lock)
	@VIRTUAL_ENV=.venv $(BIN)/uv pip sync --require-hashes requirements.lock 2>&1 | grep -v '^ [+-]'
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

quickstart: env  ## Train a small model on the bundled sample, evaluate it and ask it questions.
	@$(BIN)/realm quickstart --workdir quickstart_run

test: env  ## Run the default tests, which take some minutes.
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile -m "not slow"

test-slow: env  ## Run the slow tests, which `make test` leaves out.
	@$(BIN)/python -m pytest -m slow

check: env  ## Check format, lint and types, then run the default tests.
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: env  ## Format the code, and fix what the linter can fix.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

build-files: env  ## Write the BUILD files from the imports, and list those that changed.
	@$(BIN)/python -m tools.build_files

settings-table: env  ## Write docs/settings.md from the sections of the configuration.
	@$(BIN)/python -m tools.settings_table

lock: env  ## Compile requirements.lock from requirements.in and requirements-dev.in.
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --no-config $(LOCK_FLAGS) \
		--python-version 3.11 --generate-hashes requirements-dev.in -o requirements.lock

clean:  ## Remove the environment, the caches and what builds left behind.
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
