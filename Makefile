.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
VIDSTYLE := $(BIN)/vidstyle
SOURCES := vidstyle tests samples docs
DEMO := demo

.PHONY: help
help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# make TORCH=https://download.pytorch.org/whl/cpu takes a torch without GPU libraries: 1.2 GB instead of 5.
TORCH ?=

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vidstyle needs Python 3.11 or newer, and \
	this is %d.%d; name another: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Install python3-venv first (Debian, Ubuntu)."; exit 1; }
	$(PYTHON) -m venv $(if $(wildcard .venv/installed),,--clear) .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(if $(TORCH),$(BIN)/python -m pip install --quiet --index-url $(TORCH) torch torchvision)
	$(BIN)/python -m pip install --quiet --editable ".[vgg19]"
	@touch $@

.venv/tools-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

.PHONY: install
install: .venv/installed ## Set everything up in .venv (about 5 GB; two minutes on a fast line)

.PHONY: demo
demo: .venv/installed ## Paint the sample clip: video, GIF of the learning, contact sheet
	@mkdir -p $(DEMO)
	$(VIDSTYLE) video samples/clip.mp4 --style samples/swirls.jpg --gif --sheet \
		--output $(DEMO)/clip.swirls.mp4 --overwrite

.PHONY: demo-mosaic
demo-mosaic: .venv/installed ## The same clip by another hand
	@mkdir -p $(DEMO)
	$(VIDSTYLE) video samples/clip.mp4 --style samples/mosaic.jpg --gif --sheet \
		--output $(DEMO)/clip.mosaic.mp4 --overwrite

.PHONY: demo-still
demo-still: .venv/installed ## One picture and the GIF of how it was learned
	@mkdir -p $(DEMO)
	$(VIDSTYLE) image samples/photo.jpg --style samples/woodblock.jpg --gif \
		--output $(DEMO)/photo.woodblock.png --overwrite

.PHONY: test
test: .venv/tools-installed ## Run the tests: no network, no GPU
	$(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: test-fast
test-fast: .venv/tools-installed ## Run the quick tests: under a minute
	$(BIN)/python -m pytest -m "not slow"

# In an environment of its own, as a user has it: it shares nothing with .venv but pip's cache.
.PHONY: gpu
gpu: .venv/tools-installed ## Compare a GPU with the CPU and time it: ten minutes, gpu.md
	$(BIN)/python tests/gpu/run.py --output gpu.md

.PHONY: wheel-test
wheel-test: ## Install a wheel as a user would, and paint a picture with it (6 GB for a while)
	rm -rf build/wheel
	$(PYTHON) -m venv build/wheel/.venv
	cd build/wheel && $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir . ../..
	cd build/wheel && $(BIN)/python -m pip install --quiet --no-compile vidstyle-*.whl
	cd build/wheel && $(BIN)/vidstyle --version
	cd build/wheel && $(BIN)/vidstyle image ../../samples/photo.jpg --style ../../samples/swirls.jpg \
		--network slim --long-side 64 --steps 5 --output still.png
	rm -rf build/wheel

.PHONY: lint
lint: .venv/tools-installed ## Look for mistakes, for untidiness, for imports that go the wrong way
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: .venv/tools-installed ## Tidy up
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: types
types: .venv/tools-installed ## Check the types
	$(BIN)/mypy

.venv/docs-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

.PHONY: docs
docs: .venv/docs-installed ## Build the documentation as a site, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.PHONY: structure
structure: .venv/tools-installed ## Measure the package: lines, modules, levels, longest functions
	$(BIN)/python tests/structure.py

.PHONY: cov
cov: .venv/tools-installed ## Run the tests and say which lines they miss
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

.PHONY: check
check: lint types test ## All that has to hold before a change lands

.PHONY: samples
samples: .venv/installed ## Make the samples again (installs scikit-image)
	$(BIN)/python -m pip install --quiet --group samples
	$(BIN)/python samples/make_samples.py

.PHONY: clean
clean: ## Delete what was made, but not .venv
	rm -rf $(DEMO) dist build .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .coverage
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
