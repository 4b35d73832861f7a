# The commands of the project. `make` or `make help` lists them.
#
# INPUTS=<dir>          another inbox than <home>/inbox
# WAREHOUSE_HOME=<dir>  another home than .warehouse/
# ARGS="…"              more options for `warehouse run` or `up`, such as ARGS="--size small" or ARGS="--port 8090"
# PYTHON=<program>      the Python 3.11 that .venv/ is made of
#
# Relative folders are relative to the folder that make works in: where it was called, or the folder of `make -C`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3.11
BIN := .venv/bin
WAREHOUSE_HOME ?= .warehouse
ARGS ?=

export WAREHOUSE_HOME
# An empty INPUTS means none, so that `INPUTS= make run` is the default too.
ifneq ($(strip $(INPUTS)),)
export WAREHOUSE_INPUTS := $(INPUTS)
endif
# No tool that runs here reports anything to its maker.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False

# $(call stage,<name>,<command>) says which part of `make test` runs, how long it took, and which one failed.
define stage
@echo "== $(1)"; started=$$SECONDS; \
if $(2); then echo "   $(1): $$((SECONDS - started)) s"; \
else echo "make: the stage '$(1)' failed; see the lines above" >&2; exit 1; fi
endef

# Parsing opens no database; the two files are named because the profile asks for them.
DBT_PARSE = scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	WAREHOUSE_BUILD_FILE="$$scratch/warehouse.duckdb" WAREHOUSE_LANDING_FILE="$$scratch/landing.duckdb" \
	$(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project \
	--target-path "$$scratch/target" --log-path "$$scratch/logs"

.PHONY: help setup run up down env demo test lint types parse pytest proof fmt hooks clean

help: ## list the commands (default)
	@echo "Usage: [INPUTS=<dir>] [WAREHOUSE_HOME=<dir>] make <command>"
	@echo
	@sed -nE 's/^([a-z]+):.*## (.*)$$/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done
	@echo
	@echo "By hand: .venv/bin/warehouse --help"

setup: ## set .venv/ up from uv.lock, or bring it up to date
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not on this machine; install it or name it: make PYTHON=<program>" >&2; exit 1; }
	@$(PYTHON) bootstrap.py

run: setup ## one whole night: inbox to release, by Airflow in one process
	@$(BIN)/warehouse run $(ARGS)

up: setup ## start Airflow on this machine: its scheduler runs the nights (ARGS="--port 8090")
	@$(BIN)/warehouse up $(ARGS)

down: setup ## end the Airflow that `make up` started, whole
	@$(BIN)/warehouse down

env: ## make the secrets of the containers, in .env (INPUTS: the inbox that they read)
	@$(PYTHON) container_env.py

demo: setup ## write the synthetic municipality into .warehouse/inbox (ARGS="--size small")
	@$(BIN)/warehouse demo $(ARGS) "$$WAREHOUSE_HOME/inbox"

test: lint types parse pytest ## everything that CI runs; stops at the first stage that fails

lint: setup ## ruff (rules and format) and sqlfluff
	$(call stage,ruff check,$(BIN)/ruff check)
	$(call stage,ruff format,$(BIN)/ruff format --check)
	$(call stage,sqlfluff,$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 dbt_project/models dbt_project/tests)

types: setup ## mypy
	$(call stage,mypy,$(BIN)/mypy)

parse: setup ## dbt parse: the project and its contracts hang together
	$(call stage,dbt parse,$(DBT_PARSE))

pytest: setup ## the tests, but those of `make proof`
	$(call stage,pytest,$(BIN)/pytest -m "not proof" -n 2 --dist loadfile)

proof: setup ## what takes minutes: tests marked `proof`, and the benchmarks
	$(call stage,proof,$(BIN)/pytest -m proof -n 2 --dist loadfile --no-loadscope-reorder)
	$(call stage,benchmarks,for file in benchmarks/*.py; do [ ! -f "$$file" ] || $(BIN)/python "$$file" || exit 1; done)

fmt: setup ## put Python and SQL into their format, as far as tools can
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format
	@$(BIN)/sqlfluff fix --disable-progress-bar --processes 2 dbt_project/models dbt_project/tests

hooks: setup ## check each commit with the linters (pre-commit)
	@$(BIN)/pre-commit install

clean: ## remove caches and what dbt compiled; inbox, releases and .venv/ stay
	@rm -rf .mypy_cache .pytest_cache .ruff_cache dbt_project/target dbt_project/logs logs
	@find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
