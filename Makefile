# What one does with this project, a target each. `make` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run check test test-containers test-deploy test-observability metrics-cost test-valkey lint openapi contract browser readme million bench soak profile

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: ## Serve on port 8080, with the data in ./data
	cargo run --release -- --port 8080

check: ## Run the tests that need no Redis: units, and the API and commands on the embedded store
	cargo test --quiet --lib
	cargo test --quiet --test it -- api_ configuration conformance_ embedded openapi --skip redis --skip api_overload

# Tests that mostly wait: failovers, timeouts. They run beside each other, whatever the number of cores.
WAITING := store::redis::failover store::redis::connections

test: ## Run all tests; gets a redis-server first where there is none
	scripts/with-redis cargo test -- $(addprefix --skip=,$(WAITING))
	RUST_TEST_THREADS=8 scripts/with-redis cargo test --test it -- $(WAITING)

test-containers: ## Build the image, and run it and the compose files under load and failures
	scripts/containers

test-deploy: ## Check the AWS templates, the Helm chart and every shell script, without an account
	scripts/deploy-tests

test-valkey: ## Run the tests of Redis on Valkey, which it gets from Debian where there is none
	scripts/valkey

lint: ## Check the formatting, clippy, the documentation and the rules of the house, warnings denied
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --test containers -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items
	cargo test --quiet --test tidy

test-observability: ## Check the alerts and the dashboard with Prometheus, which it gets from Debian where there is none
	scripts/with-redis scripts/observability

metrics-cost: ## Count the instructions of a request with and without metrics; needs valgrind
	scripts/with-redis scripts/metrics-cost

openapi: ## Write openapi/openapi.json anew
	cargo run --quiet -- openapi > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

contract: ## Hold the running service to its OpenAPI document, on both stores
	scripts/with-redis scripts/contract

browser: ## Use /docs in a real browser without a network
	scripts/browser

readme: ## Run the commands of the README as they are printed
	scripts/readme

million: ## Move a million sessions through import, verify and export on both stores, and measure it
	scripts/with-redis scripts/million

bench: ## Measure the service: beside peers, by size, and against its budgets; about 12 minutes
	scripts/with-redis scripts/bench

soak: ## Load the service fully for ten minutes, and watch its memory and latency
	scripts/with-redis scripts/bench soak --soak 600

profile: ## Find out where the service's time goes under load; reports in target/profile
	scripts/with-redis scripts/profile
