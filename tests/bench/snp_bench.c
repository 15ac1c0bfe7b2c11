/* SPDX-License-Identifier: Apache-2.0
 *
 * What judging one SNP report costs, through the plugin as it ships and a host that does nothing: cold (nothing
 * remembered), known (the certificate was seen before), beside the bare signatures. Microseconds of CPU, instructions
 * where the kernel lets us count them, calls of malloc by our code and by the crypto library.
 * Usage: snp_bench PLUGIN.so [SECONDS-PER-LINE]
 */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/snp/vek.h"
#include "tests/bench/bench.h"
#include "tests/support/fake_host.h"
#include "tests/support/forge_snp.h"
#include "tests/support/test_pki.h"

#define KEYS "build/bench/keys"

static struct fake_host host;
static struct arena arena;
static slice members, raw, der, report, point;
static trustee_verify_in in;
static struct public_key *ask, *key;
static struct certificate certificate;
static struct snp_report parsed;

static void must(bool worked, const char *what)
{
    if (worked)
        return;
    fprintf(stderr, "snp_bench: %s failed\n", what);
    exit(1);
}

/* --- operations ----------------------------------------------------------------------------------------------------
 */

static void forget(void)
{
    for (size_t i = 0; i < host.cache_count; i++)
        host.cache[i].drop(host.cache[i].value);
    host.cache_count = 0;
}

static void bare_p384(void)
{
    must(!FAILED(snp_report_verify(&parsed, key)), "the report's signature");
}

/* A key that is met for the first time has no table yet. */
static void bare_p384_once(void)
{
    uint8_t r[48], s[48];
    for (size_t i = 0; i < sizeof r; i++) {
        r[i] = parsed.r.ptr[sizeof r - 1 - i];
        s[i] = parsed.s.ptr[sizeof s - 1 - i];
    }
    struct raw_signature signature = {
        .scheme = SIGNATURE_ECDSA, .hash = HASH_SHA384, .r = slice_of(r, 48), .s = slice_of(s, 48)};
    must(!FAILED(ecdsa_verify_point(KEY_P384, point, &signature, parsed.to_sign)), "the report's signature");
}

static void bare_rsa(void)
{
    must(!FAILED(certificate_verify(&certificate, ask)), "the certificate's signature");
}

static void read_only(void)
{
    struct snp_report r;
    struct certificate c;
    struct snp_vek_facts facts;
    must(!FAILED(snp_report_read(report, &r)) && !FAILED(certificate_read(der, &c)) &&
             !FAILED(snp_vek_read(&c, &facts)),
         "reading");
}

static void judge(slice evidence)
{
    if (!fake_verify(&host, S("snp"), evidence, &in)) {
        fprintf(stderr, "snp_bench: %.*s\n", SLICE_ARG(host.reason));
        exit(1);
    }
}

static void cold_json(void)
{
    forget();
    judge(members);
}

static void cold_raw(void)
{
    forget();
    judge(raw);
}

static void known_json(void)
{
    judge(members);
}

static void known_raw(void)
{
    judge(raw);
}

/* --- the platform --------------------------------------------------------------------------------------------------
 */

static void make_platform(void)
{
    struct forge_amd amd;
    mkdir("build", 0755);
    mkdir("build/bench", 0755);
    mkdir(KEYS, 0755);
    /* A name of its own, else AMD's ASK of the same name would be tried first. */
    forge_amd(&arena, &amd, "Bench", 4096, KEYS);
    EVP_PKEY *signer = forge_ec_key(NULL, "vcek", "P-384");
    static struct forge_report r;
    r = forge_report("Milan", 3);
    r.cpu[0] = 0xff;
    struct forge_vek v = forge_vek(&amd, &r);
    der = forge_vek_issue(&arena, &amd, &v, signer);
    memset(r.report_data, 0x11, 48);
    report = forge_report_sign(&arena, &r, signer);
    members = forge_snp_evidence(&arena, report, &(struct forge_table){.vcek = der});
    raw =
        forge_snp_evidence(&arena, report, &(struct forge_table){.shape = FORGE_SHAPE_RAW, .vcek = der, .guids = true});
    in = (trustee_verify_in){.report_data = slice_of(r.report_data, 48), .now = TEST_NOW};
    fake_option_bytes(&host, "trust_anchor", amd.pem);
    fake_option(&host, "generation", "Bench 0xff 0x00-0xff milan");
    must(!FAILED(public_key_new(test_spki(&arena, signer), &key)), "a key");
    must(!FAILED(public_key_new(test_spki(&arena, amd.ask), &ask)), "a key");
    slice spki = test_spki(&arena, signer);
    point = slice_sub(spki, spki.len - 96, 96);
    must(!FAILED(certificate_read(der, &certificate)) && !FAILED(snp_report_read(report, &parsed)), "reading");
}

static const trustee_plugin *load(const char *path)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    union {
        void *symbol;
        trustee_plugin_describe_fn describe;
    } found = {object ? dlsym(object, TRUSTEE_PLUGIN_SYMBOL) : NULL};
    must(found.symbol != NULL, "loading the plugin");
    return found.describe();
}

int main(int argc, char **argv)
{
    must(argc >= 2, "usage: snp_bench PLUGIN.so [SECONDS-PER-LINE]:");
    bench_begin(argc > 2 ? atof(argv[2]) : 0.5);
    must(!FAILED(arena_map(&arena, 16 << 20, ARENA_PLAIN)), "memory");
    fake_host_begin(&host);
    make_platform();
    must(fake_load(&host, load(argv[1])) == TRUSTEE_OK, "the plugin");
    double p384 = bench_measure("bare: the report's signature (P-384)", bare_p384, 0);
    double once = bench_measure("bare: the same with a key seen once", bare_p384_once, 0);
    double rsa = bench_measure("bare: the certificate's signature (RSA-4096)", bare_rsa, 0);
    bench_measure("reading the report and the certificate", read_only, 0);
    bench_measure("cold, upstream's JSON", cold_json, once + rsa);
    bench_measure("cold, raw report", cold_raw, once + rsa);
    bench_measure("known certificate, upstream's JSON", known_json, p384);
    bench_measure("known certificate, raw report", known_raw, p384);
    forget();
    return 0;
}
