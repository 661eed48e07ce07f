# The two commands of a newcomer are `make up` and `make test`; the rest is for those who change the code.
PYTHON ?= python3
BIN := .venv/bin
UV_PIN := $(shell sed -n 's/^uv==/uv==/p' requirements-dev.txt)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help up env backup restore doctor test test-long lint types bench results gate-study drift-study format coverage lock

help:  ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.venv/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@echo "Installing the pinned requirements into .venv ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV_PIN)
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python -r requirements-dev.txt
	@touch $@

up: .venv/.installed  ## start everything: servers, market data, a trained model, the API
	@exec $(BIN)/python manage.py up

backup: .venv/.installed  ## database and bundles in one file: make backup FILE=site.tar
	$(BIN)/python manage.py backup $(if $(FILE),--out $(FILE)) $(OPTIONS)

restore: .venv/.installed  ## a backup into an empty site: make restore FILE=site.tar (OPTIONS=--replace: into another)
	$(BIN)/python manage.py restore $(FILE) $(OPTIONS)

doctor: .venv/.installed  ## what is wrong with this installation, and what to do
	@$(BIN)/python manage.py doctor $(OPTIONS)

test: .venv/.installed  ## the whole suite on embedded servers of its own
	$(BIN)/pytest -n 3 --dist loadgroup

test-long: .venv/.installed  ## what takes longer: load, faults, many seeds
	$(BIN)/pytest tests/ -m long

coverage: .venv/.installed  ## HTML report in htmlcov/
	$(BIN)/pytest -n 3 --dist loadgroup --cov --cov-report=html --cov-report=term

env:  ## .env for docker compose, with random secrets
	@deploy/make-env

lint: .venv/.installed  ## style, imports, migrations, security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet -c pyproject.toml -r cryptoml_site registry training predictions monitoring bench studies deploy
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet --no-progress .github
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(MAKE) --no-print-directory docs

.PHONY: docs
docs: .venv/.installed  ## the pages of docs/ as a site, in site/; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "site/index.html"

types: .venv/.installed  ## mypy, strict
	$(BIN)/mypy cryptoml_site registry training predictions monitoring bench studies

format: .venv/.installed  ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv-bench/.installed  ## the figures that the README quotes; docs/BENCHMARKS.md: serving, ours beside peers
	$(BIN)/python manage.py bench
	$(BIN)/python -m bench

results: .venv/.installed  ## what every estimator makes of the candles in DATA=FOLDER; docs/RESULTS.md
	$(BIN)/python -m studies real $(DATA)

gate-study: .venv/.installed  ## what the gates let by, over a hundred simulated markets a signal; docs/GATE_STUDY.md
	$(BIN)/python -m studies gates

drift-study: .venv/.installed  ## what the drift checks cost in false alarms, and what they find; DATA=FOLDER, docs/DRIFT_STUDY.md
	$(BIN)/python -m studies drift $(DATA)

.venv-bench/.installed: .venv/.installed bench/requirements.txt
	@echo "Installing the benchmark's peers into .venv-bench ..."
	@$(PYTHON) -m venv --clear .venv-bench
	@$(BIN)/uv pip install --quiet --system-certs --python .venv-bench/bin/python -r bench/requirements.txt
	@touch $@

lock: .venv/.installed  ## compile the pins from the .in files
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 requirements.in -o requirements.txt
	sed '/^# What only/,$$d' requirements.in | $(BIN)/uv pip compile --quiet --no-header --python-version 3.11 \
		-c requirements.txt - -o requirements-web.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 requirements-exchanges.in -o requirements-exchanges.txt
	$(BIN)/uv pip compile --quiet --no-header --python-version 3.11 bench/requirements.in -o bench/requirements.txt
