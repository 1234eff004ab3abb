# minapush: what people type. `make help` lists the targets.

SHELL := /bin/bash
GO ?= go
BIN := bin
ROUNDS ?= 50
FUZZTIME ?= 60s
LINT_VERSION := v2.15.0
VULN_VERSION := v1.9.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)

# The embedded store needs no C: without cgo the build is quicker and the binary static.
export CGO_ENABLED ?= 0

.PHONY: help run build test check slow bench tools clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the demo: server, WeChat simulator and sample users on loopback
	$(GO) run ./cmd/minapush demo

build: ## build the binary into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/minapush ./cmd/minapush

test: ## run every test; three rounds of each fault run
	$(GO) vet ./...
	$(GO) test ./...

check: tools ## what CI asks beside the tests: gofmt, vet, lint, known vulnerabilities, race
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt'ed:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(BIN)/golangci-lint run
	@$(BIN)/govulncheck ./...; code=$$?; if [ $$code -eq 3 ]; then exit 3; elif [ $$code -ne 0 ]; then \
		echo "govulncheck: the vulnerability database could not be reached; skipped"; fi
	CGO_ENABLED=1 $(GO) test -race -short ./...

slow: ## the long fault runs: fifty kills (ROUNDS), a minute of each fuzz target (FUZZTIME)
	MINAPUSH_TEST_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 60m -run 'Kill|Fault|Agree' -v ./cmd/minapush ./store/...
	@for pkg in $$($(GO) list ./...); do \
		dir=$${pkg#github.com/minapush/minapush}; dir=.$${dir}; \
		for f in $$(grep -hoE 'func (Fuzz[A-Za-z0-9_]+)' $$dir/*_test.go 2>/dev/null | awk '{print $$2}'); do \
			echo "fuzz $$dir $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$dir || exit 1; \
		done; done

bench: ## the benchmarks of every room
	$(GO) test -run '^$$' -bench . -benchmem ./...

tools: $(BIN)/golangci-lint $(BIN)/govulncheck ## install what the checks need

$(BIN)/golangci-lint:
	GOBIN=$(CURDIR)/$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

$(BIN)/govulncheck:
	GOBIN=$(CURDIR)/$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION)

clean: ## remove what was built
	rm -rf $(BIN) dist
