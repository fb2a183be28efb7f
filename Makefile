# Needs only Python 3.11+ and make: every target sets up .venv first.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
export PYTHONDONTWRITEBYTECODE :=  # else every process that a test starts compiles all sources again
MINUTES ?= 20
SEED ?= 0
MARKED = $(shell grep -rlE 'mark\.(long|ray|chaos|torture)' --include='test_*.py' tests)
SHORTER := not chaos and not torture and not browser

FILES := --dist loadfile --no-loadscope-reorder --durations=10

.PHONY: demo test test-long chaos torture test-torture test-browser chromium promises pictures check bench bench-long results study docs sbom audit clean

demo: $(READY)  ## simulate a release, model it on Ray, show the best-predicted genes
	$(BIN)/knockcast demo --out demo

test: $(READY)  ## unit tests, a file at a time on each core; on Ray, two at a time. The rest: test-long, chaos, test-browser
	$(BIN)/python -m pytest -n auto --maxprocesses 8 $(FILES)
	$(BIN)/python -m pytest $(MARKED) -m "ray and not long and $(SHORTER)" -n 2 $(FILES)

test-long: $(READY)  ## tests of ten seconds and more: whole runs, real data against slow twins, the pages' commands
	$(BIN)/python -m pytest $(MARKED) -m "long and $(SHORTER)" -n 2 $(FILES)

chaos: $(READY)  ## what kills processes, damages files and plants faults, with two minutes of `make torture`
	$(BIN)/python -m pytest $(MARKED) -m "chaos and not torture" -n 2 $(FILES)

test-torture: $(READY)  ## what only repeats: a kill before each single step, twenty kills of a driver, all real targets
	$(BIN)/python -m pytest $(MARKED) -m torture -n 2 $(FILES)

torture: $(READY)  ## faults at random for MINUTES, in an order that follows from SEED; prints what was done, as counts
	$(BIN)/python -m tests.chaos.torture --minutes $(MINUTES) --seed $(SEED)

test-browser: chromium  ## the explorer's tests in a real Chromium, installed here if there is none and that is possible
	$(BIN)/python -m pytest -m browser --durations=10

chromium: $(READY)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo 'no Chromium, and none could be installed: what needs it will be skipped'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[explore,browser]' \
		|| echo 'the extra `browser` could not be installed: what needs it will be skipped'

promises: chromium  ## every test that docs/reliability.md names; writes there what they measured
	$(BIN)/python -m tests.promises

pictures: $(READY)  ## the pictures of the docs, by the browser tests on the real data of ../shared
	KNOCKCAST_PICTURES=docs/pictures $(BIN)/python -m pytest -m browser tests/browser/test_pictures.py

check: $(READY) sbom  ## style and types, and the bill of materials
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## every measured claim, each beside its bare bound
	$(BIN)/python -m tests.benchmarks

bench-long: $(READY)  ## those that take an hour, or a GPU: 100 000 commits, a million units, damage, the published sizes
	$(BIN)/python -m tests.benchmarks --long

results: $(READY)  ## run the real data of ../shared/data and write docs/results.md
	$(BIN)/python -m tests.benchmarks.results

study: $(READY)  ## how accurate the methods are, on folds kept for this; hours; writes docs/accuracy.md
	$(BIN)/python -m tests.benchmarks.study

docs: $(READY)  ## the documentation as a site, in site/index.html; needs no network
	$(BIN)/python -m sphinx -W -q -c docs/site . site
	@echo 'open site/index.html'

sbom: $(READY)  ## every pinned package with version, licence and sha256, as CycloneDX in sbom.json; needs no network
	$(BIN)/python deploy/sbom.py deploy/hashes.txt > sbom.json

audit: $(READY)  ## known weaknesses of the pinned packages, by pip-audit, which asks PyPI itself: no mirror answers that
	$(PYTHON) -m venv audit
	audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	sed 's/+cpu//' deploy/hashes.txt > audit/pins.txt
	audit/bin/pip-audit --strict --disable-pip --no-deps -r audit/pins.txt

clean:  ## what the targets above leave behind, .venv excepted
	rm -rf demo results bench study site audit sbom.json

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,bench,explore]'
	touch $(READY)
