# Gatehouse. Every target does its own set-up, from a machine that has only Python 3.11+ and make.
# `make` alone prints what there is.

VENV ?= .venv
BIN := $(VENV)/bin

# Arguments for the program behind a target: make test ARGS="tests/events -x".
ARGS ?=
# Test processes: one per core. 0 runs the tests in one process.
WORKERS ?= auto

UV := $(BIN)/uv
LOCK = $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
INSTALL = sh scripts/install-lock $(VENV)

# Never fetch an interpreter: the one that made .venv is the one that runs.
export UV_PYTHON_DOWNLOADS := never
# Trust what the machine trusts, as pip does: a company network may have a certificate authority of its own.
export UV_SYSTEM_CERTS := true


.DEFAULT_GOAL := help
.PHONY: help serve test test-postgres e2e bench lint format lock messages clean \
	lint-style lint-types lint-layers lint-django lint-schema lint-locks

help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --- run ------------------------------------------------------------------------------------------------

serve: $(VENV)/.installed-run ## Set up and run everything on http://localhost:8000
	@exec $(BIN)/python manage.py serve $(ARGS)

# --- check ----------------------------------------------------------------------------------------------

test: $(VENV)/.installed-dev $(VENV)/.installed-workos5 ## Run the tests (DATABASE_URL, REDIS_URL: on those)
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-postgres: $(VENV)/.installed-dev $(VENV)/.installed-workos5 ## Run the tests on a throwaway PostgreSQL and Redis
	@scripts/with-services $(MAKE) --no-print-directory test

e2e: $(VENV)/.installed-dev ## Run the browser tests (needs Chromium)
	@CHROMIUM="$$(sh scripts/find-chromium)" && export CHROMIUM && $(BIN)/pytest tests/e2e -m browser -n $(WORKERS) --dist loadscope $(ARGS)

bench: $(VENV)/.installed-dev ## Measure; starts its own server
	@$(BIN)/python -m bench $(ARGS)

lint: lint-locks lint-style lint-types lint-layers lint-django lint-schema ## Run every static check
	@echo "==> Lint: all clean"

lint-style: $(VENV)/.installed-dev
	@echo "==> Style (ruff)"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { \
		echo "These files are not formatted; 'make format' does it:"; $(BIN)/ruff format --check .; exit 1; }

lint-types: $(VENV)/.installed-dev
	@echo "==> Types (mypy, strict)"
	@$(BIN)/mypy --no-error-summary

lint-layers: $(VENV)/.installed-dev
	@echo "==> Layers, rooms and doors (import-linter)"
	@$(BIN)/lint-imports --no-logo > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }

lint-django: $(VENV)/.installed-dev
	@echo "==> Production settings (manage.py check --deploy)"
	@scripts/with-production-settings $(BIN)/python manage.py check --deploy --fail-level WARNING
	@echo "==> Migrations (manage.py makemigrations --check)"
	@$(BIN)/python manage.py makemigrations --check --dry-run

lint-schema: $(VENV)/.installed-dev
	@echo "==> OpenAPI schema (manage.py spectacular)"
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file $(VENV)/openapi.yaml

lint-locks: $(VENV)/.installed-dev
	@echo "==> Locks"
	@$(BIN)/python scripts/check_locks.py
	@$(UV) pip check --quiet --python $(BIN)/python

format: $(VENV)/.installed-dev ## Format and fix what can be fixed by machine
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

# --- packages -------------------------------------------------------------------------------------------

lock: $(VENV)/.installed-uv ## Compile the locks from pyproject.toml (ARGS=--upgrade takes newer releases)
	@echo "==> Compiling requirements/"
	@$(LOCK) $(ARGS) --group uv -o requirements/uv.txt
	@$(LOCK) $(ARGS) pyproject.toml -o requirements/run.txt
	@$(LOCK) $(ARGS) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	@$(LOCK) $(ARGS) --group workos5 -c requirements/run.txt -o requirements/workos5.txt
	@git --no-pager diff --stat -- requirements

# Stamps: a target whose lock has not changed since the last installation has nothing to do.
$(VENV)/.installed-uv: requirements/uv.txt
	@sh scripts/make-venv $(VENV)
	@touch $@

# dev.txt holds all of run.txt, so a development environment is left as it is.
$(VENV)/.installed-run: requirements/run.txt $(VENV)/.installed-uv
	@if test -e $(VENV)/.installed-dev; then \
		$(MAKE) --no-print-directory $(VENV)/.installed-dev; else $(INSTALL) requirements/run.txt; fi
	@touch $@

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.installed-uv
	@$(INSTALL) requirements/dev.txt
	@touch $@

# The older SDK of the same name: beside the others, for the tests that run it in a process of its own.
$(VENV)/.installed-workos5: requirements/workos5.txt $(VENV)/.installed-uv
	@$(INSTALL) requirements/workos5.txt $(VENV)/workos5
	@touch $@

messages: $(VENV)/.installed-dev ## Collect the texts of pages and mail into locale/, and compile (needs gettext)
	@$(BIN)/python manage.py makemessages --all --no-location --no-obsolete --ignore 'tests/*' --ignore 'var/*' \
		--ignore '.venv*' --ignore 'templates/admin/*' --ignore 'templates/dev/*' --verbosity 0
	@$(BIN)/python manage.py compilemessages --ignore '.venv*' --verbosity 0

clean: ## Remove .venv and caches; var/ (the data) stays
	rm -rf $(VENV) .venv-newest .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
