# Atoll. `make help` lists what there is; `make run` and `make test` install what they need.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/atoll/target
export PATH := $(CURDIR)/testnet/bin:$(PATH)
WASM      := wasm32-unknown-unknown
CANISTERS := counter cycles_ledger cycles_minting explorer governance kernels ledger ledger_archive notebook probe registry rewards
# Libraries with unit tests of their own, which need no subnet.
BOOKS     := conservation cycles_interface cycles_ledger cycles_minting explorer governance icrc lease ledger ledger_archive ledger_block registry rewards
DIST      := canisters/dist
ECONOMY   := canisters/economy.toml
ASSETS    := canisters/assets
ATOLL     := $(CARGO_TARGET_DIR)/release/atoll
RUN       := testnet/run
CHAOS     := testnet/chaos
SEED      ?= $(shell git rev-parse --short=8 HEAD 2>/dev/null | xargs -I{} printf '%d' 0x{} 2>/dev/null || echo 1)
N         ?= 300
H         ?= 200
P         ?= swarm
MINUTES   ?= 50
# One commit's soak goes on where it stopped.
SOAK      := $(CARGO_TARGET_DIR)/soak/$(shell git rev-parse --short=8 HEAD 2>/dev/null || echo none)
M         ?= 2
CARGO     := cargo --locked
# Tests are compiled once, by clippy's driver: lints and code of one pass, where `cargo clippy` would read all
# dependencies a second time. Optimised for short builds; `make run` and `make bench` build what is shipped.
LINTED    := RUSTC_WORKSPACE_WRAPPER="$$(rustup which clippy-driver)" CLIPPY_ARGS=-Dwarnings
QUICK     := --release --config 'profile.release.package.atoll.opt-level=1'

.PHONY: help run test bench sim sim-soak chaos setup setup-test setup-bench setup-chaos build malicious pages canisters assets unit check sim-ci deny clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: setup build canisters ## Build, start four replicas and the gateway with ledgers and the sample, print URLs
	$(ATOLL) testnet up --dir $(RUN) --canisters $(DIST) --genesis-canisters $(ECONOMY)

test: setup-test check unit sim-ci ## Everything: units, simulator, four real processes, npm agents, browser

bench: setup-bench malicious canisters ## Print each figure beside its baseline and target, measured now
	ATOLL_MALICIOUS=$(ATOLL)-malicious $(CARGO) bench --profile release --bench table

sim: setup build ## Simulate a swarm: make sim SEED=7 N=1000 H=200 P=swarm (twins, keys, quiet)
	$(ATOLL) sim --from $(SEED) --seeds $(N) --heights $(H) --profile $(P)

sim-soak: setup build ## The simulator for hours, planted bugs too; goes on where it stopped: MINUTES=50 for each part
	$(ATOLL) sim --from $(SEED) --seeds 10000 --heights 1000 --minutes $(MINUTES) --summary $(SOAK)/swarm.json
	$(ATOLL) sim --from $(SEED) --seeds 1000000 --heights 18 --profile twins --minutes $(MINUTES) --summary $(SOAK)/twins.json
	$(ATOLL) sim --from $(SEED) --seeds 200 --heights 200 --profile keys --minutes $(MINUTES) --summary $(SOAK)/keys.json
	$(CARGO) test $(QUICK) --lib -- --ignored --nocapture sim::tests crypto::reshare

chaos: setup-chaos build canisters ## Real replicas under faults for two minutes: make chaos SEED=7 M=2
	rm -rf $(CHAOS)
	$(ATOLL) testnet chaos --dir $(CHAOS) --seed $(SEED) --minutes $(M)

setup: ## Install what building needs (apt packages, the wasm target); skips what is there
	@testnet/setup build

setup-test: ## Install what testing needs besides (browser, network tools, npm packages)
	@testnet/setup build test

setup-bench: ## Install what the benchmark compares with (etcd)
	@testnet/setup build bench

setup-chaos: ## Install what faults need (faketime)
	@testnet/setup build chaos

build: ## Build the release binary
	$(CARGO) build --release --bin atoll

malicious: ## Build a replica that lies, for `make bench` row 19; never for use
	$(CARGO) build --release --bin atoll --features malicious --config 'profile.release.package.atoll.debug-assertions=true'
	cp $(ATOLL) $(ATOLL)-malicious
	$(CARGO) build --release --bin atoll

pages: ## Bundle the explorer's page
	npm run --silent --prefix canisters/explorer/web build >/dev/null

canisters: pages ## Build the canisters into canisters/dist
	$(CARGO) build --profile canister --target $(WASM) $(CANISTERS:%=-p %)
	@mkdir -p $(DIST)
	@cp $(CANISTERS:%=$(CARGO_TARGET_DIR)/$(WASM)/canister/%.wasm) $(DIST)/

assets: ## Build the asset canister, and ic-asset to test it with, into canisters/dist
	cd $(ASSETS) && $(CARGO) build --profile canister --target $(WASM) -p assets
	cd $(ASSETS) && $(CARGO) build --release -p uploader
	@mkdir -p $(DIST)
	@cp $(CARGO_TARGET_DIR)/$(WASM)/canister/assets.wasm $(CARGO_TARGET_DIR)/release/uploader $(DIST)/

check: pages ## Formatting, and lints while the tests are compiled
	cargo fmt --check
	cd $(ASSETS) && cargo fmt --all --check
	$(LINTED) $(CARGO) test --no-run --all-targets $(QUICK)
	$(LINTED) $(CARGO) test --no-run --all-targets $(QUICK) $(BOOKS:%=-p %)

unit: canisters assets ## All Rust tests, those with real processes, real clients and a real browser included
	npm test --silent --prefix canisters/explorer/web
	$(LINTED) $(CARGO) test $(QUICK) $(BOOKS:%=-p %)
	$(LINTED) $(CARGO) test $(QUICK)

sim-ci: ## The simulator's 300 seeds of 200 heights, 40 of 1,000, and 5,000 of Twins; seeds drawn from the commit
	$(ATOLL) sim --from $(SEED) --seeds 300 --heights 200
	$(ATOLL) sim --from $(SEED) --seeds 40 --heights 1000
	$(ATOLL) sim --from $(SEED) --seeds 5000 --heights 18 --profile twins

deny: ## Advisories, licences, sources and bans (needs cargo-deny)
	cargo deny check

clean: ## Remove the local networks' state
	rm -rf $(RUN) $(CHAOS)
