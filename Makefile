VENV ?= .venv
PY = $(VENV)/bin/python

demo: $(VENV)/ready
	$(PY) -m examples.demo

test: $(VENV)/ready
	$(PY) -m pytest -q -n 2

check: $(VENV)/ready
	$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check . && $(VENV)/bin/mypy && $(PY) -m pytest -q -n 2

bench: $(VENV)/ready
	$(PY) -m pip install -q -e '.[bench]' && $(PY) -m benchmarks

docs: $(VENV)/ready
	$(PY) -m pytest -q tests/test_documents.py

$(VENV)/ready: pyproject.toml
	python3 -m venv $(VENV) && $(PY) -m pip install -q -e '.[dev]' && touch $@

.PHONY: demo test check bench docs
