# make demo   the whole way, from an empty machine to a link that plays
# make test-fast   the tests without a browser, Blender and ffmpeg: about a minute
# make test        every test; ORDER=reverse or ORDER=7 (a seed) runs them in another order
# make test-all    every test, with the exhaustive cases that the other targets sample
# make test-lowest   the tests of session, events and files with the lowest versions that pyproject.toml allows
# make coverage    every test, with the branches that none of them runs
# make check  lint, format, types, import contracts, names and prose only
# make docs   the documentation site, in site/
# make bench-quick   the measurements in CPU time and requests, against other programs
# make bench  all of them
# make extension   the Blender extension and the classic add-on, as zip files in dist/
# make release     wheel, sdist and extension archives in dist/, checked in clean environments, with a bill of materials
# make lock        the lock files in .ci/lock, after a change of dependencies or of constraints.txt
# Everything a target needs is installed by it, once: Python packages into .venv, system packages through apt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# Every package is installed in a locked version, and its file must have the recorded hash; the project itself comes last.
LOCKED := $(PIP_INSTALL) --require-hashes --requirement .ci/lock
# What `make test-all` runs in full.
EXHAUSTIVE := FT_DCC_EVERY_FAULT=1 FT_DCC_FRAME_MATRIX=all FT_DCC_COMMENTS=1000 FT_DCC_GENERATED_MUTANTS=100 \
	FT_DCC_FUZZ_COUNT=10000 FT_DCC_CRASH_ROUNDS=25 FT_DCC_QUERY_EXAMPLES=300 FT_DCC_ACCESS_PATHS=3000 FT_DCC_FUZZ_QUERIES=2000 \
	FT_DCC_KEY_ATTEMPTS=all FT_DCC_EVENT_OPERATIONS=all FT_DCC_BATCH_ITEMS=60 FT_DCC_ALL_SIZES=1 FT_DCC_ENGINE_RATES=all \
	FT_DCC_RENDER_ORDERS=500 FT_DCC_PUBLISHES=1000
PROJECT := $(PIP_INSTALL) --no-deps --no-build-isolation --editable .

.PHONY: demo test test-fast test-all test-lowest coverage check docs bench bench-quick extension release lock picture screenshot-blender clean setup setup-test

demo: setup
	$(BIN)/ft-dcc demo

# A run starts hundreds of Python programs, and each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

# The processes end together, because an idle one takes tests from the others. A crash of a process ends the run with the name
# of the test, because xdist would wait forever for the tests of that process.
ORDER ?= file
PYTEST := $(BIN)/python -m pytest --order $(ORDER)
IN_PARALLEL := --numprocesses auto --max-worker-restart 0 --dist worksteal
# Reads the sources and runs tools on them; part of `make check` and not of the tests.
CHECKS := tests/test_repo_rules.py tests/docs

test: setup-test
	$(PYTEST) $(IN_PARALLEL) $(addprefix --ignore=,$(CHECKS))

test-fast: setup-test
	$(PYTEST) $(IN_PARALLEL) $(addprefix --ignore=,$(CHECKS)) -m "not slow"

test-all: setup-test
	$(EXHAUSTIVE) $(PYTEST) $(IN_PARALLEL) --timeout 7200

# The tests of the official client have an environment of their own: it pins websocket-client, arrow and clique to old
# versions, and those of ft-dcc run with the newest ones. One test lists the modules of the newest attrs.
test-lowest:
	test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python $(LOCKED)/lowest.txt
	.venv-lowest/bin/python $(PROJECT)
	.venv-lowest/bin/python -m pip check
	.venv-lowest/bin/python -m pytest -q tests/session tests/event_protocol tests/files tests/publish/test_version_files.py \
		--deselect tests/session/test_session.py::test_importing_the_session_loads_these_modules_only

# The report is printed after tests that passed; failed tests stay at the end of the output.
coverage: setup-test
	$(PYTEST) $(IN_PARALLEL) $(addprefix --ignore=,$(CHECKS)) --cov --cov-report=
	$(BIN)/coverage report --skip-covered

check: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	test ! -d web/node_modules || npm --prefix web run check
	$(PYTEST) --quiet $(CHECKS)

docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Open site/index.html, or serve it with search: $(BIN)/python -m mkdocs serve"

bench: setup-test
	$(BIN)/python -m bench

bench-quick: setup-test
	$(BIN)/python -m bench quick

setup: $(VENV)/demo.stamp
setup-test: $(VENV)/test.stamp

$(VENV)/demo.stamp: pyproject.toml .ci/lock/demo.txt hosts/blender/debian-packages.txt .ci/system-packages
	bash .ci/system-packages $(PYTHON) hosts/blender/debian-packages.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(LOCKED)/demo.txt
	$(BIN)/python $(PROJECT)
	touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp .ci/lock/test.txt .ci/lock/official.txt tests/debian-packages.txt tests/browser/javascript/package-lock.json
	bash .ci/system-packages $(PYTHON) hosts/blender/debian-packages.txt tests/debian-packages.txt
	$(BIN)/python $(LOCKED)/test.txt
	$(BIN)/python $(PROJECT)
	test -x .venv-official/bin/python || $(PYTHON) -m venv .venv-official
	.venv-official/bin/python $(LOCKED)/official.txt
	# The official JavaScript client and the tools of the page, where there is Node; tests of both say that they are
	# skipped where there is none.
	if command -v npm >/dev/null; then for each in tests/browser/javascript web; do npm --prefix $$each ci --silent || exit 1; done; fi
	# Compiles all tests once, and not in each process of the first run.
	$(BIN)/python -m pytest --collect-only --quiet >/dev/null
	touch $@

$(VENV)/docs.stamp: pyproject.toml .ci/lock/test.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --editable '.[cli,docs]'
	touch $@

extension: setup
	$(BIN)/python hosts/blender/build_extension.py

# Packages are built and checked in an environment of their own, with tools that no other target needs.
release:
	test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	.venv-release/bin/python $(LOCKED)/release.txt
	rm -rf dist
	.venv-release/bin/python -m build --outdir dist
	.venv-release/bin/python hosts/blender/build_extension.py
	.venv-release/bin/cyclonedx-py requirements .ci/lock/demo.txt --output-file dist/ft-dcc.cdx.json
	.venv-release/bin/python .ci/check_release.py dist

lock:
	test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	.venv-release/bin/python $(PIP_INSTALL) uv
	bash .ci/lock/update .venv-release/bin/uv

# The images of the review page, made by the demo, and of the home.
picture: setup-test
	$(BIN)/python .ci/screenshot.py docs/images/review.png
	FT_DCC_IMAGES=docs/images $(BIN)/python -m pytest -q tests/browser/test_images.py

screenshot-blender: setup-test
	FT_DCC_BLENDER=$${FT_DCC_BLENDER:-/usr/bin/blender} FT_DCC_SCREENSHOT=docs/images/blender.png \
		FT_DCC_PANELS=docs/images FT_DCC_ANIMATION=docs/images/round.webp \
		$(BIN)/python -m pytest -q tests/blender/test_window.py tests/blender/test_window_round.py \
		-k "screenshot or panel_is_drawn"

clean:
	rm -rf $(VENV) .venv-official .venv-lowest .venv-release build dist site
