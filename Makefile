# make train · make test · make test-all · make lab · make bench · make lint
# The first target called makes the environment; PYTHON chooses the Python.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
BACKEND ?= tensorflow
# TensorFlow leaves its quicker kernels off on CPUs without AVX-512.
export TF_ENABLE_ONEDNN_OPTS ?= 1
NOTEBOOKS = $(shell find notebooks -name '*.ipynb' -not -path '*/.*' | sort)

.PHONY: help train results test test-all unit slow notebooks lab lint bench badges figures claims run-notebooks clean

help:
	@echo 'make train          train on embedded photographs (1½ to 4 minutes, CPU)'
	@echo 'make results        train the networks of docs/results.md (32 runs, 1½ hours each)'
	@echo 'make test           quick unit tests, then every notebook'
	@echo 'make test-all       these, then the slow tests and those that need'
	@echo '                    JAX, PyTorch or photographs beside the repository'
	@echo 'make unit           quick unit tests only'
	@echo 'make notebooks      every notebook under nbval only'
	@echo 'make lab            open JupyterLab on the notebooks'
	@echo 'make lint           ruff, and import-linter on who may import whom'
	@echo 'make bench          speed against others, and of the image pipeline'
	@echo '                    (BACKEND=jax|torch, PHOTOS=folder with JPEG files)'
	@echo 'make run-notebooks  run every notebook and store its outputs'
	@echo 'make figures        draw the figure of the README'
	@echo 'make claims         write docs/claims.md'
	@echo 'make badges         write the git remote into every notebook'
	@echo 'make clean          remove the environment'

# Made again when the requirements change.
$(VENV)/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

train: $(VENV)/ready
	$(BIN)/python -m alexnet_keras train $(ARGS)

# Goes on where it was stopped; ARGS=paper makes one of them.
results: $(VENV)/ready
	$(BIN)/python tools/results.py $(ARGS)

test: unit notebooks

test-all: test slow

unit: $(VENV)/ready
	$(BIN)/python -m pytest --numprocesses=2 --dist=worksteal \
		--durations=10 -m 'not slow' $(ARGS)

# What `make unit` leaves out, or skips where something is not installed.
slow: $(VENV)/ready
	$(BIN)/python -m pytest --numprocesses=2 --dist=worksteal \
		--durations=10 -m 'slow or extra' $(ARGS)

# A cell that hangs must not wait for nbval's 2000 seconds.
notebooks: $(VENV)/ready
	$(BIN)/python -m pytest --nbval --nbval-current-env \
		--nbval-cell-timeout=300 --numprocesses=2 --dist=loadfile \
		$(NOTEBOOKS)

lab: $(VENV)/ready
	$(BIN)/jupyter lab --notebook-dir=notebooks

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# PHOTOS is a folder with JPEG files; without it some are made.
bench: $(VENV)/ready
	cd benchmarks && KERAS_BACKEND=$(BACKEND) \
		$(abspath $(BIN))/python speed.py $(ARGS)
ifeq ($(BACKEND),tensorflow)
	cd benchmarks && $(abspath $(BIN))/python pipeline.py $(abspath $(PHOTOS))
endif

run-notebooks: $(VENV)/ready
	$(BIN)/python tools/notebooks.py execute

figures: $(VENV)/ready
	$(BIN)/python -m alexnet_keras shapes --figure assets/alexnet.png

claims: $(VENV)/ready
	$(BIN)/python tools/claims.py

badges: $(VENV)/ready
	$(BIN)/python tools/notebooks.py badges

clean:
	rm -rf $(VENV)
