# The commands of this repository. GNU make and a POSIX shell are enough; Python 3.11 or newer.
#
#   make run     serve on 127.0.0.1:8080 with sample patients (PORT=...)
#   make test    every check, then every test

.PHONY: help run serve test test-fresh check docs lock sbom bench fuzz replay crash mutation clean
.DEFAULT_GOAL := help

HOST ?= 127.0.0.1
PORT ?= 8080
PYTHON ?=
FUZZ ?= 1000000

# An environment counts as installed when it holds the stamp of its lock file's content.
RUN_LOCK := requirements.lock
DEV_LOCK := requirements-dev.lock
RUN_STAMP := .venv/.installed-$(shell cksum < $(RUN_LOCK) | tr ' ' '-')
DEV_STAMP := .venv-dev/.installed-$(shell cksum < $(DEV_LOCK) | tr ' ' '-')
DEV := .venv-dev/bin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' Makefile

run: $(RUN_STAMP) ## serve on HOST:PORT with the sample patients
	@HOST='$(HOST)' PORT='$(PORT)' exec .venv/bin/python -m cds_service

serve: $(RUN_STAMP) ## serve in production mode, with the settings of the environment (docs/settings.md)
	@HOST='$(HOST)' PORT='$(PORT)' CDS_MODE=production exec .venv/bin/python -m cds_service

test: check ## every check, then every test
	@$(DEV)/python -m pytest

test-fresh: $(DEV_STAMP) ## clone, install and serve in a temporary folder
	@$(DEV)/python -m pytest -m fresh_clone

check: $(DEV_STAMP) ## lint, format, types, import contracts, generated docs, deployment files
	@$(DEV)/python -m ruff check .
	@$(DEV)/python -m ruff format --check .
	@$(DEV)/python -m mypy
	@$(DEV)/lint-imports
	@if [ -f docs/generate.py ]; then $(DEV)/python docs/generate.py --check; fi
	@$(DEV)/hadolint Dockerfile
	@$(DEV)/yamllint --strict .
	@$(DEV)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@$(DEV)/kubernetes-validate --quiet --strict $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))

docs: $(DEV_STAMP) ## write the generated pages of docs/ again
	@if [ -f docs/generate.py ]; then $(DEV)/python docs/generate.py; fi

# Without header and annotations: the files hold pins and hashes, nothing of this machine.
LOCK := $(DEV)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --output-file

lock: $(DEV_STAMP) ## resolve pyproject.toml again into the three lock files
	@$(LOCK) requirements.lock --extra postgresql --extra redis pyproject.toml
	@$(LOCK) requirements-build.lock --group build
	@$(LOCK) requirements-dev.lock --all-extras --group build pyproject.toml

bench: $(DEV_STAMP) ## the service beside a bare Flask app: table of ratios, build/bench.json (BENCH=--quick)
	@$(DEV)/python -m bench $(BENCH)

profile: $(DEV_STAMP) ## where the time of one body goes (SIZE=small, medium, large or '8 MB')
	@$(DEV)/python -m bench.stage_profile $(if $(SIZE),'$(SIZE)')

fuzz: $(DEV_STAMP) ## 1,000,000 wrong requests on all cores: figures by status, and every violation (FUZZ=50000)
	@$(DEV)/python -m tests.fuzz $(FUZZ)

replay: $(DEV_STAMP) ## 100,000 uses of one token at once: one is accepted (SQLite and Redis)
	@REPLAYS=100000 $(DEV)/python -m pytest -v -k of_many_processes tests/cds_service/test_cds_replay.py

sbom: $(RUN_STAMP) $(DEV_STAMP) ## the bill of materials of what runs, CycloneDX, in build/sbom.json
	@mkdir -p build
	@$(DEV)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
		--output-reproducible --of JSON --output-file build/sbom.json .venv

crash: $(DEV_STAMP) ## 100 kills under feedback load: nothing acknowledged is lost, nothing kept twice
	@CRASH_CYCLES=100 $(DEV)/python -m pytest -s -v -k killed_again_and_again tests/load

# mutmut stays outside the lock files: it is run by hand, on a copy of the packages in mutants/.
mutation: $(DEV_STAMP) ## would the tests notice a slip in relapse_model? an hour or more (docs/validation.md)
	@$(DEV)/uv pip install --quiet --python $(DEV)/python mutmut==3.8.1
	@PATH="$$PWD/$(DEV):$$PATH" $(DEV)/mutmut run --max-children 2 || true
	@$(DEV)/mutmut results

clean: ## remove the environments and everything derived
	rm -rf .venv .venv-dev build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(RUN_STAMP):
	@PYTHON='$(PYTHON)' sh dev/environment.sh .venv $(RUN_LOCK) '$@'

$(DEV_STAMP):
	@PYTHON='$(PYTHON)' sh dev/environment.sh .venv-dev $(DEV_LOCK) '$@'
