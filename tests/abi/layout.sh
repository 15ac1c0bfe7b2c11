#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The layout of every struct that crosses the boundary is what it always was, in C and in C++, without padding.
set -euo pipefail
cd "$(dirname "$0")/../.."

"${CC:-cc}" -std=c11 -Wall -Wextra -Wpadded -Wpedantic -Werror -Iinclude -fsyntax-only tests/abi/layout.c
"${CXX:-c++}" -std=c++17 -Wall -Wextra -Wpadded -Wpedantic -Werror -Iinclude -fsyntax-only -x c++ tests/abi/layout.c

# One that must fail: the check does notice a member that has moved.
moved=$(mktemp --suffix=.c)
trap 'rm -f "$moved"' EXIT
sed 's/FIELD(trustee_plugin, init, [0-9]*)/FIELD(trustee_plugin, init, 8)/' tests/abi/layout.c >"$moved"
if "${CC:-cc}" -std=c11 -Iinclude -fsyntax-only "$moved" 2>/dev/null; then
    echo "layout: the check does not notice a member that has moved" >&2
    exit 1
fi
echo "layout: all structs of the ABI are as they were"
