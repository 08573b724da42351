MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
# A Python that is still starting can only crash on Ctrl-C: src/sitecustomize.py lets it through.
STARTING := $(shell env --block-signal=INT true 2>/dev/null && echo env --block-signal=INT)
PYTHON := $(STARTING) .venv/bin/python
export PYTHONPATH := src

# Values reach Python through the environment, never through a shell line, and only from the make
# command line: many shells export USER, NAME and the like. $(value) takes the text as it stands,
# so that a $ or a backtick in a question is not run, and unexport keeps make from expanding the
# variable itself for its commands.
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
export CHECK_WAIT := $(call given,WAIT)
export RESET_TRACES := $(call given,TRACES)
export STACK_COLLECTOR := $(call given,COLLECTOR)
export STACK_VOLUMES := $(call given,VOLUMES)
export FUZZ_SECONDS := $(call given,SECONDS)
unexport Q ORDER ACTOR CONVERSATION USERS SEED COLLECTOR COMMENT NAME SESSION SINCE TRACE TRACES VALUE VOLUMES SECONDS WAIT
ifneq ($(CHECK_USER),)
unexport USER
endif

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^#@ / {printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

#@ The chapter

.PHONY: demo
demo: .venv/.demo ## Run one turn of the chapter; twice for a session of two traces [COLLECTOR=native]
	@$(if $(STACK_COLLECTOR),$(PYTHON) -m langfuse_stack native)
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.main
	@$(PYTHON) -m langfuse_checks arrival

.PHONY: conversation
conversation: .venv/.demo ## Run the chapter's three turns: three traces of one new session
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.commands.conversation
	@$(PYTHON) -m langfuse_checks arrival

.PHONY: ask
ask: .venv/.demo ## Ask one question: Q="..." [ORDER=...] [ACTOR=...] [CONVERSATION=...]
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.commands.ask
	@$(PYTHON) -m langfuse_checks arrival

.PHONY: cohort
cohort: .venv/.demo ## Run the conversations of many users [USERS=25] [SEED=1]
	@$(PYTHON) -m langfuse_local ensure
	@$(PYTHON) -m agent_observability.commands.cohort
	@$(PYTHON) -m langfuse_checks feedback --cohort
	@$(PYTHON) -m langfuse_checks arrival

.PHONY: reset
reset: .venv/.demo ## Forget conversations and handoffs [TRACES=1 also the local backend's traces]
	@$(PYTHON) -m agent_observability.commands.reset
	@$(if $(filter 1,$(RESET_TRACES)),$(PYTHON) -m langfuse_local reset)

#@ What it shows

.PHONY: verify
verify: .venv/.demo ## Check what the chapter promises [SESSION=...] [USER=...] [SINCE=30m] [WAIT=60]
	@$(PYTHON) -m langfuse_checks verify

.PHONY: drill
drill: .venv/.demo ## List the break-it drills, or run one: NAME=root-only [WAIT=60]
	@$(PYTHON) -m langfuse_checks drill

.PHONY: feedback
feedback: .venv/.demo ## Score a conversation or a turn: VALUE=up|down [SESSION=...] [TRACE=...] [COMMENT=...] [WAIT=60]
	@$(PYTHON) -m langfuse_checks feedback

.PHONY: users
users: .venv/.demo ## Show what each user cost, was denied and thought of it [SINCE=7d] [WAIT=60]
	@$(PYTHON) -m langfuse_checks users

.PHONY: sessions
sessions: .venv/.demo ## Show the sessions, the longest first, and why they are long [SINCE=7d] [WAIT=60]
	@$(PYTHON) -m langfuse_checks sessions

#@ Backends

.PHONY: backend
backend: .venv/.demo ## Run the local backend in the foreground
	@$(PYTHON) -m langfuse_local serve

.PHONY: up
up: .venv/.demo ## Start the real Collector and Langfuse with Docker
	@$(PYTHON) -m langfuse_stack up

.PHONY: down
down: .venv/.demo ## Stop what was started here [VOLUMES=1 also removes Langfuse's data]
	@$(PYTHON) -m langfuse_stack down

.PHONY: status
status: .venv/.demo ## Show the stack's services and what became of the spans
	@$(PYTHON) -m langfuse_stack status

.PHONY: logs
logs: .venv/.demo ## Follow the stack's logs
	@$(PYTHON) -m langfuse_stack logs

.PHONY: collector
collector: .venv/.demo ## Build the Collector and its relay into .tools
	@$(PYTHON) -m langfuse_stack collector

.PHONY: resend
resend: .venv/.demo ## Send again what was set aside: by TELEMETRY_SPOOL=true, or by the Collector
	@$(PYTHON) -m langfuse_stack collect
	@$(PYTHON) -m agent_observability.commands.resend

#@ Development

.PHONY: guard
guard: .venv/.demo ## Write the privacy rules into the Collector's configuration
	@$(PYTHON) -m langfuse_stack guard

.PHONY: test
test: .venv/.dev ## Run the tests, with the Collector where it can be built
	@$(PYTHON) -m langfuse_stack collector || :
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

.PHONY: clients
clients: .tools/clients/.npm ## Run Langfuse's and OpenTelemetry's own clients against the local backend (needs npm)
	@.tools/clients/bin/python -m pytest tests/clients

.PHONY: interop
interop: .tools/peers/.installed .venv/.demo ## Test beside the Langfuse SDK, OpenInference and others in one process
	@.tools/peers/bin/python -m pytest -o addopts= -W default tests/interop

.PHONY: examples
examples: .tools/examples/.installed ## Run the services under examples/, and take the pattern out into two more
	@.tools/examples/bin/python -m pytest -o addopts= tests/takeout tests/examples

.PHONY: soak
soak: .venv/.dev collector ## Run what takes minutes: long outages, bursts, crashes, load
	@$(PYTHON) -m pytest -m soak
	@SOAK_SECONDS=60 SOAK_KILLS=20 $(PYTHON) -m pytest -q tests/langfuse_local/test_together.py
	@PYTHONPATH=src:tests $(PYTHON) tests/collector/soak.py

.PHONY: stack-test
stack-test: .venv/.dev collector ## Run the real stack's commands on a Docker engine of their own (Linux, as root)
	@$(PYTHON) -m pytest -m stack tests/stack

.PHONY: fuzz
fuzz: .tools/fuzz/.installed ## Fuzz the receiver [SECONDS=60]
	@.tools/fuzz/bin/python tests/fuzz/receiver.py -max_total_time=$${FUZZ_SECONDS:-60} \
		-max_len=4096 -artifact_prefix=.tools/fuzz/

.PHONY: bench
bench: .tools/peers/.installed ## Compare spans and contexts with the peers (10 minutes)
	@PYTHONPATH=src:tests:. .tools/peers/bin/python -m benchmarks

.PHONY: bench-backend
bench-backend: .venv/.dev .tools/phoenix/.installed ## Compare the local backend with a floor and Phoenix (4 minutes)
	@$(PYTHON) benchmarks/backend.py

.PHONY: screenshot
screenshot: .venv/.dev ## Photograph the Sessions page for the README (needs Chromium)
	@$(PYTHON) scripts/screenshot.py

.PHONY: lock
lock: ## Resolve the dependencies again and write requirements/ (needs uv and npm)
	@sh scripts/lock.sh

.PHONY: clean
clean: ## Stop what runs and remove .venv, .tools, .data (with its traces) and caches
	@if [ -e .venv/.demo ]; then $(MAKE) down; fi
	@rm -rf .venv .tools .data .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Some systems have a python3 that only says how to get one, hence the first line.
define install
@python3 -c '' 2>/dev/null || { echo "There is no python3 here: install Python 3.11 or newer and run make again. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
@$(STARTING) python3 scripts/install.py $1 $2
@touch $@
endef

.venv/.demo: requirements/demo.txt
	$(call install,demo,.venv)

.venv/.dev: requirements/dev.txt .venv/.demo
	$(call install,dev,.venv)

.tools/%/.installed: requirements/%.txt
	$(call install,$*,$(@D))

.tools/clients/.npm: .tools/clients/.installed .venv/.demo tests/clients/package-lock.json
	@cp tests/clients/package.json tests/clients/package-lock.json .tools/clients/
	@cd .tools/clients && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
