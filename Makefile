PYTHON ?= python3
PIP = -m pip install --disable-pip-version-check -q -c constraints.txt

.PHONY: demo test lint train-refine clean

# A light install (no torch), then the main job on the bundled photo. Pictures and report land in demo/.
demo: .venv-light/installed
	.venv-light/bin/gyrosharp demo -o demo -f

# The development install without torch, then all tests and doctests (those of torch and Ray skip); then those of torch and Ray.
test: .venv-dev/installed .venv-train/installed
	OPENBLAS_NUM_THREADS=1 .venv-dev/bin/python -m pytest -n 2
	.venv-dev/bin/python -m pytest -q --doctest-modules --pyargs gyrosharp --ignore-glob="*torch_operator.py" \
		--ignore-glob="*/gyrosharp/nets/*" --ignore-glob="*/gyrosharp/training/*"
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 .venv-train/bin/python -m pytest -n 2 -m torch
	OPENBLAS_NUM_THREADS=1 .venv-train/bin/python -m pytest -m "ray and not torch"

lint: .venv-dev/installed
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/mypy
	.venv-dev/bin/lint-imports

# The weights of the default method, from photos and gyro logs in DATA: six hours on two cores, or on a GPU.
DATA = ../shared/data
train-refine: .venv-train/installed
	.venv-train/bin/python tools/train_refine.py --data $(DATA) -o refine

SOURCES = $(shell git ls-files -co --exclude-standard src CMakeLists.txt pyproject.toml constraints.txt)

.venv-light/installed: $(SOURCES)
	$(PYTHON) -m venv .venv-light
	.venv-light/bin/python $(PIP) --force-reinstall --no-deps .
	.venv-light/bin/python $(PIP) .
	touch $@

.venv-dev/installed: $(SOURCES)
	$(PYTHON) -m venv .venv-dev
	.venv-dev/bin/python $(PIP) --force-reinstall --no-deps .
	.venv-dev/bin/python $(PIP) ".[dev,telemetry]"
	touch $@

.venv-train/installed: $(SOURCES)
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/python $(PIP) --force-reinstall --no-deps .
	.venv-train/bin/python $(PIP) ".[dev,train,ray,openvino]"
	touch $@

clean:
	rm -rf .venv-light .venv-dev .venv-train build demo
