/* SPDX-License-Identifier: Apache-2.0
 *
 * What judging one DCAP quote costs, from its JSON to its claims, through the plugins as they ship and a host that does
 * nothing: cold (nothing remembered), a known platform with a fresh attestation key, a quote whose QE part was seen
 * before; beside the bare signatures. The platforms are forged; with TRUSTEE_VECTORS recorded ones are measured too.
 * Usage: dcap_bench FOLDER-OF-PLUGINS [SECONDS-PER-LINE]
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/dcap/quote.h"
#include "lib/x509/certificate.h"
#include "tests/bench/bench.h"
#include "tests/support/dcap_fixture.h"
#include "tests/support/judge_dcap.h"

/* PCK, PCK CA, QE report, quote; TCB signer, TCB info, QE identity; both lists */
#define COLD_SIGNATURES 9

static struct judge forged;
static struct dcap_fixture recorded;
static struct dcap_quote quote;
static struct public_key *key;

/* What is being judged: one of the two above. */
static struct fake_host *host;
static slice tee, evidence;
static trustee_verify_in in;

static void must(bool worked, const char *what)
{
    if (worked)
        return;
    fprintf(stderr, "dcap_bench: %s failed\n", what);
    exit(1);
}

static struct raw_signature signature_of(slice bytes)
{
    return (struct raw_signature){
        .scheme = SIGNATURE_ECDSA, .hash = HASH_SHA256, .r = slice_sub(bytes, 0, 32), .s = slice_sub(bytes, 32, 32)};
}

/* --- operations
 * ------------------------------------------------------------------------------------------------------ */

static void bare_once(void)
{
    const struct raw_signature raw = signature_of(quote.signature);
    must(!FAILED(ecdsa_verify_point(KEY_P256, quote.attestation_key, &raw, quote.signed_bytes)), "a signature");
}

static void bare_known(void)
{
    const struct raw_signature raw = signature_of(quote.qe_signature);
    must(!FAILED(signature_verify(key, &raw, quote.qe_report_bytes)), "a signature");
}

static void judge(void)
{
    if (!fake_verify(host, tee, evidence, &in)) {
        fprintf(stderr, "dcap_bench: %.*s\n", SLICE_ARG(host->reason));
        exit(1);
    }
}

/* Forgets all facts, or those of one kind. */
static void forget(const char *cls)
{
    size_t kept = 0;
    for (size_t i = 0; i < host->cache_count; i++)
        if (cls && !slice_equal(host->cache[i].cls, slice_text(cls)))
            host->cache[kept++] = host->cache[i];
        else
            host->cache[i].drop(host->cache[i].value);
    host->cache_count = kept;
}

static void cold(void)
{
    forget(NULL);
    judge();
}

static void fresh_key(void)
{
    forget("dcap/qe-report");
    judge();
}

static void measure_all(const char *name, double once, double known)
{
    char line[64];
    snprintf(line, sizeof line, "%s, cold", name);
    bench_measure(line, cold, COLD_SIGNATURES * once);
    snprintf(line, sizeof line, "%s, known platform, fresh key", name);
    bench_measure(line, fresh_key, once + known);
    snprintf(line, sizeof line, "%s, QE part seen before", name);
    bench_measure(line, judge, once);
    forget(NULL);
}

/* --- what is measured
 * ------------------------------------------------------------------------------------------------ */

static const trustee_plugin *load(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.so", folder, name);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    union {
        void *symbol;
        trustee_plugin_describe_fn describe;
    } found = {object ? dlsym(object, TRUSTEE_PLUGIN_SYMBOL) : NULL};
    must(found.symbol != NULL, path);
    return found.describe();
}

static slice evidence_of(struct arena *a, slice bytes)
{
    struct text t = text_begin(a);
    text_lit(&t, "{\"quote\":\"");
    text_base64(&t, bytes);
    text_lit(&t, "\"}");
    return text_end(&t);
}

static void measure_forged(const char *folder, const char *name, int version, enum forge_body body)
{
    judge_begin(&forged, load(folder, name), name);
    judge_default(&forged, version, body);
    must(judge_all(&forged) && !FAILED(dcap_quote_read(forged.out.quote, &quote)), "forged evidence");
    struct certificate pck;
    must(!FAILED(certificate_read(forged.out.pck, &pck)) && !FAILED(public_key_new(pck.spki, &key)), "the PCK");
    host = &forged.host;
    tee = forged.tee;
    evidence = evidence_of(&forged.arena, forged.out.quote);
    in = (trustee_verify_in){.report_data = slice_of(forged.report_data, sizeof forged.report_data),
                             .collateral = forged.items,
                             .collateral_count = forged.item_count,
                             .now = forged.k.now};
    double once = bench_measure("bare: one signature (P-256), key seen once", bare_once, 0);
    double known = bench_measure("bare: one signature, known key", bare_known, 0);
    measure_all(name, once, known);
    public_key_free(key);
    judge_end(&forged);
}

struct recording {
    const char *tee, *quote, *collateral;
    int64_t at;
};
static const struct recording RECORDINGS[] = {
    {"tdx", "tdx/tdx_quote", "tdx/tdx_quote_collateral.json", INT64_C(1750377600)},
    {"tdx", "tdx/quote_v5_sample.dat", "tdx/tdx_quote_outdated_collateral.json", INT64_C(1772323200)},
    {"sgx", "sgx/sgx_quote", "sgx/sgx_quote_collateral.json", INT64_C(1750377600)},
};

static void measure_recorded(const char *folder, const struct recording *r)
{
    dcap_fixture_begin(&recorded, r->tee, load(folder, r->tee));
    slice bytes = vector_file(&recorded.arena, r->quote), collateral = vector_file(&recorded.arena, r->collateral);
    if (bytes.ptr && collateral.ptr) {
        recorded.in.now = r->at;
        must(dcap_fixture_collateral(&recorded, collateral), "collateral");
        must(dcap_fixture_judge(&recorded, bytes) == NULL && !FAILED(dcap_quote_read(bytes, &quote)), r->quote);
        host = &recorded.host;
        tee = slice_text(r->tee);
        evidence = evidence_of(&recorded.arena, bytes);
        in = recorded.in;
        in.collateral = recorded.given;
        in.collateral_count = recorded.given_count;
        double once = bench_measure("bare: one signature (P-256), key seen once", bare_once, 0);
        measure_all(r->quote, once, once);
    }
    dcap_fixture_end(&recorded);
}

int main(int argc, char **argv)
{
    must(argc >= 2, "usage: dcap_bench FOLDER-OF-PLUGINS [SECONDS-PER-LINE]:");
    bench_begin(argc > 2 ? atof(argv[2]) : 0.5);
    measure_forged(argv[1], "tdx", 5, FORGE_TDX15);
    measure_forged(argv[1], "sgx", 3, FORGE_SGX);
    for (size_t i = 0; i < sizeof RECORDINGS / sizeof *RECORDINGS; i++)
        measure_recorded(argv[1], &RECORDINGS[i]);
    return 0;
}
