# Everything a person or CI runs. Tools are pinned in tools/go.mod and built from there.

SHELL := /bin/bash
.DEFAULT_GOAL := help

tool := go tool -modfile=tools/go.mod

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'

.PHONY: dev
dev: ## run all of nerve in one process, with Temporal UI and a Slack stand-in
	go run ./cmd/nerve dev

.PHONY: demo
demo: ## the same, and send it a short story of alerts
	go run ./cmd/nerve dev --demo

.PHONY: build
build: ## build the three programs into bin/
	CGO_ENABLED=0 go build -o bin/ ./cmd/...

.PHONY: deps
deps: ## install what the tests need: Redis and PostgreSQL
	./scripts/test-deps.sh

.PHONY: test
test: ## install what the tests need and run all of them
	./scripts/test.sh

.PHONY: test-unit
test-unit: ## the tests that need nothing but Go
	go test -short -timeout 10m ./...

.PHONY: race
race: ## the race detector on all but what links the embedded Temporal server
	./scripts/race.sh

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME each (20s)
	./scripts/fuzz.sh

.PHONY: bench
bench: ## the benchmarks, end to end and of each package
	./scripts/bench.sh

.PHONY: histories
histories: ## record the workflow histories that replay tests run
	go test ./testsuite -run TestRecordHistories -record -count=1 -timeout 10m

.PHONY: lint
lint: ## golangci-lint, the import rules, and links between documents
	$(tool) golangci-lint run ./...
	./scripts/imports.sh
	./scripts/links.sh

.PHONY: fmt
fmt: ## format the code as lint wants it
	$(tool) golangci-lint fmt ./...

.PHONY: workflowcheck
workflowcheck: ## look for non-determinism in workflow code
	$(tool) workflowcheck ./workflows/...

.PHONY: compose-check
compose-check: ## check docker-compose.yml with Docker Compose
	./scripts/compose-check.sh

.PHONY: clean
clean: ## remove what building and testing leave behind
	rm -rf bin coverage.*
	go clean -testcache
