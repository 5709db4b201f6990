# Everything a newcomer needs, in words. Each target prepares `.venv` by itself.
.DEFAULT_GOAL := help
.PHONY: help run cluster test soak check bench openapi schemas demo demo-sso migration lock sbom setup
MAKEFLAGS += --no-print-directory

bin := .venv/bin
# Containers of Python often say so; here every process would compile all of Carrel again, a second and more each time.
unexport PYTHONDONTWRITEBYTECODE

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## Prepare .venv (every other target does)
	@for python in "$$PYTHON" python3.13 python3.12 python3.11 python3 python python3.14; do \
	    if [ -n "$$python" ] && "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        exec "$$python" deploy/setup.py; \
	    fi; \
	done; \
	echo "Carrel needs Python 3.11 or later; there is none on PATH (set PYTHON=/path/to/python3)." >&2; exit 1

run: setup ## Start Carrel on this machine: http://127.0.0.1:8000
	@exec $(bin)/carrel up

cluster: setup ## Start every service as processes of its own, on PostgreSQL and RabbitMQ
	@exec $(bin)/carrel cluster

test: setup ## Run the tests; only some: make test T=tests/catalog
	@exec $(bin)/python -m pytest -n 2 --dist loadgroup $(T)

soak: setup ## Busy days at the desks for a long time, killed now and then: make soak MINUTES=30
	@exec $(bin)/python tests/soak.py --minutes $(or $(MINUTES),10)

check: setup ## Check format, lint, types, import rules and what is tracked
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy deploy/onebox/src shared/*/src services/*/src services/catalog/*.py tests deploy/*.py
	$(bin)/lint-imports
	$(bin)/python -m carrel.documents openapi --check
	$(bin)/python -m carrel.documents schemas --check
	$(bin)/python deploy/tracked.py

bench: setup ## Measure against the peers of docs/benchmarks.md
	@exec $(bin)/python bench/run.py

openapi: setup ## Write the OpenAPI and AsyncAPI documents again
	@exec $(bin)/python -m carrel.documents openapi

schemas: setup ## Write the events' JSON Schemas again
	@exec $(bin)/python -m carrel.documents schemas

demo: setup ## Fill a running installation with a small university
	@exec $(bin)/carrel demo

demo-sso: setup ## Try signing in by SAML at a running installation: a campus on this machine
	@exec $(bin)/carrel demo-sso

migration: setup ## Begin a migration: make migration s=circulation m="what it does"
	@if [ -z "$(s)" ] || [ ! -d "services/$(s)" ] || [ -z "$(m)" ]; then \
	    echo 'Which service, and what for?  make migration s=circulation m="what it does"' >&2; exit 2; \
	fi
	@exec $(bin)/python deploy/migration.py "$(s)" "$(m)"

sbom: setup ## Write what Carrel is made of to sbom.cdx.json (CycloneDX)
	@exec $(bin)/carrel sbom sbom.cdx.json

lock: setup ## Pin every dependency anew, with hashes (needs uv)
	@deploy/lock
