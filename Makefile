# `make run` and `make test` do everything that they need: virtual environment, packages, ngspice. All of it is
# incremental: what is done already is not done again. Options: ARGS="--quick" (make run), PYTHON=python3.12, JOBS=4.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint docs bench fuzz picture clean ngspice FORCE

VENV  := .venv
BIN   := $(VENV)/bin
ROOMS := files circuits measurements netlists behavioral training reports fidelity campaigns cli
JOBS  ?= 2
ARGS  ?=
SECONDS ?= 60
READERS ?=
CASES   ?= 100000

# The strict editable mode links file by file, so a new file needs a new link tree: this list is what the stamp watches.
SOURCES := $(sort $(shell find $(ROOMS) -type f ! -name '*.pyc' ! -name '.*'))

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/installed ngspice  ## virtual environment, packages and ngspice
	@echo "-- set up: $(BIN)/thermospice, $$(command -v ngspice)"

run: setup  ## the main job: from a drawn chip to results/.../report.html
	$(BIN)/thermospice run $(ARGS)

# A file stays in one process: what its tests share (a measured chip, a campaign) is made once.
test: setup  ## the tests, on $(JOBS) processes
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

test-all: setup  ## the tests with the longer studies
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m '' $(ARGS)

lint: setup  ## ruff (rules and format) and mypy --strict on the installed package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(ROOMS:%=-p thermospice.%)

docs: setup  ## the site, from docs/ into build/site; open build/site/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/site
	@echo "-- build/site/index.html"

bench: setup $(VENV)-bench/ready  ## speed against the peers, in an environment of its own
	@# Twenty-five minutes; each benchmark alone: $(VENV)-bench/bin/python benchmarks/bench_NAME.py --help
	$(VENV)-bench/bin/python benchmarks/run_all.py $(ARGS)

fuzz: setup  ## tables of hostile inputs (CASES=100000), then each reader by coverage (SECONDS=60, READERS="csv raw")
	$(BIN)/python tests/fuzz/tables.py $(CASES)
	$(BIN)/python -m pip install --quiet 'atheris>=2.3'
	mkdir -p build/fuzz
	cd build/fuzz && $(CURDIR)/$(BIN)/python $(CURDIR)/tests/fuzz/run.py $(SECONDS) $(READERS)

picture: setup  ## draw the picture of README.md again
	$(BIN)/python docs/picture.py

clean:  ## remove environments, links and caches (results/ stays)
	rm -rf $(VENV) $(VENV)-bench build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ngspice:
	@sh tools/install-ngspice

$(VENV)/made: tools/make-venv
	@sh tools/make-venv $(VENV) $(PYTHON)
	$(BIN)/python -m pip install --quiet --upgrade 'setuptools>=77'
	@touch $@

$(VENV)/sources: FORCE | $(VENV)/made
	@printf '%s\n' $(SOURCES) > $@.new; if cmp -s $@ $@.new; then rm $@.new; else mv $@.new $@; fi

$(VENV)/installed: $(VENV)/made $(VENV)/sources pyproject.toml constraints.txt
	@echo "-- installing packages and links into $(VENV) (minutes the first time: PyTorch is large; seconds after that)"
	$(BIN)/python -m pip install --quiet --no-build-isolation -c constraints.txt \
		-e '.[dev]' --config-settings editable_mode=strict
	@# As pip does for any other package: without it each start compiles hundreds of files where none may be written.
	@$(BIN)/python -m compileall -q build/__editable__.*
	@touch $@

$(VENV)-bench/ready: $(VENV)/installed benchmarks/requirements.txt
	@sh tools/make-venv $(VENV)-bench $(PYTHON)
	@echo "-- installing thermospice and its peers into $(VENV)-bench"
	$(VENV)-bench/bin/python -m pip install --quiet -c constraints.txt -r benchmarks/requirements.txt .
	@touch $@
