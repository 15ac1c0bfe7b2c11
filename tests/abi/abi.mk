# SPDX-License-Identifier: Apache-2.0
# The ABI: its layout is frozen, a plugin builds from the installed headers alone, and the loader meets bad plugins.

ABI_PLUGINS := $(patsubst tests/abi/%.c,$(BUILD)/tests/abi/%.so,$(filter-out tests/abi/layout.c,$(wildcard tests/abi/*.c)))
ABI_TESTS := $(addprefix $(BUILD)/tests/,$(addsuffix _test,plugin_load plugin_host plugin_facade store_memory))

$(BUILD)/tests/abi/%.so: tests/abi/%.c tests/abi/template.h $(wildcard include/trustee/*.h)
	@mkdir -p $(@D)
	$(CC) -std=c11 -O1 -g $(WARNINGS) $(HARDENING) $(SANITIZE) -Iinclude -shared -o $@ $<

$(ABI_TESTS): | $(ABI_PLUGINS) $(BUILD)/plugins/sample.so $(BUILD)/plugins/memory.so
$(patsubst $(BUILD)/tests/%,$(BUILD)/obj/tests/unit/%.o,$(ABI_TESTS)): CPPFLAGS += -DTEST_BUILD='"$(abspath $(BUILD))"'

.PHONY: test-abi
test-abi: ## the ABI's layout, and a plugin out of the tree
	@tests/abi/layout.sh
	@tests/abi/out_of_tree.sh
	@tests/abi/guide.sh
