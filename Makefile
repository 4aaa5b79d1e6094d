# make demo   the whole way, from an empty machine to a link that plays
# make test   every test
# make check  lint, format, types and import rules only
# make bench  measurements against other programs
# make extension   the Blender extension and the classic add-on, as zip files in dist/
# Everything a target needs is installed by it, once: Python packages into .venv, system packages through apt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check bench extension picture clean setup setup-test

demo: setup
	$(BIN)/ft-dcc demo

test: setup-test
	# Each file stays whole: its tests share a studio.
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-test
	$(BIN)/python -m bench

setup: $(VENV)/demo.stamp
setup-test: $(VENV)/test.stamp

$(VENV)/demo.stamp: pyproject.toml constraints.txt hosts/blender/debian-packages.txt .ci/system-packages
	bash .ci/system-packages $(PYTHON) hosts/blender/debian-packages.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --editable '.[cli,media,colour,server,blender]'
	touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp tests/debian-packages.txt tests/browser/javascript/package-lock.json
	bash .ci/system-packages $(PYTHON) hosts/blender/debian-packages.txt tests/debian-packages.txt
	$(PIP_INSTALL) --editable '.[cli,media,colour,server,blender,dev]'
	test -x .venv-official/bin/python || $(PYTHON) -m venv .venv-official
	.venv-official/bin/python -m pip install --quiet --disable-pip-version-check ftrack-python-api==3.1.0
	# The official JavaScript client and the tools of the page, where there is Node; tests of both say that they are
	# skipped where there is none.
	if command -v npm >/dev/null; then for each in tests/browser/javascript web; do npm --prefix $$each ci --silent || exit 1; done; fi
	touch $@

extension: setup
	$(BIN)/python hosts/blender/build_extension.py

# The README's picture, made by the demo itself.
picture: setup-test
	$(BIN)/ft-dcc demo --once --picture docs/review.png

clean:
	rm -rf $(VENV) .venv-official build dist
