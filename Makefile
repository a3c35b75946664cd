# The commands of the README, of CI and of a developer are the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A file's tests in one process, in the order of tests/conftest.py: what takes longest comes first.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
STAMP := $(VENV)/.installed
# What `make demo` needs; any other target completes it.
DEMO := $(VENV)/.demo

# One process per core: the potentials' libraries must not start threads of their own.
export OMP_NUM_THREADS := 1

# Modules are compiled once, also where a machine asks for the opposite: the tests start a thousand
# processes, and each would compile what it imports again, 4.7 in place of 2.0 s for the service.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test test-slow lint format coverage docs dist bench validate screenshots serve wheel-test container-test fit-tolerance tutorials clean

install: $(STAMP)

define create_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11; name another one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
endef

$(STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV): a few minutes the first time"
	$(create_venv)
	.ci/install $(VENV) all,dev
	@touch $(DEMO) $(STAMP)

$(DEMO): pyproject.toml constraints.txt
	@echo "setting up $(VENV) for the demo: about a minute the first time"
	$(create_venv)
	.ci/install $(VENV) demo
	@touch $(DEMO)

demo: $(DEMO)
	$(BIN)/pvkdb demo

# What matters, in minutes.
test: install
	$(PYTEST) -m "not slow"

# What takes long, needs a program of its own, or repeats a test on PostgreSQL.
# One process more than cores, since some tests wait for a program.
test-slow: install
	$(subst --numprocesses auto,--numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1),$(PYTEST)) -m "slow and not long"

# What the quick tests reach: a table, and build/coverage.xml.
coverage: install
	$(PYTEST) -m "not slow" \
	  --cov --cov-report=term:skip-covered --cov-report=xml:build/coverage.xml

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# With OPTIMADE_SERVER=VENV also beside the reference OPTIMADE server: benchmarks/web/optimade_servers.py.
bench: install
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/web/client.py
	$(BIN)/python benchmarks/tolerance.py
	$(BIN)/python benchmarks/ranking.py
	$(BIN)/python benchmarks/neb.py
	$(BIN)/python benchmarks/potentials/neb_whole.py
	$(BIN)/python benchmarks/potentials/batched_neb.py
	$(BIN)/python benchmarks/potentials/potential_evaluation.py
	$(BIN)/python benchmarks/screen.py
	$(BIN)/python benchmarks/screen.py --whole
	$(BIN)/python benchmarks/crossbar.py
	$(BIN)/python benchmarks/workers/queue_overhead.py
	$(BIN)/python benchmarks/potentials/dft.py
	$(BIN)/python benchmarks/web/explorer.py
	$(BIN)/python benchmarks/service.py
	$(BIN)/python benchmarks/workers/kills.py
	$(BIN)/python benchmarks/web/fuzz.py
	$(BIN)/python benchmarks/web/fuzz.py --postgresql
	$(BIN)/python benchmarks/workers/soak.py
	$(BIN)/python benchmarks/web/optimade_servers.py $(if $(OPTIMADE_SERVER),--optimade-server $(OPTIMADE_SERVER))
	$(BIN)/python benchmarks/workers/many_workers.py --workers 300 --start 10 --seconds 20

# Relaxed cells beside measured ones, activation energies beside the literature's, with the error of
# potentials that rankings use, predicted times beside those of devices: docs/validation. Before them
# the tests that take too long for each change.
validate: install
	$(PYTEST) -m long
	$(MAKE) wheel-test
	$(BIN)/python -m validation.structures.make
	$(BIN)/python -m validation.structures.hybrids
	$(BIN)/python -m validation.migration.make
	$(BIN)/python -m validation.calibration.make
	$(BIN)/python -m validation.prediction.make
	$(BIN)/python -m validation.drafting.make
	$(BIN)/python -m validation.rankings.choice
	$(BIN)/python -m validation.rankings.series

# The pictures of the README, of the explorer in Chromium.
screenshots: install
	$(BIN)/python docs/pictures/make.py

# The tutorials, executed in place; their outputs are kept.
tutorials: install
	$(BIN)/python docs/tutorials/run.py

# The coefficients of the probability of being a perovskite, fitted again.
fit-tolerance: install
	$(BIN)/python curation/tolerance.py

serve: install
	$(BIN)/pvkdb init
	$(BIN)/pvkdb serve --allow-local-writes

# The documentation as a site that needs no network: build/site/index.html.
docs: install
	$(BIN)/python -m sphinx --builder html --conf-dir docs --fail-on-warning --keep-going --jobs auto --quiet \
	  --doctree-dir build/doctrees . build/site
	@echo "build/site/index.html"

# The source distribution, the wheel made from it, and a check of both.
dist: install
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

# Built files in empty environments away from the checkout: base install from both, and [all] unless
# PART=base.
wheel-test: install
	PVKDB_PYTHON=$(abspath $(BIN)/python) bash tests/wheel.sh $(PART)

# The commands of the Dockerfile without a container engine.
container-test: install
	PVKDB_PYTHON=$(abspath $(BIN)/python) bash tests/container.sh

clean:
	rm -rf $(VENV) demo-output dist build
