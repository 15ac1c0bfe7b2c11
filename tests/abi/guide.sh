#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What docs/plugin-guide.md tells a vendor to do, done: its verifier is taken from the page, built in an empty folder
# against installed headers with the page's own command, and loaded by the service.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
trusteed=${TRUSTEE_BUILD:-$root/build}/bin/trusteed
[ -x "$trusteed" ] || { echo "guide: $trusteed is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "guide: $1" >&2; exit 1; }

make -s -C "$root" install-dev DESTDIR="$work/stage" PREFIX=/usr >/dev/null
export PKG_CONFIG_PATH=$work/stage/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/stage
[ "$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=plugindir trustee-plugin)" = /usr/lib/trustee/plugins ] || fail "plugindir"

# The blocks of a kind, one file each: c.1, sh.1, …
awk -v out="$work/" '/^```[a-z]/ {kind = substr($0, 4); n[kind]++; next} /^```/ {kind = ""} kind {print >(out kind "." n[kind])}' \
    "$root/docs/plugin-guide.md"
mkdir "$work/mine"
cp "$work/c.1" "$work/mine/acme.c"
cd "$work/mine"
PATH=$(dirname "$trusteed"):$PATH bash -eu "$work/sh.1" >dump.json || fail "the page's command does not build or load it"
for word in '"name":"acme"' '"name":"root_key"' '"insecure":false' '"id":"acme.signature"' '"name":"acme","device_class":"cpu"'; do
    grep -qF "$word" dump.json || fail "the dump lacks $word"
done
[ "$(nm -D --defined-only acme.so | awk '$2 ~ /[TDB]/ {print $3}')" = trustee_plugin_describe_v1 ] || fail "it exports more"
"${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror $(pkg-config --cflags trustee-plugin) -fsyntax-only acme.c

# Configured as the page has it, beside the shipped plugins; and refused where the option is left out.
plugins=$work/plugins
mkdir -m 755 "$plugins"
cp "$(dirname "$trusteed")"/../plugins/{rego,file}.so acme.so "$plugins/"
chmod go-w "$plugins"/*.so
"$(dirname "$trusteed")/trusteectl" init "$work/home" --plugins "$plugins" >/dev/null
sed -i -E '/^\[plugin (tpm|tdx|snp|sgx)\]$/d' "$work/home/trusteed.ini"
openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout -out "$work/acme.pem"
check() { "$trusteed" --config "$work/home/trusteed.ini" --check-config 2>&1; }
sed "s#/etc/trustee/acme.pem#$work/acme.pem#" "$work/ini.1" >>"$work/home/trusteed.ini"
check >log || fail "$(cat log)"
sed -i "s#^root_key = .*#root_key = $work/home/keys/admin.pub#" "$work/home/trusteed.ini"
check >log && fail "a key of another kind is taken"
grep -q 'root_key: expected a PEM public key of Ed25519' log || fail "$(cat log)"
sed -i '/^root_key/d' "$work/home/trusteed.ini"
check >log && fail "it loads without its key"
grep -q "lacks the required key 'root_key'" log || fail "$(cat log)"
echo "guide: the page's verifier builds from the installed headers alone, loads, and is configured"
