# Everything a person or CI runs. Needs Python 3.11 or newer and a package index; the rest is set up here.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: install demo test check bench wheelhouse clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "exhume needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m compileall -q src
	touch $@

install: $(VENV)/.installed

demo: install
	rm -rf exhume-demo
	$(BIN)/exhume demo --out exhume-demo

test: install
	$(BIN)/python -m pytest -n auto -rs

check: install
	$(BIN)/ruff format --check src tests benchmark
	$(BIN)/ruff check src tests benchmark
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/exhume pack lint
	$(BIN)/exhume pack test
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

bench: install
	$(BIN)/python benchmark/run.py

wheelhouse: install
	rm -rf wheelhouse && mkdir wheelhouse
	$(BIN)/python -m pip wheel --quiet --wheel-dir wheelhouse .
	@echo "Copy the folder wheelhouse, then: python3 -m pip install --no-index --find-links wheelhouse exhume"

clean:
	rm -rf $(VENV) wheelhouse exhume-demo .pytest_cache .mypy_cache .ruff_cache
