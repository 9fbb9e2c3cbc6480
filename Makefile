# Atoll. `make help` lists what there is; `make run` and `make test` install what they need.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/atoll/target
export PATH := $(CURDIR)/testnet/bin:$(PATH)
WASM      := wasm32-unknown-unknown
CANISTERS := clips counter cycles_ledger cycles_minting explorer governance guild guild_graph identity kernels ledger ledger_archive notebook probe registry rewards
# Libraries with unit tests of their own, which need no subnet.
BOOKS     := clips conservation cycles_interface cycles_ledger cycles_minting explorer governance guild guild_connections guild_graph icrc identity lease ledger ledger_archive ledger_block registry rewards site
# Canisters with a page that is built from sources, and tests of theirs that need modules but no network.
WEBS      := clips explorer guild identity
WEB_TESTS := clips/certified guild/agreement guild/certified identity/flows identity/keys identity/module identity/protocol identity/session
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

.PHONY: help run test apps-full pictures bench sim sim-soak chaos setup setup-apps setup-test setup-bench setup-chaos build malicious pages canisters films assets unit check sim-ci deny clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: setup-apps build canisters films ## Build, start four replicas and the gateway with ledgers and the sample apps, print URLs
	$(ATOLL) testnet up --apps --dir $(RUN) --canisters $(DIST) --genesis-canisters $(ECONOMY)

test: setup-test check unit sim-ci ## Everything: units, simulator, four real processes, npm agents, browser

apps-full: setup-test canisters assets ## What browsers see, in full: all sizes and themes, 50 MB, more upgrades (`make test` has a part)
	ATOLL_FULL=1 $(LINTED) $(CARGO) test $(QUICK) --test apps --test clients

pictures: ## Renew the README's pictures from the screenshots that `make test` or `make apps-full` took
	@docs/pictures/take

bench: setup-bench malicious canisters assets ## Print each figure beside its baseline and target, measured now
	ATOLL_MALICIOUS=$(ATOLL)-malicious $(CARGO) bench --profile release --bench table

sim: setup build ## Simulate a swarm: make sim SEED=7 N=1000 H=200 P=swarm (twins, members, keys, quiet)
	$(ATOLL) sim --from $(SEED) --seeds $(N) --heights $(H) --profile $(P)

sim-soak: setup build ## The simulator for hours, planted bugs too; goes on where it stopped: MINUTES=50 for each part
	$(ATOLL) sim --from $(SEED) --seeds 10000 --heights 1000 --minutes $(MINUTES) --summary $(SOAK)/swarm.json
	$(ATOLL) sim --from $(SEED) --seeds 1000000 --heights 18 --profile twins --minutes $(MINUTES) --summary $(SOAK)/twins.json
	$(ATOLL) sim --from $(SEED) --seeds 2000 --heights 500 --profile members --minutes $(MINUTES) --summary $(SOAK)/members.json
	$(ATOLL) sim --from $(SEED) --seeds 200 --heights 200 --profile keys --minutes $(MINUTES) --summary $(SOAK)/keys.json
	$(CARGO) test $(QUICK) --lib -- --ignored --nocapture sim::tests crypto::reshare

chaos: setup-chaos build canisters ## Real replicas under faults for two minutes: make chaos SEED=7 M=2
	rm -rf $(CHAOS)
	$(ATOLL) testnet chaos --dir $(CHAOS) --seed $(SEED) --minutes $(M)

setup: ## Install what building needs (apt packages, the wasm target); skips what is there
	@testnet/setup build

setup-apps: ## Install what filling the sample apps needs besides (ffmpeg, npm packages)
	@testnet/setup build apps

setup-test: ## Install what testing needs besides (browser, network tools, npm packages)
	@testnet/setup build apps test

setup-bench: ## Install what the benchmark compares with (etcd, nginx)
	@testnet/setup build bench

setup-chaos: ## Install what faults need (faketime)
	@testnet/setup build chaos

build: ## Build the release binary
	$(CARGO) build --release --bin atoll

malicious: ## Build a replica that lies, for `make bench` row 19; never for use
	$(CARGO) build --release --bin atoll --features malicious --config 'profile.release.package.atoll.debug-assertions=true'
	cp $(ATOLL) $(ATOLL)-malicious
	$(CARGO) build --release --bin atoll

films: ## Make the films that Clips is filled with, once, into canisters/dist/films
	@node canisters/clips/seed/films.mjs

pages: $(WEBS:%=canisters/%/web/dist/index.html) ## Bundle the canisters' pages

define PAGE
canisters/$(1)/web/dist/index.html: $$(shell find canisters/$(1)/web canisters/identity/client canisters/site/web -type f -not -path '*/node_modules/*' -not -path '*/dist/*')
	npm run --silent --prefix canisters/$(1)/web build
endef
$(foreach web,$(WEBS),$(eval $(call PAGE,$(web))))

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
	npm run fresh --silent --prefix web/candid >/dev/null
	npm test --silent --prefix web/candid
	$(LINTED) $(CARGO) test $(QUICK) $(BOOKS:%=-p %)
	ATOLL_CANISTERS=$(CURDIR)/$(DIST) node --test $(WEB_TESTS:%=tests/js/%.test.mjs)
	$(LINTED) $(CARGO) test $(QUICK)

sim-ci: ## The simulator's 300 seeds of 200 heights, 40 of 1,000, 5,000 of Twins, 60 with changing members; seeds drawn from the commit
	$(ATOLL) sim --from $(SEED) --seeds 300 --heights 200
	$(ATOLL) sim --from $(SEED) --seeds 40 --heights 1000
	$(ATOLL) sim --from $(SEED) --seeds 5000 --heights 18 --profile twins
	$(ATOLL) sim --from $(SEED) --seeds 60 --heights 300 --profile members

deny: ## Advisories, licences, sources and bans (needs cargo-deny)
	cargo deny check

clean: ## Remove the local networks' state
	rm -rf $(RUN) $(CHAOS)
