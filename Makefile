# Values reach Python through the environment, never through a shell line, and only from the
# make command line: many shells export USER, NAME and the like.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
export PYTHONPATH := src

# $(value) takes the text as it stands, so that a $ or a backtick in a question is not run, and
# unexport keeps make from expanding the variable itself for its commands.
given = $(if $(filter command line,$(origin $1)),$(value $1))
export ASK_QUERY := $(call given,Q)
export ASK_ORDER := $(call given,ORDER)
export ASK_ACTOR := $(call given,ACTOR)
export ASK_CONVERSATION := $(call given,CONVERSATION)
export COHORT_USERS := $(call given,USERS)
export COHORT_SEED := $(call given,SEED)
export CHECK_COMMENT := $(call given,COMMENT)
export CHECK_DRILL := $(call given,NAME)
export CHECK_SESSION := $(call given,SESSION)
export CHECK_SINCE := $(call given,SINCE)
export CHECK_TRACE := $(call given,TRACE)
export CHECK_USER := $(call given,USER)
export CHECK_VALUE := $(call given,VALUE)
unexport Q ORDER ACTOR CONVERSATION USERS SEED COMMENT NAME SESSION SINCE TRACE VALUE
ifneq ($(CHECK_USER),)
unexport USER
endif

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: .venv/.demo ## Run one turn of the chapter; run it twice for a session with two traces
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.main

.PHONY: conversation
conversation: .venv/.demo ## Run the chapter's three turns: three traces of one new session
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.conversation

.PHONY: ask
ask: .venv/.demo ## Ask one question: make ask Q="…" [ORDER=…] [ACTOR=…] [CONVERSATION=…]
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.ask

.PHONY: cohort
cohort: .venv/.demo ## Run the conversations of many users: make cohort [USERS=25] [SEED=1]
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.cohort
	@$(PYTHON) -m langfuse_checks feedback --cohort

.PHONY: reset
reset: .venv/.demo ## Forget conversations and handoffs; traces are kept
	@$(PYTHON) -m agent_observability.reset

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

.PHONY: resend
resend: .venv/.demo ## Send again what TELEMETRY_SPOOL=true kept while nothing took it
	@$(PYTHON) -m agent_observability.spool

.PHONY: bench
bench: .venv-peers/.peers ## Compare with the peers; writes benchmarks/README.md (10 minutes)
	@PYTHONPATH=src:. .venv-peers/bin/python -m benchmarks

.PHONY: interop
interop: .venv-peers/.peers ## Test beside the real Langfuse SDK, OpenInference and others
	@.venv-peers/bin/python -m pytest -o addopts= -W default tests/interop

.PHONY: soak
soak: .venv/.dev ## Run the large failure matrix and the burst of 50,000 spans (minutes)
	@$(PYTHON) -m pytest -m soak

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

# From the command line alone: SECONDS is a variable of bash.
FUZZ_SECONDS := $(if $(filter command,$(subst command line,command,$(origin SECONDS))),$(SECONDS),60)

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

.venv-peers/.peers: requirements/peers.txt
	@python3 scripts/install.py peers

.venv/.demo: requirements/demo.txt
	@python3 scripts/install.py demo

.venv/.dev: requirements/dev.txt .venv/.demo
	@python3 scripts/install.py dev

.PHONY: verify
verify: .venv/.demo ## Check what the chapter promises (SESSION= USER= SINCE=30m)
	@$(PYTHON) -m langfuse_checks verify

.PHONY: drill
drill: .venv/.demo ## List the break-it drills, or run one (NAME=root-only)
	@$(PYTHON) -m langfuse_checks drill

.PHONY: feedback
feedback: .venv/.demo ## Score a conversation or a turn (VALUE=up|down SESSION= TRACE= COMMENT=)
	@$(PYTHON) -m langfuse_checks feedback

.PHONY: users
users: .venv/.demo ## Show what each user cost, was denied and thought of it (SINCE=7d)
	@$(PYTHON) -m langfuse_checks users

.PHONY: sessions
sessions: .venv/.demo ## Show the sessions, the longest first, and why they are long (SINCE=7d)
	@$(PYTHON) -m langfuse_checks sessions

.tools/clients/.installed: requirements/clients.txt tests/clients/package-lock.json .venv/.demo
	@$(PYTHON) -m venv --clear .tools/clients
	@.tools/clients/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/clients.txt
	@cp tests/clients/package.json tests/clients/package-lock.json .tools/clients/
	@cd .tools/clients && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
