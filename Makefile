# dhclient-go. `make help` lists what there is.
SHELL := /bin/bash
export CGO_ENABLED := 0
export GOTOOLCHAIN := local

PREFIX  ?= /usr/local
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# urfave/cli can write man pages and guess misspelt commands; both cost size.
TAGS    := urfave_cli_no_docs,urfave_cli_no_suggest
# Without inlining (-l) the binary is 9 % smaller. Where it would show is in the
# runtime alone, which has most to do at the start: `make bench-container`.
GCFLAGS := -gcflags=all=-l -gcflags=runtime=
OUT     ?= bin/dhclient-go
TOOL    := go tool -modfile=tools/go.mod
# What the namespace tests need: the servers that nobody here wrote, and the
# clients that share a link with ours, in a test and in the benchmark.
PEERS   := isc-dhcp-client udhcpc
# Who reads what is packaged: a linter of manual pages, shells, systemd-analyze.
READERS := mandoc zsh fish systemd
# Where the program is tested as the first process: a container, a machine.
PLACES  := runc qemu-system-x86
DEBS    := cpio iproute2 iputils-ping util-linux nftables dnsmasq-base isc-dhcp-server kea-dhcp4-server udhcpd dbus-daemon $(PEERS) $(READERS) $(PLACES)
# What tests run and no machine may have installed: scripts/unpack.sh says why.
UNPACKED := openresolv resolvconf systemd-resolved ifupdown busybox-static linux-image-cloud-amd64 dracut-core dracut-network initramfs-tools-core containernetworking-plugins

.PHONY: help build cnitool demo deps test check cover race explore fuzz chaos churn bench bench-container bench-loss bench-scale performance soak floor peers clean
.DEFAULT_GOAL := build

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# The version is in the binary by -X alone, so that a copy of the source without
# .git gives the same one.
build: ## bin/dhclient-go and bin/dhclient-go-cni, static and stripped
	@mkdir -p bin
	go build -buildvcs=false -trimpath -tags $(TAGS) $(GCFLAGS) -ldflags '-s -w -X main.version=$(VERSION)' -o $(OUT) ./cmd/dhclient-go
	go build -buildvcs=false -trimpath $(GCFLAGS) -ldflags '-s -w -X main.version=$(VERSION)' -o $(dir $(OUT))dhclient-go-cni ./cmd/dhclient-go-cni

cnitool: ## bin/cnitool, the CNI project's own: docs/cni.md
	go build -C internal/places/tools -o $(CURDIR)/bin/cnitool github.com/containernetworking/cni/cnitool

include packaging/rules.mk

demo: build ## watch a lease from DISCOVER to renewal, in namespaces of its own (10 s)
	@go run ./internal/demo bin/dhclient-go

deps: ## install the servers that the tests use (Debian, as root)
	@./scripts/deps.sh $(DEBS)
	@./scripts/unpack.sh bin/debs $(UNPACKED)

# Packages whose tests wait for leases to grow old, on links of their own.
LINKS := internal/e2e internal/chaos internal/places

.PHONY: what-there-is
what-there-is:
	@$(MAKE) --no-print-directory deps || echo "Going on: the tests that need them are skipped (and fail in CI)."

test: ## everything: installs what is missing, checks, tests, fuzz seeds
	@# One waits for the network and the disk, the other for the processor.
	@$(MAKE) --no-print-directory -j2 --output-sync=target what-there-is check
	go test -count=1 -timeout 280s $$(go list ./... | grep -v $(LINKS:%=-e /%$$))
	@# Those on real links come apart: floods and measured times want the machine.
	@# Together they take as long as the longest, since most of it is waiting.
	go test -count=1 -timeout 280s -p 3 $(LINKS:%=./%)
	go test -count=1 -tags generate -run Generate ./cmd/dhclient-go

check: ## formatting, vet, staticcheck, sum types, go.mod
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-ed: $$out"; exit 1; fi
	go vet ./...
	go vet -tags generate ./cmd/dhclient-go
	$(TOOL) staticcheck ./...
	$(TOOL) staticcheck -tags generate ./cmd/dhclient-go
	$(TOOL) go-check-sumtype ./...
	go mod tidy -diff

race: ## the tests under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race -timeout 600s ./...

explore: ## every sequence of seven events of the state machine, from every root (3 min)
	go test -count=1 ./client/internal/fsm -run TestExplore -explore 7

cover: ## statement coverage of the product, by package and in all
	@./scripts/cover.sh

FUZZTIME ?= 60s
fuzz: ## run every fuzz target for FUZZTIME (60s) each
	@./scripts/fuzz.sh $(FUZZTIME)

CHAOSTIME ?= 5m
chaos: ## random faults for CHAOSTIME (5m), from a printed seed, in namespaces
	@./scripts/deps.sh iproute2 nftables dnsmasq-base kea-dhcp4-server
	@go run ./internal/chaos -for $(CHAOSTIME) $(CHAOSFLAGS)

CHURNTIME ?= 24h
churn: ## a day of 1000 links that come, go and flap, in virtual time (10 s)
	go test -count=1 -run TestChurn -v ./client/agent -churn.links 1000 -churn.time $(CHURNTIME) $(CHURNFLAGS)

bench-loss: build ## time to address where 30 % of the frames are lost
	@./scripts/deps.sh iproute2 dnsmasq-base
	@go run ./bench $(BENCHFLAGS) loss bin/dhclient-go

bench: build floor ## time to address, size and memory, beside other clients
	@./scripts/deps.sh iproute2 dnsmasq-base runc $(PEERS)
	go build -C bench/peers -trimpath -ldflags '-s -w' -o $(CURDIR)/bin/uroot-dhclient github.com/u-root/u-root/cmds/core/dhclient
	go build -trimpath -tags $(TAGS) $(GCFLAGS) -ldflags '-s -w' -o bin/skeleton ./bench/skeleton
	@go run ./bench $(BENCHFLAGS)

bench-container: build floor ## time to address as the first process of a container (BUILDS=...: several builds)
	@./scripts/deps.sh iproute2 dnsmasq-base runc
	@go run ./bench $(BENCHFLAGS) container $(BUILDS)

# What the benchmark holds us against is in C, and static as we are.
floor:
	@./scripts/deps.sh gcc libc6-dev
	gcc -O2 -static -Wall -Wextra -Wshadow -Werror -o bin/floor bench/floor/floor.c
	gcc -O2 -static -Wall -Wextra -Wshadow -Werror -o bin/stamp bench/floor/stamp.c
	gcc -O2 -static -Wall -Wextra -Wshadow -Werror -o bin/replay bench/floor/replay.c

bench-scale: build floor ## 100, 400 and 1000 links, beside other clients (6 min; SCALEFLAGS=-quick: 1 min)
	@./scripts/deps.sh iproute2 util-linux dnsmasq-base $(PEERS) dhcpcd-base systemd
	@go run ./bench $(BENCHFLAGS) scale -json bin/scale.json $(SCALEFLAGS)

# The documents have the figures as they were printed: nobody types a number.
DOC := docs/performance.md
performance: ## measure everything that docs/performance.md shows, and write it there (15 min)
	@$(MAKE) --no-print-directory bench BENCHFLAGS="-write $(DOC)"
	@$(MAKE) --no-print-directory bench-scale BENCHFLAGS="-write $(DOC)" SCALEFLAGS="-plot docs/scale.svg"

SOAKTIME ?= 10m
soak: build ## 200 real links that come, go and flap under one agent, for SOAKTIME (10m)
	@./scripts/deps.sh iproute2 util-linux dnsmasq-base
	@go run ./bench soak -for $(SOAKTIME) $(SOAKFLAGS)

peers: build ## other clients before the hostile servers of the tests: docs/conformance.md (as root)
	@./scripts/deps.sh iproute2 util-linux $(PEERS) dhcpcd-base systemd
	go test ./internal/peers -run TestPeers -count=1 -timeout 90m -parallel 60 \
		-peers.program $(CURDIR)/bin/dhclient-go -peers.write $(CURDIR)/docs/conformance.md

clean: ## remove what was built
	rm -rf bin cover.out
