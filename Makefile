# SPDX-License-Identifier: Apache-2.0
# Every verb of the project. `make help` lists them. Everything built lies in build/ (build-asan/ with SAN=1).

.DEFAULT_GOAL := all
SHELL := /bin/bash

ifdef SAN
BUILD ?= build-asan
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
BUILD ?= build
VERSION := 0.1.0

# --- third-party sources, fetched from package registries at build time, pinned by hash (tools/fetch-sources) ----------
THIRD_PARTY := build/third-party
YYJSON := $(THIRD_PARTY)/yyjson
LLHTTP := $(THIRD_PARTY)/llhttp
S2N := $(THIRD_PARTY)/s2n-bignum

# What verifies ECDSA signatures: s2n (assembly of s2n-bignum), or openssl everywhere else. Changing it takes `make clean`.
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
TRUSTEE_EC ?= $(if $(filter x86_64 aarch64,$(MACHINE)),s2n,openssl)

# --- flags -------------------------------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Wconversion -Werror
OPTIMISE ?= -O2 -g
HARDENING := -fstack-protector-strong -fPIC -fvisibility=hidden $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
CPPFLAGS += -D_GNU_SOURCE -DTRUSTEE_VERSION='"$(VERSION)"' -I. -Iinclude -isystem $(YYJSON) -isystem $(LLHTTP)
ifeq ($(TRUSTEE_EC),s2n)
CPPFLAGS += -DTRUSTEE_EC_S2N
endif
CFLAGS += -std=c11 $(OPTIMISE) $(WARNINGS) $(HARDENING) $(SANITIZE) -MMD -MP
LDFLAGS += -Wl,-z,relro,-z,now,-z,noexecstack $(SANITIZE)
LIBS_CORE := -luv -ljansson -lssl -lcrypto -ldl -lpthread -lm
LIBS_AGENT := -luv -ljansson -lcurl -lssl -lcrypto -ltss2-esys -ltss2-mu -ltss2-tctildr -ltss2-rc -ldl -lpthread -lm

# --- what is built -----------------------------------------------------------------------------------------------------
LIB_SOURCES := $(wildcard lib/*/*.c)
CORE_SOURCES := $(filter-out core/main.c,$(wildcard core/*.c core/*/*.c))
GUEST_SOURCES := $(wildcard guest/*.c guest/*/*.c)
CLI_SOURCES := $(wildcard cli/*.c cli/plugin/*.c)
PLUGIN_NAMES := $(notdir $(patsubst %/,%,$(dir $(wildcard plugins/*/*.c storage/*/*.c))))
PLUGINS := $(addprefix $(BUILD)/plugins/,$(addsuffix .so,$(sort $(PLUGIN_NAMES))))
REGO := $(BUILD)/plugins/rego.so
PROGRAMS := $(if $(wildcard core/main.c),$(BUILD)/bin/trusteed) $(if $(CLI_SOURCES),$(BUILD)/bin/trusteectl) \
            $(if $(GUEST_SOURCES),$(BUILD)/bin/trustee-agent)
PRELOADS := $(patsubst tests/support/preload/%.c,$(BUILD)/tests/%.so,$(wildcard tests/support/preload/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
EC_ROUTINES := $(foreach c,p256 p384,$(foreach v,$(c) $(c)_alt,bignum_montmul_$(v) bignum_montsqr_$(v)) \
    $(foreach v,montjadd montjmixadd montjdouble,$(c)_$(v) $(c)_$(v)_alt) \
    bignum_add_$(c) bignum_sub_$(c) bignum_neg_$(c) bignum_montinv_$(c)) \
    bignum_mod_n256_4 bignum_mod_n384_6 bignum_modinv bignum_montmul bignum_montifier
EC_OBJECTS := $(if $(filter s2n,$(TRUSTEE_EC)),$(patsubst %,$(BUILD)/obj/s2n/%.o,$(EC_ROUTINES)))
THIRD_PARTY_OBJECTS := $(BUILD)/obj/yyjson.o $(EC_OBJECTS)
LLHTTP_OBJECTS := $(addprefix $(BUILD)/obj/llhttp-,api.o http.o llhttp.o)

.PHONY: all programs plugins help clean deps demo run test test-unit test-asan test-scenario test-full test-faults \
        test-kube tests fuzzers fuzz fuzz-coverage bench lint install install-dev references
all: programs plugins
programs: $(PROGRAMS)
plugins: $(PLUGINS) $(if $(wildcard policy/rego/Cargo.toml),$(REGO))
tests: $(UNIT_TESTS) $(PRELOADS) $(BUILD)/bench/load_bench $(BUILD)/tests/verify_plugin $(BUILD)/tests/store_driver \
    $(BUILD)/tests/store_plugin $(BUILD)/tests/forge
fuzzers: $(FUZZERS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile tests/abi/abi.mk
	@echo "  make           builds everything into build/; with SAN=1 and ASan, UBSan into build-asan/; CC=clang-14 works too"
	@echo "  PREFIX=/usr DESTDIR=/tmp/stage and the like go with install; FUZZ_SECONDS=60 with fuzz and test"

# --- verbs -------------------------------------------------------------------------------------------------------------
deps: ## install what building takes
	@tools/install-deps build

demo: ## install, build, and tell the whole story against a real TPM
	@tools/install-deps demo
	@echo "building ..." && $(MAKE) --no-print-directory -s -j2 all
	@tests/demo/run

run: all ## serve on 127.0.0.1:8080 for trying things out (not for production)
	@tools/run-for-trying

TEST_GROUPS := lint unit abi rego scenario fuzz asan valgrind
test: ## install, build and run all tests that fit 20 minutes
	@tools/install-deps test
	@echo "building ..."
	@$(MAKE) --no-print-directory -s -j2 all tests
	@$(MAKE) --no-print-directory -s -j2 SAN=1 all tests
	@$(MAKE) --no-print-directory -s fuzzers
	@tests/run $(TEST_GROUPS)

test-unit: all tests ## unit tests alone
	@tests/run unit

test-asan: ## unit tests under ASan and UBSan
	@$(MAKE) --no-print-directory -s -j2 SAN=1 all tests
	@tests/run asan

test-scenario: all tests ## tests that start the real programs
	@tests/run scenario

test-full: ## everything, fuzzing for ten minutes a parser
	@FUZZ_SECONDS=600 $(MAKE) --no-print-directory test

test-faults: all tests ## kills and failing system calls
	@tests/run scenario

test-kube: ## against a real Kubernetes API: nothing yet
	@echo "the operator is not built yet"; echo "0 passed, 0 failed, 0 skipped"

fuzz: fuzzers $(BUILD)/tests/forge ## fuzz every parser for ten minutes
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} tests/run fuzz

fuzz-coverage: $(BUILD)/tests/forge ## which lines of the parsers fuzzing reaches, FUZZ_SECONDS (10) for each target
	@tests/fuzz/coverage

bench: all $(PRELOADS) $(BUILD)/bench/load_bench $(BUILD)/bench/dcap_bench $(BUILD)/bench/snp_bench \
    $(BUILD)/tests/abi/oracle.so ## CPU time and instructions per operation
	@tests/bench/run

lint: ## layers, banned calls, exported symbols, stale pages
	@tests/run lint

PREFIX ?= /usr/local
PLUGIN_DIRECTORY := $(PREFIX)/lib/trustee/plugins
install: all install-dev ## programs, plugins, headers and policies below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PLUGIN_DIRECTORY) $(DESTDIR)$(PREFIX)/share/trustee/policy
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(PLUGINS) $(REGO) $(DESTDIR)$(PLUGIN_DIRECTORY)/
	cp -r policy/*.rego policy/compat $(DESTDIR)$(PREFIX)/share/trustee/policy/
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,man/man1 man/man5 man/man8 bash-completion/completions \
	    zsh/vendor-completions fish/vendor_completions.d)
	$(BUILD)/bin/trusteectl man >$(DESTDIR)$(PREFIX)/share/man/man1/trusteectl.1
	$(BUILD)/bin/trusteed --config-man >$(DESTDIR)$(PREFIX)/share/man/man5/trusteed.ini.5
	install -m 644 deploy/trusteed.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	$(BUILD)/bin/trusteectl completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/trusteectl
	$(BUILD)/bin/trusteectl completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_trusteectl
	$(BUILD)/bin/trusteectl completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/trusteectl.fish

install-dev: ## only what writing plugins takes: headers, trustee-plugin.pc, and the same for CMake
	install -d $(DESTDIR)$(PREFIX)/include/trustee $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/lib/cmake/trustee-plugin
	sed 's/@VERSION@/$(VERSION)/' deploy/trustee-plugin-config.cmake \
	    >$(DESTDIR)$(PREFIX)/lib/cmake/trustee-plugin/trustee-plugin-config.cmake
	sed 's/@VERSION@/$(VERSION)/' deploy/trustee-plugin-config-version.cmake \
	    >$(DESTDIR)$(PREFIX)/lib/cmake/trustee-plugin/trustee-plugin-config-version.cmake
	install -m 644 include/trustee/*.h $(DESTDIR)$(PREFIX)/include/trustee/
	printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' 'plugindir=$(PLUGIN_DIRECTORY)' '' \
	    'Name: trustee-plugin' 'Description: headers for plugins of the Trustee service' 'Version: $(VERSION)' \
	    'Cflags: -I$${includedir}' >$(DESTDIR)$(PREFIX)/lib/pkgconfig/trustee-plugin.pc

references: all ## write docs/configuration.md and docs/reasons.md anew
	@tools/references

# --- rules -------------------------------------------------------------------------------------------------------------
$(YYJSON)/yyjson.c $(LLHTTP)/llhttp.h &: tools/fetch-sources
	tools/fetch-sources $(THIRD_PARTY)

$(S2N)/LICENSE: tools/fetch-s2n-bignum $(wildcard tools/s2n-bignum/*)
	tools/fetch-s2n-bignum $(S2N)

$(EC_OBJECTS): $(S2N)/LICENSE
	@mkdir -p $(@D)
	$(CC) -g -DS2N_BN_HIDE_SYMBOLS -I$(S2N)/include -c $(S2N)/$(MACHINE)/$(basename $(@F)).S -o $@

$(BUILD)/obj/yyjson.o: $(YYJSON)/yyjson.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -g $(HARDENING) $(SANITIZE) -DYYJSON_DISABLE_UTILS=0 -c $< -o $@

$(BUILD)/obj/llhttp-%.o: $(LLHTTP)/llhttp.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -g $(HARDENING) $(SANITIZE) -I$(LLHTTP) -c $(LLHTTP)/$*.c -o $@

$(BUILD)/obj/%.o: %.c | $(YYJSON)/yyjson.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/lib.a: $(call objects,$(LIB_SOURCES)) $(THIRD_PARTY_OBJECTS)
	@rm -f $@ && ar rcs $@ $^

# The shipped policies lie in the daemon.
SHIPPED_POLICIES := $(wildcard policy/default_*.rego policy/resource.rego)
$(BUILD)/gen/shipped_policies.c: tools/embed-policies $(SHIPPED_POLICIES)
	@mkdir -p $(@D)
	tools/embed-policies $(SHIPPED_POLICIES) >$@
$(BUILD)/obj/shipped_policies.o: $(BUILD)/gen/shipped_policies.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=c11 $(HARDENING) $(SANITIZE) -c $< -o $@

$(BUILD)/core.a: $(call objects,$(CORE_SOURCES)) $(BUILD)/obj/shipped_policies.o $(LLHTTP_OBJECTS)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/bin/trusteed: $(BUILD)/obj/core/main.o $(BUILD)/core.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -pie -rdynamic -o $@ $^ $(LIBS_CORE)

# The templates of `trusteectl plugin new` lie in it.
TEMPLATES := $(sort $(shell find cli/templates -name '*.in'))
$(BUILD)/gen/plugin_templates.c: tools/embed-templates $(TEMPLATES)
	@mkdir -p $(@D)
	tools/embed-templates $(TEMPLATES) >$@
$(BUILD)/obj/plugin_templates.o: $(BUILD)/gen/plugin_templates.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=c11 $(HARDENING) $(SANITIZE) -c $< -o $@

# trusteectl attests with the agent's own code.
$(BUILD)/bin/trusteectl: $(call objects,$(CLI_SOURCES) $(filter-out guest/main.c,$(GUEST_SOURCES))) $(BUILD)/obj/plugin_templates.o \
    $(BUILD)/core.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -pie -o $@ $^ $(LIBS_AGENT)

$(BUILD)/guest.a: $(call objects,$(filter-out guest/main.c,$(GUEST_SOURCES)))
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/bin/trustee-agent: $(BUILD)/obj/guest/main.o $(BUILD)/guest.a $(BUILD)/core.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -pie -o $@ $^ $(LIBS_AGENT)

# A plugin is every .c file of its folder, linked with what it uses of lib/; one symbol is exported.
PLUGIN_LDFLAGS = -shared -Wl,-z,defs -Wl,--exclude-libs,ALL -Wl,--version-script=tools/plugin.map
# Libraries of a plugin; who is not named here takes the cryptography library alone.
PLUGIN_LIBS_sample :=
PLUGIN_LIBS_memory :=
PLUGIN_LIBS_file :=
PLUGIN_LIBS_redis := -lhiredis -lssl -lcrypto
PLUGIN_LIBS_postgres := -lpq
$(BUILD)/obj/storage/postgres/%.o: CPPFLAGS += -isystem $(shell pkg-config --variable=includedir libpq)
plugin_libs = $(if $(filter undefined,$(origin PLUGIN_LIBS_$(1))),-lcrypto,$(PLUGIN_LIBS_$(1)))
define plugin_rule
$(BUILD)/plugins/$(2).so: $(call objects,$(wildcard $(1)/$(2)/*.c)) $(if $(filter sample,$(2)),,$(BUILD)/lib.a) tools/plugin.map
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) $$(PLUGIN_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $(call plugin_libs,$(2))
endef
$(foreach d,$(wildcard plugins/*),$(eval $(call plugin_rule,plugins,$(notdir $(d)))))
$(foreach d,$(wildcard storage/*),$(eval $(call plugin_rule,storage,$(notdir $(d)))))

# The one place with Rust. See docs/decisions.
CARGO ?= $(shell command -v cargo || command -v /usr/share/cargo/bin/cargo)
$(REGO): $(wildcard policy/rego/*.toml policy/rego/Cargo.lock policy/rego/src/*.rs)
	@mkdir -p $(@D)
	cd policy/rego && cargo build --release --locked --target-dir $(abspath build/cargo)
	cp build/cargo/release/libtrustee_rego.so $@

# Tests share tests/support; one whose name begins with a plugin's (tpm_test, tpm_key_test) is linked with its objects.
SUPPORT_PROGRAMS := tests/support/verify_plugin.c tests/support/store_driver.c tests/support/store_plugin.c \
    tests/support/forge.c
SUPPORT_SOURCES := $(filter-out $(SUPPORT_PROGRAMS),$(wildcard tests/support/*.c))
plugin_sources = $(foreach p,$(firstword $(subst _, ,$(1))),$(wildcard plugins/$(p)/*.c storage/$(p)/*.c))

$(BUILD)/support.a: $(call objects,$(SUPPORT_SOURCES))
	@mkdir -p $(@D)
	@rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/verify_plugin: $(BUILD)/obj/tests/support/verify_plugin.o $(BUILD)/support.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcrypto -ldl

$(BUILD)/tests/store_plugin: $(BUILD)/obj/tests/support/store_plugin.o $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -ldl

# A second implementation: of the project it has only lib/base.
$(BUILD)/tests/forge: $(call objects,$(wildcard tests/support/forge*.c lib/base/*.c))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcrypto

$(BUILD)/tests/store_driver: $(BUILD)/obj/tests/support/store_driver.o $(BUILD)/obj/tests/support/store_host.o \
    $(call objects,$(call plugin_sources,file)) $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lpthread

# Libraries that tests preload into the daemon; never sanitised.
$(BUILD)/tests/%.so: tests/support/preload/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=c11 -O2 -g $(WARNINGS) -fPIC -fvisibility=hidden -shared -o $@ $< -ldl -lpthread

.SECONDEXPANSION:
$(BUILD)/tests/%_test: $(BUILD)/obj/tests/unit/%_test.o $$(call objects,$$(call plugin_sources,$$*)) $(BUILD)/support.a \
    $(BUILD)/core.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(PLUGIN_LIBS_$(firstword $(subst _, ,$*))) $(LIBS_CORE) -lcriterion
$(BUILD)/tests/agent_%_test: $(BUILD)/obj/tests/unit/agent_%_test.o $(BUILD)/guest.a $(BUILD)/core.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(LIBS_AGENT) -lcriterion
$(BUILD)/obj/tests/unit/%.o: CFLAGS += -Wno-missing-prototypes -Wno-shadow

FUZZ_FLAGS := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
# A bench is one program; `make build/bench/jose_bench` builds it.
$(BUILD)/bench/%_bench: $(BUILD)/obj/tests/bench/%_bench.o $(BUILD)/obj/tests/bench/bench.o $(BUILD)/support.a $(BUILD)/core.a $(BUILD)/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CORE)

build/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(LIB_SOURCES) $(CORE_SOURCES) $(SUPPORT_SOURCES) $$(call plugin_sources,$$*)
	@mkdir -p $(@D)
	$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang-14 OPTIMISE="-O1 -g" \
	    SANITIZE="$(subst fuzzer,fuzzer-no-link,$(FUZZ_FLAGS))" build-fuzz/support.a build-fuzz/core.a \
	    build-fuzz/lib.a $(patsubst %.c,build-fuzz/obj/%.o,$(call plugin_sources,$*))
	clang-14 $(CPPFLAGS) -std=c11 -O1 -g $(FUZZ_FLAGS) -o $@ $< $(patsubst %.c,build-fuzz/obj/%.o,$(call plugin_sources,$*)) \
	    build-fuzz/support.a build-fuzz/core.a build-fuzz/lib.a $(PLUGIN_LIBS_$(firstword $(subst _, ,$*))) $(LIBS_CORE)

build/fuzz/agent_%_fuzz: tests/fuzz/agent_%_fuzz.c $(LIB_SOURCES) $(CORE_SOURCES) $(GUEST_SOURCES)
	@mkdir -p $(@D)
	$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang-14 OPTIMISE="-O1 -g" \
	    SANITIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" \
	    build-fuzz/guest.a build-fuzz/core.a build-fuzz/lib.a
	clang-14 $(CPPFLAGS) -std=c11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    -o $@ $< build-fuzz/guest.a build-fuzz/core.a build-fuzz/lib.a $(LIBS_AGENT)

clean: ## remove everything that was built
	rm -rf build build-asan build-fuzz build-coverage

-include tests/abi/abi.mk
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
