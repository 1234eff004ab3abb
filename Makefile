# minapush: what people type. `make help` lists the targets.

SHELL := /bin/bash
GO ?= go
BIN := bin
ROUNDS ?= 50
NODE_ROUNDS ?= 20
NODE_USERS ?= 100000
FUZZTIME ?= 60s
ROWS ?= 1000000
LOAD_SECONDS ?= 30
LOAD_RATE ?= 6700
EVENT_RATE ?= 2000
LINT_VERSION := v2.15.0
VULN_VERSION := v1.9.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)

# The embedded store needs no C: without cgo the build is quicker and the binary static.
export CGO_ENABLED ?= 0

# A test that finds no redis-server fails here, and does not pass over.
export MINAPUSH_TEST_REQUIRE_REDIS := 1

# So does one that finds no axe-core, which looks whether everybody can use the console's pages.
export MINAPUSH_TEST_REQUIRE_AXE := 1

# Where make gallery puts the console's pages, and which it takes pictures of, by the beginnings of their names; empty: all.
GALLERY ?= console/gallery-out
GALLERY_OF ?=

# What make dist builds for.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# Debian packages that the tests start, a real server and a real browser with a Chinese font, and the programs that these must bring.
PACKAGES := redis-server chromium fonts-wqy-microhei
PROGRAMS := redis-server chromium

# Tests of whole nodes wait far more than they work: for leases to lapse, for servers to come back. So more of them run at a time than there
# are processors.
PARALLEL ?= 6

.PHONY: help run build dist test check slow bench sdk sdk-check phone phone-check console-assets console-check console-packages gallery \
	redis-cluster tools packages clean

help: ## list these targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the demo: server, WeChat simulator and sample users on loopback
	$(GO) run ./cmd/minapush demo

build: ## build the binary into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/minapush ./cmd/minapush

dist: ## build static binaries for every platform and the SDK into dist/, with checksums
	@rm -rf dist && mkdir -p dist
	@set -e; for p in $(PLATFORMS); do \
		os=$${p%/*}; arch=$${p#*/}; name=minapush_$(VERSION)_$${os}_$${arch}; mkdir -p dist/$$name; \
		ext=; [ $$os = windows ] && ext=.exe; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '-s -w $(LDFLAGS)' -o dist/$$name/minapush$$ext ./cmd/minapush; \
		cp README.md README.zh-CN.md LICENSE CHANGELOG.md dist/$$name/; cp -r docs deploy dist/$$name/; \
		tar -C dist --sort=name --owner=0 --group=0 --mtime="@$${SOURCE_DATE_EPOCH:-0}" -czf dist/$$name.tar.gz $$name; rm -r dist/$$name; \
		echo "  $$name.tar.gz"; \
	done
	cd sdk && npm ci --no-audit --no-fund && npm pack --silent --pack-destination ../dist
	cd dist && sha256sum *.tar.gz *.tgz > checksums.txt

test: packages sdk console-packages ## run every test; three rounds of each fault run
	$(GO) vet ./...
	$(GO) test -timeout 20m -parallel $(PARALLEL) ./...

check: tools packages sdk-check phone-check console-check ## what CI asks beside the tests: gofmt, vet, lint, vulnerabilities, race, the SDK's types and size, the console's assets
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt'ed:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(BIN)/golangci-lint run
	@$(BIN)/govulncheck ./...; code=$$?; if [ $$code -eq 3 ]; then exit 3; elif [ $$code -ne 0 ]; then \
		echo "govulncheck: the vulnerability database could not be reached; skipped"; fi
	CGO_ENABLED=1 $(GO) test -timeout 20m -race -short ./...

slow: packages ## the long runs: fifty kills (ROUNDS), twenty of nodes on a cluster (NODE_ROUNDS), a million rows (ROWS), 30 s of load, a minute of each fuzz target (FUZZTIME)
	MINAPUSH_TEST_ROUNDS=$(ROUNDS) MINAPUSH_TEST_ROWS=$(ROWS) MINAPUSH_TEST_LOAD_SECONDS=$(LOAD_SECONDS) MINAPUSH_TEST_LOAD_RATE=$(LOAD_RATE) \
		MINAPUSH_TEST_EVENT_RATE=$(EVENT_RATE) \
		$(GO) test -count=1 -timeout 60m -run 'Kill|Fault|Agree|Import|Load' -skip '^TestNodes' -v ./cmd/minapush ./store/...
	MINAPUSH_TEST_NODE_ROUNDS=$(NODE_ROUNDS) MINAPUSH_TEST_NODE_USERS=$(NODE_USERS) \
		$(GO) test -count=1 -timeout 90m -parallel 1 -run '^TestNodes' -v ./cmd/minapush
	@for pkg in $$($(GO) list ./...); do \
		dir=$${pkg#github.com/minapush/minapush}; dir=.$${dir}; \
		for f in $$(grep -hoE 'func (Fuzz[A-Za-z0-9_]+)' $$dir/*_test.go 2>/dev/null | awk '{print $$2}'); do \
			echo "fuzz $$dir $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$dir || exit 1; \
		done; done

bench: ## measure this machine: each figure with its limit beside it (docs/benchmarks.md)
	$(GO) run ./cmd/minapush bench

# The SDK is built and tested again when one of its sources changed, or a golden body that it shares with the server.
SDK_SOURCES = $(wildcard sdk/*.json sdk/*.mjs sdk/*.md sdk/src/* sdk/src/*/* sdk/scripts/* sdk/test/* sdk/test/*/* api/testdata/*)

sdk: sdk/node_modules/.tested ## build and test the mini-program SDK (node 20 or later)

sdk-check: sdk/node_modules/.checked

sdk/node_modules/.installed: sdk/package.json sdk/package-lock.json
	cd sdk && npm ci --no-audit --no-fund && touch node_modules/.installed

sdk/node_modules/.tested: sdk/node_modules/.installed $(SDK_SOURCES)
	cd sdk && npm test && touch node_modules/.tested

sdk/node_modules/.checked: sdk/node_modules/.installed $(SDK_SOURCES)
	cd sdk && npm run check && touch node_modules/.checked

# The phone is committed as it is built, in sandbox/phone/static, so that the Go binary needs no node.
PHONE_SOURCES = $(wildcard sdk/phone/*.mjs sdk/phone/*.json sdk/phone/src/* sdk/phone/src/*/* sdk/phone/testdata/* sdk/phone/testdata/*/* \
	sdk/phone/testdata/*/*/*/* sdk/example/* sdk/example/*/* sdk/example/*/*/* sdk/src/* sdk/src/*/* sandbox/phone/static/*)

phone: sdk/node_modules/.installed sdk/phone/node_modules/.installed ## build the simulator's phone into sandbox/phone/static (node 20 or later)
	cd sdk && node scripts/build.mjs --quick && cd phone && npm run build

phone-check: sdk/phone/node_modules/.checked

sdk/phone/node_modules/.installed: sdk/phone/package.json sdk/phone/package-lock.json
	cd sdk/phone && npm ci --no-audit --no-fund && touch node_modules/.installed

sdk/phone/node_modules/.checked: sdk/node_modules/.installed sdk/phone/node_modules/.installed $(PHONE_SOURCES)
	cd sdk && node scripts/build.mjs --quick && cd phone && npm run check && touch node_modules/.checked

# What the console's pages load is committed as it is built, in console/assets/vendor, so that the Go binary needs no node.
console-assets: console-packages ## build what the console's pages load into console/assets/vendor (node 20 or later)
	cd console/web && npm run build

console-check: console/web/node_modules/.checked

console-packages: console/web/node_modules/.installed

console/web/node_modules/.installed: console/web/package.json console/web/package-lock.json
	cd console/web && npm ci --no-audit --no-fund && touch node_modules/.installed

console/web/node_modules/.checked: console/web/node_modules/.installed $(wildcard console/web/*.mjs console/assets/vendor/*)
	cd console/web && npm run check && touch node_modules/.checked

gallery: packages ## draw every page of the console from fixed data, with pictures, into GALLERY (some of them: GALLERY_OF=campaign,user)
	@mkdir -p $(GALLERY)
	$(GO) test ./console -count=1 -timeout 60m -v -run '^(TestEveryPageIsDrawnInBothLanguages|TestGalleryPictures)$$' \
		-gallery $(abspath $(GALLERY)) -pictures $(abspath $(GALLERY)) -pictures-of '$(GALLERY_OF)'

redis-cluster: packages ## start a real Redis Cluster of six on free ports, to try minapush on; ctrl-c ends it
	$(GO) run ./store/redisstore/redistest/local -cluster

packages: ## install the Debian packages that the tests need, where their programs are missing
	@missing=; for p in $(PROGRAMS); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ] && ! command -v apt-get >/dev/null; then \
		echo "The tests start these programs, which are not on the PATH:$$missing. There is no apt-get here: install them by other means"; \
		echo "(macOS: brew install redis chromium; Fedora: dnf install redis chromium), Redis 6.2 or later, and a Chinese font, and try again."; exit 1; \
	elif [ -n "$$missing" ]; then \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; set -x; \
		$$sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -yq --no-install-recommends $(PACKAGES); fi

tools: $(BIN)/golangci-lint $(BIN)/govulncheck ## install what the checks need

$(BIN)/golangci-lint:
	GOBIN=$(CURDIR)/$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

$(BIN)/govulncheck:
	GOBIN=$(CURDIR)/$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION)

clean: ## remove what was built
	rm -rf $(BIN) dist sdk/miniprogram_dist sdk/dist sdk/node_modules sdk/phone/node_modules console/web/node_modules console/gallery-out
