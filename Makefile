# `make` alone prints the targets: every line below with two hashes is help.

SHELL := /bin/sh
PREFIX ?= /usr/local
DESTDIR ?=

# lld links in a third of the time and, unlike gold, says nothing about functions that only Foundation calls.
LINK := -Xswiftc -use-ld=lld
# Every address is looked up at the start and then read-only: a write through a bug finds no table to change.
RELEASE := -c release --static-swift-stdlib $(LINK) -Xlinker -z -Xlinker now
# One test after the other: many wait for whole programs, and side by side on two cores they wait for each other and
# their deadlines say nothing.
SERIAL := --no-parallel
SOURCES := Package.swift Sources Tests

# A crash under test must end, not wait for a backtrace that nobody reads.
export SWIFT_BACKTRACE ?= enable=no

.DEFAULT_GOAL := help
.PHONY: help build compile test check fmt fmt-check arrows tidy demo bench booted fresh tsan asan fuzz
.PHONY: campaigns install deb clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

build: ## build the release programs into .build/release
	@scripts/install-dependencies build
	swift build $(RELEASE)

compile: ## build everything, tests too, without optimisation
	@scripts/install-dependencies build
	swift build --build-tests $(LINK)

test: ## install what is missing, then format check, all tests, release build, link check
	@scripts/install-dependencies test
	@$(MAKE) --no-print-directory fmt-check
	swift build --build-tests $(LINK)
	swift test --skip-build $(LINK) $(SERIAL)
	swift build $(RELEASE)
	scripts/check-links

check: fmt-check ## format check, arrows, tidy
	swift test $(LINK) --filter TidyTests

fmt: ## format every Swift file in place
	swift format -i -r $(SOURCES)

fmt-check:
	swift format lint --strict -r $(SOURCES)

arrows: ## compare every import with its target's row in Package.swift
	swift test $(LINK) --filter 'TidyTests.*arrow'

tidy: ## run the tests that read the source
	swift test $(LINK) --filter TidyTests

demo: ## two daemons on this machine: find each other, download, install
	@scripts/demo

bench: ## one source against nginx HTTPS + curl, start, idle, library, update
	@scripts/bench

booted: ## booted Debian 12 and 13 hosts with the package: every disturbance, and well again (root)
	@scripts/booted

fresh: ## demo and test in a new Debian 12 and a new Debian 13 (root)
	@scripts/fresh

tsan: ## threads, transport and operations under the thread sanitizer
	@scripts/install-dependencies test
	swift test $(LINK) $(SERIAL) --sanitize=thread --scratch-path .build/tsan \
		--filter '^(Runtime|Supervision|Quic|PeerLink|Peers|Transfer|Node)Tests'

asan: ## parsers, C borders and archives under the address sanitizer
	@scripts/install-dependencies test
	swift test $(LINK) $(SERIAL) --sanitize=address --scratch-path .build/asan \
		--filter '^(Model|Wire|Linux|Crypto|Quic|Database|Archive|Unpack|Install)Tests'

campaigns: ## what chance finds: 100,000 orders of events about two games, and the fuzz target
	@scripts/install-dependencies test
	swift build --build-tests $(LINK)
	LANSPREAD_INTERLEAVINGS=100000 swift test --skip-build $(LINK) $(SERIAL) --filter 'any order of events'
	@$(MAKE) --no-print-directory fuzz

fuzz: ## the catalog reader under libFuzzer for FUZZ_SECONDS (20), after a planted bug was found
	@scripts/install-dependencies test
	@scripts/fuzz

install: build ## copy programs, units and settings below DESTDIR/PREFIX
	@scripts/install "$(DESTDIR)" "$(PREFIX)"

deb: build ## build the Debian package for this release into .build/deb, and let lintian check it
	@scripts/install-dependencies deb
	@scripts/deb

clean: ## remove everything that was built
	rm -rf .build
