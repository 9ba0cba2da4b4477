# Everything runs in .venv, which .ci/setup.sh builds from requirements.lock; `make` alone lists the targets.
# Written for GNU make 3.81 and later, the one macOS ships.

PY := .venv/bin/python
STAMP := .venv/.installed

# A caller's Python settings would put other packages into, or in front of, the course's own.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX VIRTUAL_ENV

# Jupyter reads its settings for this course from here: start page, news off, nbgrader's folders.
LAB_CONFIG := $(CURDIR)/course/jupyterlab:$(CURDIR)/autograde
LAB_ARGS ?=
# As root, which is what containers run as, JupyterLab starts only when told that this is meant.
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help setup lab test test-all grade notebooks lint lock bench clean

help:
	@echo "make lab         open JupyterLab on course/index.ipynb (more options: LAB_ARGS=\"--no-browser --port 8890\")"
	@echo "make test        run the tests on all cores, of many alike a sample (more options: TEST_ARGS=\"-k batch\")"
	@echo "make test-all    run all of them: every hostile variant, every answer through a worker, every lesson twice"
	@echo "make grade       build a sample class, grade it with nbgrader, print the scores and where the feedback is"
	@echo "make notebooks   write every .ipynb from the .py beside it, exercises/ from solutions/, and course/api.md"
	@echo "make lint        ruff, formatting, and the length of cells and prose in the lessons"
	@echo "make lock        resolve the newest versions again and write requirements.lock"
	@echo "make bench       measure every ratio the course claims and write bench.json (some minutes; an idle machine)"
	@echo "make clean       remove .venv and what tests leave; submissions and gradebook in autograde/class stay"
	@echo ""
	@echo "The first one of these that needs it creates .venv (Python 3.11 to 3.13, or PYTHON=/path/to/python)."

# The stamp is trusted only in the folder it was written for.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

$(STAMP): requirements.lock pyproject.toml
	@PYTHON="$(PYTHON)" sh .ci/setup.sh

setup: $(STAMP)

lab: $(STAMP)
	JUPYTER_CONFIG_PATH="$(LAB_CONFIG)$(if $(JUPYTER_CONFIG_PATH),:$(JUPYTER_CONFIG_PATH))" \
	$(PY) -m jupyterlab --ServerApp.root_dir="$(CURDIR)" $(ROOT_FLAG) $(LAB_ARGS)

# Colab has ipywidgets 7.7: the widgets are tested with it too, from a folder beside the installed version.
WIDGETS7 := .venv/ipywidgets7
$(WIDGETS7)/.installed: $(STAMP)
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(WIDGETS7) \
	  ipywidgets==7.7.5 ipython_genutils==0.2.0 && touch $@ \
	  || echo "ipywidgets 7.7 could not be installed: its tests will be skipped"

test: $(STAMP) $(WIDGETS7)/.installed
	$(PY) -m pytest --numprocesses=auto $(TEST_ARGS)

test-all: $(STAMP) $(WIDGETS7)/.installed
	$(PY) -m pytest --numprocesses=auto --everything $(TEST_ARGS)

grade: $(STAMP)
	$(PY) -m autograde.classroom.sample_class

notebooks: $(STAMP)
	$(PY) -m autograde.authoring.notebooks
	$(PY) .ci/api.py

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) tests/lint_notebooks.py

lock: $(STAMP)
	$(PY) .ci/lock.py

bench: $(STAMP)
	$(PY) -m tests.bench

clean:
	rm -rf .venv autograde/class/sample tests/browser/screenshots build .pytest_cache .ruff_cache .hypothesis bench.json
	rm -rf ./*.egg-info course/*.egg-info
	find . -name .git -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -prune -exec rm -rf {} +
