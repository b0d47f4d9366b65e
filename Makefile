# Two commands do everything for a newcomer: `make bench` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Five contenders at six numbers of peers, in five minutes with the installation: so the item is smaller than the
# scenario's. The smaller it is, the more of a download is its beginning and its end, and the less of its bound is reached.
BENCH_ARGS ?= --contenders http,swarm,swarm-dht,swarm-gossip,swarm-supernode --set content.size=5MiB
OUT ?=
RUN ?= results/latest

# A dozen pairs tell what is asked of them, and leave time for a second batch within a quarter of an hour.
GATE_BASE ?= $(shell git merge-base HEAD origin/main 2>/dev/null || echo HEAD~1)
GATE_ARGS ?= --pairs 12

.DEFAULT_GOAL := help
.PHONY: help setup bench test fuzz simulate crosscheck gate gate-selftest observe observe-preview dashboards check format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; install Python 3.11 or newer, or pass PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old; swarmbench needs Python 3.11 or newer (PYTHON=/path/to/python3)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "make: $(PYTHON) cannot make virtual environments; install them with: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

setup: $(STAMP) ## Make .venv with everything pinned in requirements.lock

bench: $(STAMP) ## Compare a central server with four kinds of swarm, 1 to 32 peers (OUT=DIR chooses where results go)
	$(BIN)/swarmbench run flash-crowd $(BENCH_ARGS) $(if $(OUT),--out $(OUT))

test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest -q

fuzz: $(STAMP) ## A million hostile inputs for every decoder (FUZZ_ARGS="--seed N --codec NAME")
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

simulate: $(STAMP) ## Ten thousand small swarms in virtual time, full of faults (SIMULATE_ARGS="--seeds N --from N", or "--seed N")
	$(BIN)/python -m tests.simulation $(SIMULATE_ARGS)

crosscheck: $(STAMP) ## Real links, virtual time, model and bound side by side (OUT=DIR, CROSSCHECK_ARGS="--real DIR")
	@$(BIN)/swarmbench crosscheck $(CROSSCHECK_ARGS) $(if $(OUT),--out $(OUT))

gate: $(STAMP) ## Judge what is checked out against the merge base (GATE_BASE=REV, OUT=DIR, GATE_ARGS)
	$(BIN)/swarmbench gate --base $(GATE_BASE) $(GATE_ARGS) $(if $(OUT),--out $(OUT))

gate-selftest: $(STAMP) ## Find out whether the gate is right, on recorded runs of this machine
	$(BIN)/python -m tests.gate_selftest check $(SELFTEST_ARGS)

observe: $(STAMP) ## Start Prometheus and Grafana for whatever runs, until Ctrl-C (OBSERVE_ARGS="--grafana-port 3001")
	@$(BIN)/swarmbench observe $(OBSERVE_ARGS)

observe-preview: $(STAMP) ## Draw what the front dashboard will show of a finished run, without Grafana (RUN=DIR, OUT=DIR)
	@$(BIN)/swarmbench dashboards preview $(RUN) $(if $(OUT),--out $(OUT))

dashboards: $(STAMP) ## Build the dashboards anew, into dashboards/grafana
	$(BIN)/python -m dashboards.build

check: $(STAMP) ## Formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Pin the dependencies anew (needs uv)
	uv pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 --universal -q -o requirements.lock

clean: ## Remove what make made, not the results
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
