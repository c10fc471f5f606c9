VENV ?= .venv
BIN = $(VENV)/bin

demo: $(VENV)/ready
	$(BIN)/python -m examples.demo

test: $(VENV)/ready
	$(BIN)/python -m pytest -q -n 2

soak: $(VENV)/ready
	SEEDS=500 $(BIN)/python -m pytest -q -n 2 tests/promises/test_faults.py tests/promises/test_gc_*.py tests/promises/test_scale.py tests/promises/test_servers.py

servers: $(VENV)/ready
	for store in ceph ministack azurite gcs; do $(BIN)/python -m pytest -q -n 2 --store $$store tests/artifact tests/query tests/runs tests/cli || exit 1; done

lint: $(VENV)/ready
	$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q . && $(BIN)/mypy

check: lint test

bench: $(VENV)/ready
	$(BIN)/python -m pip install -q -e '.[bench]' && $(BIN)/python -m benchmarks

docs: $(VENV)/ready
	$(BIN)/python -m pytest -q tests/test_documents.py tests/content/test_golden.py tests/cli/test_documents.py

$(VENV)/ready: pyproject.toml
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

.PHONY: demo test soak servers lint check bench docs
