# stdout of `make demo` is for alerts and the outcome: recipes are silent, notes go to stderr.
# make env    .venv with everything; make demo    from nothing to alerts; make test    the suite
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Wheels of PyTorch without CUDA, where the configured index has none. Empty: never look there.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
# Two thread pools on the same cores fight; the network is small enough for one thread.
export OMP_NUM_THREADS ?= 1

.PHONY: env demo test check-slow lint docs agent agent-env speed performance lock clean

env: $(VENV)/.complete

# On Linux the plain torch wheel brings gigabytes of CUDA: without a GPU take the CPU build.
$(VENV)/.complete: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else "metalog needs Python 3.11 to 3.13, this is %d.%d: make env PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -m venv $(VENV)
	@if [ "$$(uname)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
	    echo "no GPU: the CPU build of torch $(TORCH)" >&2; \
	    $(PIP) install -q -c constraints.txt "torch==$(TORCH)+cpu" 2>/dev/null || \
	    $(PIP) install -q -c constraints.txt "torch==$(TORCH)+cpu" --extra-index-url "$(TORCH_CPU_INDEX)"; \
	else \
	    $(PIP) install -q -c constraints.txt "torch==$(TORCH)"; \
	fi
	@$(PIP) install -q -c constraints.txt -e '.[cpu,train,dev]'
	@touch $@

demo: env
	@rm -rf build/demo
	@$(BIN)/metalog-train demo -o build/demo

test: env
	$(BIN)/python -m pytest

# What needs minutes, such as the commands of the docs (tests/docs: one that is not run here is named
# in exceptions.py with the reason), or Debian packages (apt install chromium chromium-driver);
# skipped without.
check-slow: env
	$(BIN)/python -m pytest -m slow

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation as a site in build/site; a broken link or anchor fails. To read while you write:
# .venv/bin/mkdocs serve -f docs/site/mkdocs.yml
docs: env
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict -f docs/site/mkdocs.yml
	@echo "build/site/index.html"

# One file with everything the agent needs but Python itself, of the minor version it is built by, as
# parts of it are machine code. docs/service.md says where it unpacks itself. reproducible: the same
# sources give the same file.
agent: build/metalog-agent.pyz

build/metalog-agent.pyz: build/agent-tools/bin/shiv pyproject.toml constraints.txt $(shell find agent models -name '*.py' -o -path '*pretrained*' -type f)
	build/agent-tools/bin/shiv --console-script metalog-agent --output-file $@.new --reproducible \
	    --python "/usr/bin/env $$($(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])')" \
	    -- --disable-pip-version-check -q -c constraints.txt '.[cpu]'
	mv $@.new $@
	@ls -l $@

build/agent-tools/bin/shiv:
	$(PYTHON) -m venv build/agent-tools
	build/agent-tools/bin/python -m pip --disable-pip-version-check install -q 'shiv>=1.0.4'

# The agent must run where only it is installed: no torch, no gensim, no onnx, no pandas.
agent-env: env
	rm -rf build/agent-env
	$(PYTHON) -m venv build/agent-env
	build/agent-env/bin/python -m pip --disable-pip-version-check install -q -c constraints.txt '.[cpu]'
	METALOG_AGENT=$(CURDIR)/build/agent-env/bin/metalog-agent $(BIN)/python -m pytest tests/agent/test_watch.py

# Fails where the agent has become much slower than it was, against drain3 in the same run.
speed: env
	$(BIN)/python -m benchmarks.pipeline --only hdfs --lines 40000 --turns 5 --recorded benchmarks/recorded.json

# Measures all of docs/performance.md and writes it: some ten minutes. DATA: the folder of real logs;
# what needs them keeps its earlier record without.
performance: env
	$(BIN)/python -m benchmarks.performance $(if $(DATA),--data "$(DATA)")

lock: env
	{ head -1 constraints.txt; $(PIP) freeze --exclude-editable | sed 's/+cpu$$//'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
