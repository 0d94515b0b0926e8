# A fresh machine needs git, make and Python 3.11; everything else goes into .venv.
SHELL := /bin/sh
BIN := .venv/bin
STAMP := .venv/made-from-lock

# Finding it by running it: a name on the path need not be a Python that works.
is_311 = import sys; sys.exit(sys.version_info[:2] != (3, 11))
PYTHON ?= $(shell for name in python3.11 python3 python; do \
	$$name -c '$(is_311)' 2>/dev/null && echo $$name && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo distributed simulate test test-system test-browser screenshots torture fuzz bench check format reference lock clean

help: ## show this list
	@sed -n 's/^\([a-z%-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(STAMP) ## make .venv from requirements.lock

demo: $(STAMP) ## show it in a real Airflow with a sandbox; ONCE=1 exits after the check, SEED=n repeats
	$(BIN)/python -m include.demo $(if $(ONCE),--once) $(if $(SEED),--seed $(SEED))

distributed: $(STAMP) ## two Celery workers, one of them killed; ONCE=1 exits after the check, SEED=n repeats
	$(BIN)/python -m include.distributed $(if $(ONCE),--once) $(if $(SEED),--seed $(SEED))

simulate: $(STAMP) ## play days of syncs; MEMBERS= CHURN= DAYS= QUOTA= OTHERS=, ARGS=--help shows all assumptions
	$(BIN)/python -m include.simulator $(foreach flag,members churn days quota others,\
		$(patsubst %,--$(flag) %,$($(shell echo $(flag) | tr a-z A-Z)))) $(ARGS)

test: $(STAMP) ## run all tests but those of test-system and test-browser; ARGS= goes to pytest
	$(BIN)/pytest -n auto --dist loadfile -m "not system and not browser" $(ARGS)

test-system: $(STAMP) ## run the tests that start a real Airflow and kill what runs in it; ARGS= goes to pytest
	$(BIN)/pytest -m system tests/system $(ARGS)

test-browser: $(STAMP) ## use the page and a real Airflow as people do, in Chromium; ARGS= goes to pytest
	$(BIN)/pytest -m browser tests/browser $(ARGS)

screenshots: $(STAMP) ## make the pictures in docs/images anew, in Chromium
	$(BIN)/python -m tests.browser.screenshots

torture: $(STAMP) ## faults by seeds: SEEDS=1000 FIRST=0, SEED=n replays one, MUTATIONS=folder hunts planted bugs
	$(BIN)/python -m tests.torture $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST)) \
		$(if $(SEED),--seed $(SEED)) $(if $(MUTATIONS),--mutations $(MUTATIONS))

fuzz: $(STAMP) ## bend inputs for every parser; INPUTS=100000 for each, ONLY= those whose name holds it
	$(BIN)/python -m tests.hostile.fuzz $(if $(INPUTS),--inputs $(INPUTS)) $(if $(ONLY),--only "$(ONLY)")

bench: $(patsubst tests/benchmarks/%.py,bench-%,$(shell grep -l '^if __name__' tests/benchmarks/*.py)) ## run every benchmark

bench-%: $(STAMP) ## one: -diff, -settle, -snapshot (ROWS=n), -deliver (CHANGES=n), -limits, -parse (EXPORTS=n) ...
	$(BIN)/python -m tests.benchmarks.$(subst -,_,$*)

check: $(STAMP) ## lint, formatting, types, import contracts, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy plugins/marketo_provider include dags tests
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

format: $(STAMP) ## put lint and formatting right where a tool can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(STAMP) ## write anew what is made from exports.py: its JSON Schema and docs/exports.md
	$(BIN)/python -m marketo_provider schema > include/exports/exports.schema.json
	$(BIN)/python -m marketo_provider schema --markdown > docs/exports.md

lock: $(STAMP) ## pin anew what requirements-dev.txt asks for
	$(BIN)/uv pip compile --upgrade --python-version 3.11 requirements-dev.txt -o requirements.lock

clean: ## remove all that can be made again
	rm -rf .venv .demo build .*_cache .hypothesis .coverage plugins/*.egg-info

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --exact -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	rm -rf plugins/*.egg-info # a second record of the same distribution: Airflow would load its plugin twice
	@touch $@
