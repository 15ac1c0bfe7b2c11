#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a vendor does: copies plugins/sample into an empty folder and builds it from the installed headers alone.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/mine"
make -s -C "$root" install-dev DESTDIR="$work" PREFIX=/usr >/dev/null
cp "$root/plugins/sample/sample.c" "$work/mine/"
cd "$work/mine"

for cc in "${CC:-cc}" ${CC:+} $(command -v clang-14 || true); do
    "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -fvisibility=hidden -I"$work/usr/include" -o sample.so sample.c
    exported=$(nm -D --defined-only sample.so | awk '$2 == "T" || $2 == "D" || $2 == "B" { print $3 }')
    [ "$exported" = trustee_plugin_describe_v1 ] || { echo "out_of_tree: $cc: exports $exported" >&2; exit 1; }
done

# The headers alone, in C++ too: each one on its own.
for header in "$work"/usr/include/trustee/*.h; do
    echo "#include <trustee/$(basename "$header")>" >one.c
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$work/usr/include" -fsyntax-only one.c
    "${CXX:-c++}" -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$work/usr/include" -fsyntax-only -x c++ one.c
done
echo "out_of_tree: plugins/sample builds from the installed headers alone"
