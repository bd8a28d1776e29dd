# ringfence: what can be done with this checkout. `make` alone lists it.

SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Time for each fuzz target of `make test-fuzz`.
FUZZTIME ?= 30s
# Address of the vulnerability database for `make vuln`, for example file:///srv/vulndb where the public one is out of reach.
VULNDB ?=

export FUZZTIME

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## Install PostgreSQL if it is missing, build, serve the reference deployment and show the main job
	@./.ci/require.sh go postgres
	@$(MAKE) build
	@bin/ringfence demo

.PHONY: demo-secured
demo-secured: ## Show the production profile: mutual TLS, and tokens of an authorization server that are bound to certificates
	@./.ci/require.sh go postgres
	@set -o pipefail; go test -count=1 -v -run '^TestSecuredProfile$$' ./test/security | grep --invert-match -E '^(=== | *--- PASS|PASS$$)'

.PHONY: build
build: ## Build bin/ringfence
	go build -trimpath -o bin/ringfence ./cmd/ringfence

.PHONY: test
test: browser ## Run all tests on a PostgreSQL of their own, in a real Chromium (at most 8 minutes)
	@./.ci/require.sh go postgres
	go test -timeout 8m ./...

.PHONY: browser
browser: ## Install what the browser test needs: Chromium, Node.js and the packages of test/e2e
	@./.ci/require.sh chromium node
	@if [ -f test/e2e/package-lock.json ]; then $(MAKE) test/e2e/node_modules; fi

test/e2e/node_modules: test/e2e/package-lock.json
	npm ci --prefix test/e2e --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: contract
contract: ## Hold answers to the definitions of ETSI, and print how many by specification and client
	@./.ci/require.sh go postgres
	@set -o pipefail; go test -count=1 -v ./test/contract | grep --invert-match -E '^(=== | *--- PASS)'

.PHONY: attacks
attacks: ## Print who may do what, cell by cell, and how many attacks were tried and accepted
	@./.ci/require.sh go postgres
	@set -o pipefail; go test -count=1 -v -run '^(TestRoleMatrix|TestTwoWorlds|TestTokenAttacks|TestNoVectorConnects)$$' ./internal/httpapi ./test/security ./internal/notify | \
		grep --invert-match -E '^(=== | +--- PASS| +main_test.go:[0-9]+: time=)'

.PHONY: test-long
test-long: test-crash test-race test-fuzz ## Run the crash, race and fuzz suites

.PHONY: test-crash
test-crash: browser ## Run the scenarios at full length: kills under load, contended rounds over two processes
	@./.ci/require.sh go postgres
	RINGFENCE_TEST_LONG=1 go test -count=1 -timeout 60m ./test/...

.PHONY: test-race
test-race: ## Run the unit tests under Go's race detector
	@./.ci/require.sh go postgres cc
	go test -race -count=1 -timeout 30m ./internal/... ./cmd/...

.PHONY: test-fuzz
test-fuzz: ## Run every fuzz target for FUZZTIME (30s)
	@./.ci/require.sh go postgres
	./.ci/fuzz.sh

.PHONY: test-nfvi
test-nfvi: ## Hold directives against a real Kubernetes control plane and containerd, as root; the first run builds Kubernetes (ten minutes)
	@./.ci/require.sh go postgres etcd containerd
	./test/nfvi/kubernetes/build.sh
	./test/nfvi/containerd/build.sh
	RINGFENCE_NFVI=1 go test -count=1 -timeout 30m ./test/nfvi/...

.PHONY: test-containerd
test-containerd: ## Run the part of test-nfvi that needs no Kubernetes
	@./.ci/require.sh go postgres containerd
	@./test/nfvi/containerd/build.sh --check || echo "NOT RUN: test/nfvi on containerd 2, because its programs are not built here; what follows runs on the packaged one"
	RINGFENCE_NFVI=1 go test -count=1 -timeout 30m -skip '^TestKubernetes' ./test/nfvi/...

.PHONY: test-cluster
test-cluster: ## Run pods on two real nodes with kubelet, containerd 2 and agent, as root; the first run builds what is missing
	@./.ci/require.sh go postgres etcd containerd cni
	./test/nfvi/kubernetes/build.sh --all
	./test/nfvi/containerd/build.sh
	RINGFENCE_CLUSTER=1 go test -count=1 -timeout 30m -run '^TestCluster' ./test/nfvi

.PHONY: bench
bench: ## Measure the product's targets, print one table and write bench.json
	@./.ci/require.sh go postgres
	go run ./test/bench

.PHONY: lint
lint: ## Run the pinned golangci-lint and list what has outgrown its budget
	./.ci/golangci-lint run
	@go test -count=1 -v -run '^TestArchitecture$$/^budgets$$' ./test/arch

.PHONY: fmt
fmt: ## Format all Go files
	./.ci/golangci-lint fmt

.PHONY: generate
generate: ## Generate what is generated: wire types from the contract
	go generate ./...

.PHONY: vuln
vuln: ## Check the dependencies against a vulnerability database (VULNDB=file:///folder for an offline one)
	go tool -modfile=.ci/tools/go.mod govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...

.PHONY: ci
ci: ## Run what the continuous integration runs
	./.ci/run
