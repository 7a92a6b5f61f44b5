.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
VIDSTYLE := $(BIN)/vidstyle
SOURCES := vidstyle tests samples docs
DEMO := demo

.PHONY: help
help: ## List all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# make TORCH=https://download.pytorch.org/whl/cpu installs a CPU-only torch: 1.2 GB instead of 5.
TORCH ?=

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vidstyle needs Python 3.11 or newer; \
	this is %d.%d. Choose another: make PYTHON=python3.12" % sys.version_info[:2])'
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
install: .venv/installed ## Install vidstyle into .venv (about 5 GB; two minutes on a fast connection)

.PHONY: demo
demo: .venv/installed ## Paint the sample clip: video, GIF of the optimization, contact sheet
	@mkdir -p $(DEMO)
	$(VIDSTYLE) video samples/clip.mp4 --style samples/swirls.jpg --gif --sheet \
		--output $(DEMO)/clip.swirls.mp4 --overwrite

.PHONY: demo-mosaic
demo-mosaic: .venv/installed ## Paint the same clip as a mosaic
	@mkdir -p $(DEMO)
	$(VIDSTYLE) video samples/clip.mp4 --style samples/mosaic.jpg --gif --sheet \
		--output $(DEMO)/clip.mosaic.mp4 --overwrite

.PHONY: demo-still
demo-still: .venv/installed ## Paint one picture, with a GIF of the optimization
	@mkdir -p $(DEMO)
	$(VIDSTYLE) image samples/photo.jpg --style samples/woodblock.jpg --gif \
		--output $(DEMO)/photo.woodblock.png --overwrite

.PHONY: test
test: .venv/tools-installed ## Run the tests: no network, no GPU
	$(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: test-fast
test-fast: .venv/tools-installed ## Run the quick tests: under a minute
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

.PHONY: gpu
gpu: .venv/tools-installed ## Compare a GPU with the CPU and time it: ten minutes; writes gpu.md
	$(BIN)/python tests/gpu/run.py --output gpu.md

# The wheel gets an environment of its own, which sees what is installed in .venv: only
# what the wheel asks for, as long as the tools are not there, so .ci/run begins with it.
.PHONY: wheel-test
wheel-test: .venv/installed ## Install a wheel as a user would, and paint a picture
	rm -rf build/wheel
	$(BIN)/python -m venv --without-pip build/wheel/.venv
	cd build/wheel/.venv/lib/python*/site-packages && \
		$(CURDIR)/$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > shared.pth
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	cd build/wheel && $(BIN)/python -m pip install --quiet --no-deps --force-reinstall vidstyle-*.whl
	cd build/wheel && $(BIN)/python -m pip check
	cd build/wheel && $(BIN)/vidstyle --version
	cd build/wheel && $(BIN)/vidstyle image ../../samples/photo.jpg --style ../../samples/swirls.jpg \
		--network slim --long-side 64 --steps 5 --output still.png
	rm -rf build/wheel

.PHONY: lint
lint: .venv/tools-installed ## Check code, formatting and import directions
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports --no-logo

.PHONY: format
format: .venv/tools-installed ## Format the code
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: types
types: .venv/tools-installed ## Check types
	$(BIN)/mypy

.venv/docs-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

.PHONY: docs
docs: .venv/docs-installed ## Build the documentation site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.PHONY: structure
structure: .venv/tools-installed ## Measure the package: lines, modules, levels, longest functions
	$(BIN)/python tests/structure.py

.PHONY: cov
cov: .venv/tools-installed ## Run the tests and list the lines they miss
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

.PHONY: check
check: lint types test ## Run the linters, the type checker and all tests

.PHONY: samples
samples: .venv/installed ## Remake the samples (installs scikit-image)
	$(BIN)/python -m pip install --quiet --group samples
	$(BIN)/python samples/make_samples.py

.PHONY: clean
clean: ## Delete generated files, but not .venv
	rm -rf $(DEMO) dist build .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .coverage
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
