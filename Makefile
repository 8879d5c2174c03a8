# The commands for people; Meson builds. `make help` lists them.
BUILD ?= build
MODEL ?= qwen2.5-coder-0.5b
OUT ?= precis-report.md
ARGS ?=
FUZZ_SECONDS ?= 20
FAULT_POINTS ?= 24
FAULT_SEED ?= 1
SOAK_MINUTES ?= 20
SOAK_SEED ?= 1
# Environments with the programs that precis is measured against, gigabytes of them.
PEERS ?= $(BUILD)/peers
PREFIX ?= /usr/local

# Address-space layouts with more random bits than ThreadSanitizer knows make it fail at start.
NO_ASLR = $(shell setarch "$$(uname -m)" -R true 2>/dev/null && echo setarch "$$(uname -m)" -R)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps dev-deps build run test bench bench-peers asan tsan faults soak fuzz-quick coverage lint format install clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

deps: ## install what building needs (Debian packages), fetch the default model
	@tools/setup.sh qwen2.5-coder-0.5b minilm

dev-deps: ## the same, and what the checks and the whole test suite need
	@tools/setup.sh --dev smollm2 qwen2.5-coder-0.5b minilm

build: ## compile into build/
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX)
	@ninja -C $(BUILD)

run: deps ## summarise a folder: make run SRC=path [OUT=report.md] [MODEL=name] [ARGS='--loc 100']
	@test -n "$(SRC)" || { echo 'make run needs a folder or file: make run SRC=path' >&2; exit 2; }
	@$(MAKE) --no-print-directory build
	@$(BUILD)/src/cli/precis summarize --model '$(MODEL)' -o '$(OUT)' $(ARGS) '$(SRC)' || \
	{ status=$$?; test $$status -eq 3 && echo 'Some chunks failed: the report names them.'; } || exit $$status
	@echo "The report is in $(OUT)."

test: deps build ## run the test suite (installs what is missing)
	@tools/fetch-model.sh smollm2
	@tools/test.py $(BUILD)

bench: build ## measure precis alone: chunking, prefill, batched decode
	$(BUILD)/src/cli/precis bench chunk
	$(BUILD)/src/cli/precis bench prefill --model '$(MODEL)' --tokens 512
	$(BUILD)/src/cli/precis bench prefill --model '$(MODEL)' --tokens 3000
	$(BUILD)/src/cli/precis bench decode --model '$(MODEL)' --sequences 32 --context 300

bench-peers: build ## measure beside llama.cpp, ONNX Runtime, transformers: ARGS='--only prefill --rounds 3'
	@tools/fetch-model.sh smollm2 qwen2.5-coder-0.5b qwen2.5-coder-1.5b
	@bench/peers/setup.sh $(PEERS)
	@$(PEERS)/onnx/bin/python bench/peers/run.py --precis $(BUILD)/src/cli/precis --peers $(PEERS) \
	--out $(BUILD)/bench-peers.json $(ARGS)
	@$(PEERS)/onnx/bin/python bench/peers/report.py $(BUILD)/bench-peers.json $(BUILD)/benchmarks.md

# gcc 12 misaligns 64-byte variables on the stack that detect_stack_use_after_return simulates
# (its bug 110027), so that is off.
asan: ## the test suite under AddressSanitizer and UndefinedBehaviorSanitizer
	@test -f $(BUILD)-asan/build.ninja || meson setup $(BUILD)-asan -Db_sanitize=address,undefined
	@ninja -C $(BUILD)-asan
	@PRECIS_TEST_SHORT=1 ASAN_OPTIONS=detect_stack_use_after_return=0:allocator_may_return_null=1 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 tools/test.py $(BUILD)-asan -t 5

tsan: ## the test suite under ThreadSanitizer
	@test -f $(BUILD)-tsan/build.ninja || meson setup $(BUILD)-tsan -Db_sanitize=thread
	@ninja -C $(BUILD)-tsan
	@PRECIS_TEST_SHORT=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$(CURDIR)/tests/tsan.supp \
	$(NO_ASLR) tools/test.py $(BUILD)-tsan -t 5

faults: build ## make calls of the whole program fail, at FAULT_POINTS (24; 0: all) points of each kind
	@ninja -C $(BUILD) tests/faults/inject.so
	@tests/faults/faults.py $(BUILD)/src/cli/precis $(BUILD)/tests/faults/inject.so --points $(FAULT_POINTS) \
	--seed $(FAULT_SEED)

soak: ## SOAK_MINUTES (20) of random runs, edits and kills under AddressSanitizer
	@test -f $(BUILD)-asan/build.ninja || meson setup $(BUILD)-asan -Db_sanitize=address,undefined
	@ninja -C $(BUILD)-asan src/cli/precis
	@tests/faults/soak.py $(BUILD)-asan/src/cli/precis --minutes $(SOAK_MINUTES) --seed $(SOAK_SEED)

fuzz-quick: ## every fuzz target for FUZZ_SECONDS (20)
	@test -f $(BUILD)-fuzz/build.ninja || CC=clang CXX=clang++ meson setup $(BUILD)-fuzz -Dfuzz=true \
	-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link \
	-Dcpp_args=-fsanitize=fuzzer-no-link
	@ninja -C $(BUILD)-fuzz fuzz
	@tools/fuzz.sh $(BUILD)-fuzz $(FUZZ_SECONDS)

coverage: ## what the suite covers of src/: build-coverage/coverage.html
	@test -f $(BUILD)-coverage/build.ninja || meson setup $(BUILD)-coverage -Db_coverage=true -Doptimization=1 \
	-Dc_args=-fprofile-update=atomic
	@ninja -C $(BUILD)-coverage
	@find $(BUILD)-coverage -name '*.gcda' -delete
	@PRECIS_TEST_SHORT=1 tools/test.py $(BUILD)-coverage -t 5
	@tools/coverage.py $(BUILD)-coverage

lint: ## clang-format, clang-tidy, shellcheck
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX)
	@tools/lint.sh $(BUILD)

format: ## rewrite the sources as .clang-format says
	@find include src tests -name '*.[ch]' -print0 -o -name '*.cc' -print0 | xargs -0 clang-format -i

install: build ## install precis and parallel_summarizer below PREFIX (/usr/local)
	@meson configure $(BUILD) --prefix $(PREFIX)
	@meson install -C $(BUILD)

clean: ## remove the build folders
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-coverage
