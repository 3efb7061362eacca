# Everything a person does with this tree, one target each. Each target makes what it needs; a second call does no work twice.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BUILD := build/release
# One compiler a core, but no more than one for every 3 GB of memory: a batch of torch sources takes that much.
JOBS ?= $(shell awk -v cores=$$(nproc) '/^MemTotal/ {m = int($$2 / 3e6); print m < 1 ? 1 : m < cores ? m : cores}' /proc/meminfo)
CMAKE_ARGS ?=
# Idle threads of a pool sleep instead of spinning, so that tests beside each other do not fight for the cores.
TEST_ENV := OMP_WAIT_POLICY=passive
CCACHE = $(shell command -v ccache >/dev/null || echo -DCMAKE_CXX_COMPILER_LAUNCHER=)
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime

# $(call configure,PRESET): only when there is no build folder yet; ninja itself sees changed CMake files.
configure = [ -f build/$(1)/build.ninja ] || cmake --preset $(1) $(CCACHE) $(CMAKE_ARGS)

.PHONY: help setup build demo test fast browser asan tsan fuzz strict core bench format lint results headers cuda clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: ## install the Debian 12 packages (as root or with sudo); nothing to do when they are there
	@tools/setup.sh

build: setup ## build the program: build/release/tessera
	@$(call configure,release)
	@cmake --build $(BUILD) --parallel $(JOBS) --target tessera

demo: build ## set up, build, then the whole road on a simulated shop: tessera demo
	@$(BUILD)/tessera demo

test: setup ## set up, build and run every test of this machine (labels fast and slow)
	@$(call configure,release)
	@cmake --build $(BUILD) --parallel $(JOBS)
	@$(TEST_ENV) ctest --test-dir $(BUILD) -L '^(fast|slow)$$' --output-on-failure --parallel $(JOBS)

fast: setup ## the same, without the slow tests
	@$(call configure,release)
	@cmake --build $(BUILD) --parallel $(JOBS)
	@$(TEST_ENV) ctest --test-dir $(BUILD) -L '^fast$$' --output-on-failure --parallel $(JOBS)

browser: setup ## the console in headless Chromium; installs chromium and chromium-driver first
	@tools/setup.sh chromium chromium-driver
	@$(call configure,release)
	@cmake --build $(BUILD) --parallel $(JOBS) --target test_web
	@$(TEST_ENV) ctest --test-dir $(BUILD) -L '^browser$$' --output-on-failure

asan: setup ## fast tests under the address and undefined-behaviour sanitizers
	@$(call configure,asan)
	@cmake --build build/asan --parallel $(JOBS)
	@$(TEST_ENV) ASAN_OPTIONS=detect_odr_violation=0 \
	  LSAN_OPTIONS=suppressions=$(CURDIR)/tools/lsan.supp:print_suppressions=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  ctest --test-dir build/asan -L '^fast$$' --output-on-failure --parallel $(JOBS)

# torch and libgomp are not built for the thread sanitizer, which then takes their own synchronisation for races.
TSAN_TESTS := test_base test_text test_eval test_data test_semid test_live test_lexical test_store test_http
tsan: setup ## tests of the torch-free folders under the thread sanitizer
	@$(call configure,tsan)
	@cmake --build build/tsan --parallel $(JOBS) --target $(TSAN_TESTS)
	@cd build/tsan/tests && for test in $(TSAN_TESTS); do \
	  TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/tools/tsan.supp ./$$test --gtest_brief=1 --gtest_filter='-*Slow*:*Gpu*'; done

fuzz: ## fuzz every reader of outside bytes for FUZZ_SECONDS (60) each; installs clang 16 first
	@tools/setup.sh clang-16 libclang-rt-16-dev libomp-16-dev
	@JOBS=$(JOBS) tools/fuzz.sh

strict: setup ## every file on its own, warnings are errors, no precompiled header
	@$(call configure,strict)
	@cmake --build build/strict --parallel $(JOBS)

core: setup ## the training and decoding core alone, as on a machine with nothing but torch
	@$(call configure,core)
	@cmake --build build/core --parallel $(JOBS)

bench: setup ## build and run the benchmarks
	@$(call configure,release)
	@grep -q '^TESSERA_BENCH:BOOL=ON' $(BUILD)/CMakeCache.txt || cmake -S . -B $(BUILD) -DTESSERA_BENCH=ON >/dev/null
	@cmake --build $(BUILD) --parallel $(JOBS) --target benchmarks
	@for program in $(BUILD)/bench/*_bench; do echo "== $$program"; $$program; done

format: setup ## clang-format 14 on every file
	@tools/check_format --fix

lint: setup ## layers, lengths, words and format of the sources
	@tools/check_layers && tools/check_lengths && tools/check_words && tools/check_format
	@echo "lint: ok"

BOARDS ?= beauty sports
results: build ## run the leaderboards and write their tables into docs/results.md (hours; finished runs are kept)
	@for board in $(BOARDS); do $(BUILD)/tessera leaderboard recipes/leaderboard/$$board.toml; done

headers: ## collect the header-only libraries and googletest into .deps/, for a machine that has none
	@tools/pack_headers.sh

cuda: ## build the core against a pip PyTorch with CUDA: build/cuda
	@tools/cuda_build.sh

clean: ## remove the build folders (data and runs stay)
	@rm -rf build
