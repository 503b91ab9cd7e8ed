# Each target does its own set-up in .venv: plain `python3 -m venv` and pip. The second run finds it ready.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
WRONG_PYTHON := facewright needs Python 3.11 or 3.12, as in: make PYTHON=python3.12 demo

export PYTHONSAFEPATH := 1

.PHONY: demo test lint docs clean

demo: $(READY)  ## a talking head from a public-domain portrait and a synthetic voice, sealed, verified and scanned
	mkdir -p out
	$(BIN)/python scripts/portrait.py out/portrait.png
	$(BIN)/python scripts/speak.py "Hello. I am a picture that was taught to talk. Every frame of me says so." out/speech.wav
	$(BIN)/facewright generate out/portrait.png out/speech.wav -o out/demo.mp4 --seed 7 --force
	$(BIN)/facewright verify out/demo.mp4
	$(BIN)/facewright scan out/demo.mp4 --report out/report.html

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto  # a worker for every core, so one thread for each

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

docs: $(READY)  ## the pages that are made from the code
	$(BIN)/python scripts/make_cli_reference.py

clean:
	rm -rf .venv out build dist *.egg-info

$(READY): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "$(WRONG_PYTHON)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
