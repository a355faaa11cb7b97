# Installing and packaging; the top Makefile includes it. packaging/README.md
# says what is in a package and why.

SBINDIR  ?= $(PREFIX)/sbin
LIBDIR   ?= $(PREFIX)/lib
MANDIR   ?= $(PREFIX)/share/man
DOCDIR   ?= $(PREFIX)/share/doc/dhclient-go
BASHDIR  ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR   ?= $(PREFIX)/share/zsh/site-functions
FISHDIR  ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR  ?= $(LIBDIR)/systemd/system
# Where Debian has the plugins of the CNI project; others have /opt/cni/bin.
CNIDIR   ?= $(LIBDIR)/cni

# What is built carries no time but that of the commit, or of this version's
# changes where there is no git.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
ARCH := $(or $(GOARCH),$(shell go env GOARCH))
DIST ?= bin/dist
GEN  ?= bin/share

# BIN=FILE installs that binary and builds none.
ifndef BIN
install: build
endif
BIN ?= $(OUT)
# The plugin for container runtimes stands beside it.
CNIBIN ?= $(dir $(BIN))dhclient-go-cni

.PHONY: docs install uninstall tarball deb reproduce

docs: ## the manual page and the completions, from the flags (in bin/share)
	@mkdir -p $(GEN)
	env -u GOOS -u GOARCH go build -buildvcs=false -tags $(TAGS),generate -o $(GEN)/dhclient-go-generate ./cmd/dhclient-go
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(GEN)/dhclient-go-generate $(GEN) packaging/man

install: docs ## binary, manual page, completions, unit and documents, under PREFIX
	install -D -m 755 $(BIN) $(DESTDIR)$(SBINDIR)/dhclient-go
	install -D -m 755 $(CNIBIN) $(DESTDIR)$(CNIDIR)/dhclient-go-cni
	install -d -m 755 $(DESTDIR)$(LIBDIR)/dhclient-go
	ln -sfn ../../sbin/dhclient-go $(DESTDIR)$(LIBDIR)/dhclient-go/dhclient
	ln -sfn ../../sbin/dhclient-go $(DESTDIR)$(LIBDIR)/dhclient-go/udhcpc
	install -D -m 644 $(GEN)/man/dhclient-go.8 $(DESTDIR)$(MANDIR)/man8/dhclient-go.8
	install -D -m 644 $(GEN)/man/dhclient-go-compat.7 $(DESTDIR)$(MANDIR)/man7/dhclient-go-compat.7
	install -D -m 644 $(GEN)/completions/dhclient-go.bash $(DESTDIR)$(BASHDIR)/dhclient-go
	install -D -m 644 $(GEN)/completions/_dhclient-go $(DESTDIR)$(ZSHDIR)/_dhclient-go
	install -D -m 644 $(GEN)/completions/dhclient-go.fish $(DESTDIR)$(FISHDIR)/dhclient-go.fish
	for u in dhclient-go@.service dhclient-go-agent.service; do \
		sed 's|@SBINDIR@|$(SBINDIR)|g' packaging/systemd/$$u >$(GEN)/unit && \
		install -D -m 644 $(GEN)/unit $(DESTDIR)$(UNITDIR)/$$u || exit 1; done
	install -d -m 755 $(DESTDIR)$(DOCDIR)
	install -m 644 README.md CHANGELOG.md LICENSE $(DESTDIR)$(DOCDIR)
	install -m 644 packaging/README.md $(DESTDIR)$(DOCDIR)/packaging.md
	install -d -m 755 $(DESTDIR)$(DOCDIR)/docs
	install -m 644 docs/*.md docs/*.svg $(DESTDIR)$(DOCDIR)/docs
	install -m 644 packaging/agent.toml $(DESTDIR)$(DOCDIR)/agent.toml
	for f in sysvinit/dhclient-go openrc/dhclient-go runit/run ifupdown-ng/dhclient-go; do \
		install -D -m 755 packaging/init/$$f $(DESTDIR)$(DOCDIR)/init/$$f || exit 1; done
	packaging/licences.sh $(BIN) $(CNIBIN) >$(GEN)/licences
	install -m 644 $(GEN)/licences $(DESTDIR)$(DOCDIR)/THIRD-PARTY-LICENCES
	env -u GOOS -u GOARCH SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) go run ./packaging/sbom -version '$(VERSION)' $(BIN) >$(GEN)/sbom
	install -m 644 $(GEN)/sbom $(DESTDIR)$(DOCDIR)/dhclient-go.cdx.json
	env -u GOOS -u GOARCH SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) go run ./packaging/sbom -version '$(VERSION)' $(CNIBIN) >$(GEN)/sbom
	install -m 644 $(GEN)/sbom $(DESTDIR)$(DOCDIR)/dhclient-go-cni.cdx.json

uninstall: ## remove what install put under PREFIX
	rm -f $(DESTDIR)$(SBINDIR)/dhclient-go $(DESTDIR)$(CNIDIR)/dhclient-go-cni \
		$(DESTDIR)$(MANDIR)/man8/dhclient-go.8 $(DESTDIR)$(MANDIR)/man7/dhclient-go-compat.7 \
		$(DESTDIR)$(BASHDIR)/dhclient-go $(DESTDIR)$(ZSHDIR)/_dhclient-go $(DESTDIR)$(FISHDIR)/dhclient-go.fish \
		$(DESTDIR)$(UNITDIR)/dhclient-go@.service $(DESTDIR)$(UNITDIR)/dhclient-go-agent.service
	rm -rf $(DESTDIR)$(LIBDIR)/dhclient-go $(DESTDIR)$(DOCDIR)

# A package is for ARCH, and has a binary of its own.
tarball deb: BIN := bin/linux-$(ARCH)/dhclient-go
tarball deb:
	@$(MAKE) --no-print-directory build OUT=$(BIN) GOOS=linux GOARCH=$(ARCH)
	@VERSION='$(VERSION)' ARCH=$(ARCH) BIN=$(BIN) DIST=$(DIST) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) packaging/$@.sh

tarball: ## bin/dist/dhclient-go-VERSION-linux-ARCH.tar.gz (GOARCH=arm64 for another)
deb: ## bin/dist/dhclient-go_VERSION_ARCH.deb

reproduce: ## build tarball and package twice, in two ways, and compare their octets
	@VERSION='$(VERSION)' SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) packaging/reproduce.sh
