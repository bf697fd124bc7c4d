# Needs Python 3.11, 3.12 or 3.13 and make. The first use builds .venv from requirements.lock; later uses find it ready.
# Every path here is relative, so that a checkout may lie in a folder with a space in its name.

.DEFAULT_GOAL := help
.PHONY: help train test test-fast soak lint types lock clean

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
PIP := $(PY) -m pip --disable-pip-version-check -q

# Arguments of `make train`, given on the command line: make train STEPS=2000000 SEED=1 OUT=runs/reacher-1
SPEC = reacher
ENV = reacher
OUT = runs/reacher
STEPS =
SEED =

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

train: $(READY) ## train on reacher (SPEC= ENV= OUT= STEPS= SEED=)
	$(PY) -m archlang train "$(SPEC)" --env "$(ENV)" --out "$(OUT)" $(if $(STEPS),--steps $(STEPS)) $(if $(SEED),--seed $(SEED))

test: $(READY) ## run every test, two at a time
	$(PY) -m pytest -n 2 --dist worksteal

test-fast: $(READY) ## run the tests that take seconds
	$(PY) -m pytest -n 2 --dist worksteal -m "not slow"

soak: $(READY) ## hold the laws against 10,000 random examples each: half an hour
	$(PY) benchmarks/soak.py

lint: $(READY) ## check style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(READY) ## check types
	$(PY) -m pyright --pythonpath $(PY)

lock: $(READY) ## resolve requirements.lock anew, to the newest versions
	$(PY) -m uv --no-config pip compile pyproject.toml --extra dev --extra gpu-check \
	  --universal --python-version 3.11 --fork-strategy requires-python --generate-hashes --upgrade \
	  --only-binary :all: --no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements.lock

clean: ## remove .venv, builds and caches; runs/ stays
	rm -rf $(VENV) dist build .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -------------------------------------------------------------------------------------------------

SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# The stamp holds the folder it was made in: an editable install in a checkout that moved would import the old place.
ifneq ($(shell test -x $(PY) && cat $(READY) 2>/dev/null),$(shell pwd -P))
.PHONY: $(READY)
endif

# The stamp goes first and comes back last: set-up that was interrupted starts over from nothing.
$(READY): requirements.lock pyproject.toml hatch_build.py
	@if [ -x $(PY) ] && [ "$$(cat $(READY) 2>/dev/null)" = "$$(pwd -P)" ]; then rm -f $(READY); else rm -rf $(VENV); fi
	@[ -x $(PY) ] || { for candidate in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c '$(SUITABLE)' 2>/dev/null; then \
	    echo "Creating $(VENV) with $$("$$candidate" --version) ($$candidate)."; exec "$$candidate" -m venv $(VENV); fi; done; \
	  echo "archlang needs Python 3.11, 3.12 or 3.13 with the venv and ensurepip modules (on Debian: python3-venv)." >&2; \
	  echo "None was found as \$$PYTHON, python3, python3.13, python3.12 or python3.11; try: make PYTHON=/path/to/python3.12" >&2; \
	  exit 1; }
	@echo "Installing the locked packages into $(VENV), 1.8 GB on disk: some minutes the first time."
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@echo "Installing archlang itself, editable."
	@$(PIP) install --no-deps --no-build-isolation -e .
	@pwd -P > $(READY)
