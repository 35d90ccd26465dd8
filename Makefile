# Every task of this project. Each says what it does while it does it, and how long it took.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Name and tag of Herald's image, as the manifests use it.
IMAGE ?= herald:$(shell sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' Cargo.toml)
export IMAGE
CACHE := $(or $(HERALD_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/herald)
# Test targets that `cargo test --workspace` leaves out, as they need root and programs of other makers.
E2E_SUITES := interop kernel it pods pods_full l2 l2_full
LAB := cargo run --quiet --locked -p e2e --bin lab --
# The lab's pod network: `other` (two nodes, a network that the harness writes) or `herald` (three nodes in two subnets).
NETWORK ?= other
export NETWORK

.PHONY: help
help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r target text; do printf "  make %-13s %s\n" "$$target" "$$text"; done

.PHONY: demo
demo: ## A real cluster with a real router, and a page fetched from behind it; NETWORK=herald: pods too (root)
	@tools/demo

.PHONY: test
test: ## Everything this project is tested with; installs and builds what it needs (root)
	@tools/test

.PHONY: test-full
test-full: ## The same with the long cases and many more generated inputs, then the benchmarks (root)
	@PROPTEST_CASES=4096 HERALD_LONG=1 tools/test
	@$(MAKE) --no-print-directory bench

.PHONY: check
check: fmt clippy docs conformance purity manifests unit deny ## Format, lints, docs, licences, purity of core/, unit, property and simulation tests

.PHONY: fmt
fmt:
	cargo fmt --all --check

.PHONY: clippy
clippy:
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	cargo clippy --quiet --locked -p e2e $(E2E_SUITES:%=--test %) -- -D warnings

.PHONY: docs
docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps

.PHONY: conformance
conformance:
	tools/conformance

.PHONY: purity
purity:
	tools/purity

.PHONY: manifests
manifests:
	deploy/render --check

.PHONY: unit
unit:
	cargo test --locked --workspace

.PHONY: fuzz
fuzz: ## Decoders and machines with inputs that a fuzzer invents, FUZZ_SECONDS (60) for each target
	@tools/packages fuzz
	@tools/fuzz

.PHONY: deny
deny:
	tools/build cargo-deny
	$(CACHE)/bin/cargo-deny --log-level error check --hide-inclusion-graph licenses bans sources

.PHONY: advisories
advisories:
	tools/build cargo-deny
	$(CACHE)/bin/cargo-deny check advisories

.PHONY: interop
interop: ## Our BGP against FRR, BIRD, GoBGP and ExaBGP in network namespaces (root)
	tools/packages interop
	cargo test --locked -p e2e --test interop

.PHONY: interop-full
interop-full: ## The whole matrix of peers, families, kinds of session and what happens to them; table in docs (root)
	tools/packages interop
	cargo test --locked -p e2e --test interop -- --full

.PHONY: kernel
kernel: ## Routes, neighbours and nftables in network namespaces (root)
	cargo test --locked -p e2e --test kernel

.PHONY: image
image: ## Herald's image in target/image/herald.tar; IMAGE=NAME:TAG names it
	deploy/image target/image/herald.tar

.PHONY: lab-up
lab-up: image ## Cluster, router and client, and Herald installed in it; NETWORK=herald: as its pod network (root)
	$(LAB) up
	$(LAB) install

.PHONY: lab-down
lab-down: clean-lab

.PHONY: e2e
e2e: ## The end-to-end cases on the lab that `make lab-up` has started (root)
	NETWORK=other RUST_TEST_THREADS=$${RUST_TEST_THREADS:-32} cargo test --locked -p e2e --test it

.PHONY: e2e-pods
e2e-pods: ## The cases of the pod network on the lab that `make lab-up NETWORK=herald` has started (root)
	NETWORK=herald RUST_TEST_THREADS=$${RUST_TEST_THREADS:-32} cargo test --locked -p e2e --test pods

.PHONY: e2e-pods-full
e2e-pods-full: ## The long ones: nodes restarted and replaced, kube-proxy's other mode, real programs on top (root)
	NETWORK=herald RUST_TEST_THREADS=$${RUST_TEST_THREADS:-32} cargo test --locked -p e2e --test pods_full

.PHONY: e2e-l2
e2e-l2: ## The cases of layer 2 on the lab that `make lab-up NETWORK=herald` has started (root)
	NETWORK=herald RUST_TEST_THREADS=$${RUST_TEST_THREADS:-32} cargo test --locked -p e2e --test l2

.PHONY: e2e-l2-full
e2e-l2-full: ## The long ones: nodes rebooted, the segment parted, speakers rolled, keys rotated (root)
	NETWORK=herald RUST_TEST_THREADS=$${RUST_TEST_THREADS:-32} cargo test --locked -p e2e --test l2_full

.PHONY: bench
bench: bench-bgp bench-bfd bench-restart bench-react bench-l2 bench-pod ## All benchmarks, and the table of docs/benchmarks.md from them (root)
	cargo run --quiet --locked -p e2e --bin bench-table

.PHONY: bench-bgp
bench-bgp: ## Originate 100,000 prefixes, against BIRD, FRR and GoBGP (root)
	tools/packages bench
	cargo run --quiet --locked --profile image -p e2e --bin bench-bgp

.PHONY: bench-bfd
bench-bfd: ## How soon a session ends when its peer stands still, and whether it lasts under load (root)
	tools/packages bench lab
	cargo run --quiet --locked --profile image -p e2e --bin bench-bfd

.PHONY: bench-restart
bench-restart: ## What clients lose while the speaker restarts, and when its routes are back (root)
	tools/packages bench lab
	cargo run --quiet --locked --profile image -p e2e --bin bench-restart

.PHONY: bench-react
bench-react: ## From an event at the API server to an UPDATE at the router (root)
	tools/packages bench lab
	tools/build etcd kubernetes
	cargo run --quiet --locked --profile image -p e2e --bin bench-react

.PHONY: bench-l2
bench-l2: ## How long nobody answers when the node that answers fails; what layer 2 costs (root)
	tools/packages bench lab
	tools/build etcd kubernetes kubectl
	cargo run --quiet --locked --profile image -p e2e --bin bench-l2

.PHONY: bench-pod
bench-pod: ## Pod to pod by Herald's routes and by static ones; rules replaced; pod CIDRs learned (root)
	tools/packages bench lab
	tools/build etcd kubernetes kubectl
	cargo run --quiet --locked --profile image -p e2e --bin bench-pod

.PHONY: clean-lab
clean-lab: ## Removes whatever the lab and the demo have left on this machine (root)
	$(LAB) down
