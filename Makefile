# Values reach Python through the environment, never through a shell line, and only from the
# make command line: many shells export USER, NAME and the like.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
export PYTHONPATH := src

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: .venv/.demo ## Run one turn of the chapter; run it twice for a session with two traces
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.main

.PHONY: backend
backend: .venv/.demo ## Run the local backend in the foreground
	@$(PYTHON) -m langfuse_local serve

.PHONY: down
down: .venv/.demo ## Stop the local backend that make demo started
	@$(PYTHON) -m langfuse_local stop

.PHONY: test
test: .venv/.dev ## Run the tests
	@$(PYTHON) -m pytest

.PHONY: check
check: .venv/.dev ## Check format, lint, types and import rules, then run the tests
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(MAKE) test

.PHONY: format
format: .venv/.dev ## Format the code and fix what can be fixed
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

.PHONY: screenshot
screenshot: .venv/.dev ## Photograph the Sessions page for the README (needs Chromium)
	@$(PYTHON) scripts/screenshot.py

.PHONY: lock
lock: ## Resolve the dependencies again and write requirements/ (needs uv and npm)
	@uv pip compile -q $(LOCK) -o requirements/demo.txt
	@uv pip compile -q $(LOCK) --group dev -c requirements/demo.txt -o requirements/dev.txt
	@echo 'atheris==3.0.0; python_full_version<"3.12"' >.fuzz.in
	@echo 'atheris>=3.1,<4; python_full_version>="3.12"' >>.fuzz.in
	@uv pip compile -q $(LOCK) .fuzz.in -c requirements/demo.txt -o requirements/fuzz.txt
	@echo 'arize-phoenix' >.phoenix.in
	@uv pip compile -q $(filter-out pyproject.toml --extra local checks,$(LOCK)) .phoenix.in \
		-o requirements/phoenix.txt
	@rm .fuzz.in .phoenix.in
	@uv pip compile -q $(CLIENTS) -o requirements/clients.txt
	@cd tests/clients && npm update --package-lock-only --omit-lockfile-registry-resolved

CLIENTS := --group clients --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header
LOCK := pyproject.toml --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --extra local --extra checks

.PHONY: clean
clean: ## Stop the local backend and remove .venv, .tools, .data (with its traces) and caches
	@if [ -e .venv/.demo ]; then $(PYTHON) -m langfuse_local stop; fi
	@rm -rf .venv .data .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: soak
soak: .venv/.dev ## Load the local backend for a minute and kill it twenty times: nothing may be lost
	@SOAK_SECONDS=60 SOAK_KILLS=20 $(PYTHON) -m pytest -q tests/langfuse_local/test_together.py

.PHONY: fuzz
fuzz: .tools/fuzz/.done ## Fuzz the receiver for a minute (SECONDS=600 for ten; needs a wheel of atheris)
	@.tools/fuzz/bin/python tests/fuzz/receiver.py -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
		-artifact_prefix=.tools/fuzz/

FUZZ_SECONDS := 60
ifeq ($(origin SECONDS),command line)
FUZZ_SECONDS := $(SECONDS)
endif

.PHONY: bench-backend
bench-backend: .venv/.dev .tools/phoenix/.done ## Measure the local backend beside a floor and Arize Phoenix (ten minutes)
	@$(PYTHON) benchmarks/backend_ingest.py
	@$(PYTHON) benchmarks/backend_queries.py

.tools/%/.done: requirements/%.txt
	@python3 -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: clients
clients: .tools/clients/.installed ## Run Langfuse's and OpenTelemetry's own clients against the local backend (needs npm)
	@.tools/clients/bin/python -m pytest tests/clients

.venv/.demo: requirements/demo.txt
	@python3 scripts/install.py demo

.venv/.dev: requirements/dev.txt .venv/.demo
	@python3 scripts/install.py dev

.tools/clients/.installed: requirements/clients.txt tests/clients/package-lock.json .venv/.demo
	@$(PYTHON) -m venv --clear .tools/clients
	@.tools/clients/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/clients.txt
	@cp tests/clients/package.json tests/clients/package-lock.json .tools/clients/
	@cd .tools/clients && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
