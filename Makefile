# Tasks of this project, a target each. `make` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run notices keep-alive check test test-containers test-deploy test-observability metrics-cost redis-cost test-valkey lint openapi contract clients browser readme million bench soak profile

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: ## Start the service on port 8080, with the data in ./data
	cargo run --release -- --port 8080

check: ## Run the tests without Redis: units, and the API and commands on the embedded store
	cargo test --quiet --lib
	cargo test --quiet --test it -- api:: configuration conformance:: embedded --skip redis --skip api::overload

# Tests of stores mostly wait, for failovers and commits, with long timeouts: more threads than cores.
test: ## Run all tests; installs a redis-server first if missing
	scripts/with-redis cargo test -- --skip=store::
	RUST_TEST_THREADS=8 scripts/with-redis cargo test -- store::

test-containers: ## Build the image, and test the image and the compose files under load and failures
	scripts/containers

test-deploy: ## Check the AWS templates, the Helm chart and every shell script, without an account
	scripts/deploy-tests

test-valkey: ## Run the Redis tests on Valkey; downloads Debian's package if missing
	scripts/valkey

lint: ## Check the formatting, clippy, the documentation and the rules of the house, warnings denied
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --test containers -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items
	cargo test --quiet --test tidy
	scripts/deny

test-observability: ## Check the alerts and the dashboard with Prometheus; downloads Debian's package if missing
	scripts/with-redis scripts/observability

notices: ## Write the licences and the list of the crates in the binary, to target/notices
	scripts/notices target/notices

keep-alive: ## Stop the service under clients with persistent connections; needs Node
	scripts/keep-alive

redis-cost: ## Count the instructions of redis-server for a record, alone and in groups
	scripts/with-redis scripts/redis-cost

metrics-cost: ## Count the instructions of a request with and without metrics; needs valgrind
	scripts/with-redis scripts/metrics-cost

openapi: ## Write openapi/openapi.json
	cargo run --quiet -- openapi > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

contract: ## Check the running service against its OpenAPI document, on both stores
	scripts/with-redis scripts/contract

clients: ## Lint the OpenAPI document, and test generated clients; needs Node 20.3
	scripts/clients

browser: ## Test /docs in a real browser without a network
	scripts/browser

readme: ## Run the commands of the README as printed, and compare their outputs
	scripts/readme

million: ## Measure import, verify and export of a million sessions on both stores
	scripts/with-redis scripts/million

bench: ## Measure the service: against peers, by size, and against its budgets; about 12 minutes
	scripts/with-redis scripts/bench

soak: ## Load the service fully for ten minutes, and watch its memory and latency
	scripts/with-redis scripts/bench soak --soak 600

profile: ## Profile the CPU time of the service under load; reports in target/profile
	scripts/with-redis scripts/profile
