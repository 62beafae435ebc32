# Two commands for readers: `make book` and `make test`. The rest is for people who work on the book.
PYTHON ?= python3
BIN := .venv/bin
# Extra flags for pip, for example the CPU wheels of PyTorch on Linux without a GPU:
#   make book PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_FLAGS ?=

.PHONY: book test setup check pairs site-test serve lock clean

book: setup
	$(BIN)/jupyter-book build . -W -n --keep-going
	@echo "The book is in _build/html/index.html"

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --ignore=tests/site

setup: .venv/installed

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(PIP_FLAGS) -r requirements.txt
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python _checks/pairs.py --check
	$(BIN)/python _checks/chapter_lint.py

pairs: setup
	$(BIN)/python _checks/pairs.py

site-test: setup
	$(BIN)/python -m pytest tests/site

serve: setup
	$(BIN)/python -m http.server --directory _build/html

lock: setup
	$(BIN)/pip install --quiet --upgrade $(PIP_FLAGS) -e ".[book,test,export,simulate]"
	(head -n 1 requirements.txt; $(BIN)/pip freeze --all --exclude-editable | grep -v "^pip==" | sed 's/+cpu$$//') > requirements.new
	mv requirements.new requirements.txt

clean:
	rm -rf _build .venv
