# Every target sets itself up: a machine needs Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready-dev
RUNTIME_STAMP := $(VENV)/.ready
FOREIGN := tests/foreign/node
FOREIGN_STAMP := $(FOREIGN)/node_modules/.ready
SOURCES := solver booking_engine hl7_adapters scenarios api tests benchmarks

.PHONY: help demo test check bench conformance lock clean

help:
	@echo "make demo [ARGS='--orders 500 --once']  orders in, bookings out, on one machine"
	@echo "make test [ARGS='-k name']              every test, on SQLite and PostgreSQL"
	@echo "make check                              lint, types, import contracts"
	@echo "make bench                              the benchmarks, beside their peers"
	@echo "make conformance                        write docs/conformance.md from what is measured"
	@echo "make lock                               refresh the two requirement locks"

$(RUNTIME_STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(STAMP): $(RUNTIME_STAMP) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

demo: $(RUNTIME_STAMP)
	$(BIN)/booking-engine demo $(ARGS)

# Other people's HL7 clients, for the tests; node itself is one of the wheels.
$(FOREIGN_STAMP): $(FOREIGN)/package-lock.json $(STAMP)
	cd $(FOREIGN) && PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund
	touch $@

# Compiled once for all workers, before anything waits for it.
test: $(STAMP) $(FOREIGN_STAMP)
	$(BIN)/python -c "from solver import warm_up; warm_up()"
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

conformance: $(STAMP)
	CONFORMANCE_WRITE=1 $(BIN)/python -m pytest -q tests/conformance
	git diff --stat docs/conformance.md

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --no-strip-extras pyproject.toml requirements-build.in -o requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --no-header --no-strip-extras --group dev pyproject.toml requirements-build.in -o requirements-dev.lock

clean:
	rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
