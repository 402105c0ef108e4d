# What a developer does here. `make help` lists it; `make demo` and `make test` install what they need.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
ROUNDS ?= 1000
SAY = @printf '\n==> %s\n'

STATIC := src/uptake/web/static/manifest.json
FRONTEND := frontend/package.json frontend/vite.config.js $(shell find frontend/src frontend/public -type f)

.PHONY: help demo test check setup frontend bench bench-peers peers soak build docs locks clean node chromium clients \
  promtool

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup frontend ## simulate a B2B product and serve it at http://localhost:8000
	$(SAY) 'Starting the demo (its data is in uptake-demo)'
	@$(BIN)/uptake demo $(ARGS)

test: setup frontend clients chromium promtool ## run every test (ARGS="-k name" for some)
	$(SAY) 'Running the tests'
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## lint, format, types, floors, spelling, locks, shape and reference pages
	$(SAY) 'Checking'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	$(BIN)/python -m tools.locks
	$(BIN)/python -m tools.shape
	$(BIN)/python -m tools.docs --check

setup: .venv/.uptake ## make .venv with uptake and the development tools

frontend: $(STATIC) ## build the browser assets into the package

build: setup frontend ## build the wheel into build/dist
	@$(BIN)/hatchling build -t wheel -d build/dist

bench: setup frontend ## measure speed, memory and growth
	@$(BIN)/python -m bench $(ARGS)

bench-peers: setup | node ## compare results and speed with Segment's own engine
	@$(BIN)/python -m bench.peers $(ARGS)

peers: setup frontend | node ## Segment's own Accoil destination sends to a running Uptake
	@$(BIN)/pytest tests/peers $(ARGS)

soak: setup frontend ## the long form of the fault tests: ROUNDS=1000 kills of a server under load, about 2 s each
	$(SAY) 'Killing servers ($(ROUNDS) rounds)'
	@UPTAKE_SOAK_ROUNDS=$(ROUNDS) $(BIN)/pytest -s tests/flow/test_durability.py tests/flow/test_offset_and_rows.py \
	  tests/flow/test_faults.py tests/flow/test_fuzz.py tests/flow/test_partitions.py tests/flow/test_split_log.py $(ARGS)

docs: setup ## write the tables of docs/reference from the code
	@$(BIN)/python -m tools.docs

locks: setup ## lock the newest allowed Python packages
	@lock() { $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links "$${@:2}" pyproject.toml -o "$$1"; }; \
	lock requirements.lock; \
	lock requirements-scale.lock --extra scale --extra otel; \
	lock requirements-dev.lock --extra scale --extra otel --extra dev

clean: ## remove what was built; the environment stays
	@rm -rf build src/uptake/web/static .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# What the targets above stand on. A stamp file is newer than its lock file once the step is done.

.venv/.python:
	$(SAY) 'Making .venv'
	@$(PYTHON) -c 'import sys; sys.exit("Uptake needs Python 3.11 or newer: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@touch $@

.venv/.packages: requirements-dev.lock | .venv/.python
	$(SAY) 'Installing the locked Python packages (about a minute)'
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r $< \
	  | awk '/^(Collecting|Installing)/ { print "    " $$1, $$2; fflush() }'
	@touch $@

.venv/.uptake: pyproject.toml .venv/.packages
	$(SAY) 'Installing uptake into .venv'
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

node:
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
	  || { echo 'Uptake needs Node 20.19 or newer with npm to build its browser assets.' >&2; exit 1; }

frontend/node_modules/.stamp: frontend/package-lock.json | node
	$(SAY) 'Installing the browser packages'
	@npm ci --prefix frontend --no-fund --no-audit
	@touch $@

$(STATIC): frontend/node_modules/.stamp $(FRONTEND)
	$(SAY) 'Building the browser assets'
	@npm run --prefix frontend build
	@touch $@

clients: tests/clients/node_modules/.stamp
tests/clients/node_modules/.stamp: tests/clients/package-lock.json | node
	$(SAY) 'Installing the Node clients that the tests use'
	@npm ci --prefix tests/clients --no-fund --no-audit
	@touch $@

chromium:
	@tools/chromium.sh

promtool:
	@tools/promtool.sh
