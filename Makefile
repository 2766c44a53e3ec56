# Everything this repository can do, one word each. Each target makes the environment it needs; only Python 3.11+ and git must be there.

PYTHON ?= python3
ARGS ?=
WORKERS ?= 2
BIN := .venv/bin
BOOTSTRAP := $(PYTHON) deploy/local/bootstrap.py
# The checks read the settings without any server.
READING := DJANGO_SECRET_KEY=check DATABASE_URL=postgresql://check@localhost/check REDIS_URL=redis://localhost:1

.PHONY: help demo up down status manage test check lint bench chaos picture pins local dev

help: ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: local ## onboard a sample repository and show it live (ARGS=--exit ends when it is done)
	@$(BIN)/python -m deploy.local demo $(ARGS)

up: local ## run the platform on this machine until Ctrl-C; the data is kept in .meshsix/
	@$(BIN)/python -m deploy.local up

down: local ## stop the platform of this machine
	@$(BIN)/python -m deploy.local down

status: local ## show what runs and where
	@$(BIN)/python -m deploy.local status

manage: local ## a command of the running platform: make manage ARGS="doctor octo-org/bookmarks"
	@$(BIN)/python -m deploy.local manage $(ARGS)

test: check ## everything that CI runs: style, types, layers and all tests
	@$(BIN)/python -m deploy.local.tools git npm tmux chromium
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: lint ## style, types, layers
	@$(READING) $(BIN)/mypy .
	@$(BIN)/lint-imports --no-cache

lint: dev ## style only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

bench: dev ## benchmarks; they write BENCHMARKS.md
	@$(BIN)/python -m tests.perf $(ARGS)

chaos: dev ## long runs under kills, a lost broker and a restarted database
	@$(BIN)/python -m tests.crash.chaos $(ARGS)

picture: dev ## take the README's picture of the dashboard
	@$(BIN)/python -m tests.picture

pins: dev ## compile the three requirements files from their .in files
	@for name in requirements requirements-local requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --no-emit-index-url --no-header --universal --python-version 3.11 $$name.in -o $$name.txt || exit 1; done

local:
	@$(BOOTSTRAP) requirements-local.txt

dev:
	@$(BOOTSTRAP) requirements-dev.txt
