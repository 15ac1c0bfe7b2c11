/* SPDX-License-Identifier: Apache-2.0
 *
 * One appraisal: the members, then what the report says of itself, then the certificate of the key that signed it, then
 * the signatures. Cheap checks come first, so that bad evidence costs little, and nothing is fetched for it; no result
 * counts before all of them passed.
 */
#include "plugins/snp/snp.h"

#define TEXTS_SIZE 4096
#define CACHE_CLASS "snp/vek"

/* --- what the report says of itself --------------------------------------------------------------------------------
 */

static slice found(struct appraisal *a, enum snp_reason name, bool passed)
{
    switch (name) {
    case REFUSED_REPORT_SIZE:
        return snp_decimal(a, a->bytes.len);
    case REFUSED_REPORT_VERSION:
        return snp_decimal(a, a->report.version);
    default:
        return passed ? S("yes") : S("no");
    }
}

static bool read_report(struct appraisal *a)
{
    static const struct {
        enum reason why;
        enum snp_reason name;
        slice expected;
    } steps[] = {
        {AMD_REPORT_SIZE, REFUSED_REPORT_SIZE, TRUSTEE_TEXT("1184")},
        {AMD_REPORT_VERSION, REFUSED_REPORT_VERSION, TRUSTEE_TEXT("2 to 5")},
        {AMD_REPORT_ALGORITHM, REFUSED_SIGNATURE_ALGORITHM, TRUSTEE_TEXT("ECDSA P-384 with SHA-384")},
        {AMD_REPORT_RESERVED, REFUSED_REPORT_RESERVED, TRUSTEE_TEXT("reserved fields zero")},
        {AMD_REPORT_SIGNATURE, REFUSED_SIGNATURE_SIZE, TRUSTEE_TEXT("48 bytes each, not zero")},
    };
    result r = snp_report_read(a->bytes, &a->report);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool passed = r.reason != steps[i].why;
        if (!snp_check(a, steps[i].name, passed, steps[i].expected, found(a, steps[i].name, passed)))
            return false;
    }
    if (FAILED(r))
        return snp_library_fault(a, r);
    if (a->report.version >= a->snp->minimum_version)
        return true;
    return snp_check(a, REFUSED_REPORT_VERSION, false, snp_decimal(a, a->snp->minimum_version),
                     snp_decimal(a, a->report.version));
}

static enum snp_vek_kind kind_of(const struct snp_report *r)
{
    return snp_signing_key(r) == SNP_SIGNED_BY_VLEK ? SNP_VLEK : SNP_VCEK;
}

static bool check_signing_key(struct appraisal *a)
{
    unsigned key = snp_signing_key(&a->report);
    bool accepted = key != SNP_SIGNED_BY_NONE && (a->snp->kinds >> kind_of(&a->report) & 1);
    slice actual = key == SNP_SIGNED_BY_NONE ? S("none") : snp_vek_kind_name(kind_of(&a->report));
    return snp_check(a, REFUSED_SIGNING_KEY, accepted, S("one of the option keys"), actual);
}

static bool check_processor(struct appraisal *a)
{
    const struct snp_report *r = &a->report;
    if (!r->has_cpuid)
        return true;
    a->generation = snp_generation_of_processor(&a->snp->generations, r->cpu_family, r->cpu_model);
    return snp_check(a, REFUSED_PROCESSOR, a->generation != NULL, S("a known family and model"),
                     snp_hex(a, slice_sub(r->bytes, SNP_AT_CPUID, 2)));
}

static bool check_binding(struct appraisal *a)
{
    slice report_data = a->report.report_data, host_data = a->report.host_data;
    bool bound = trustee_bind_equal(report_data, a->in->report_data, TRUSTEE_BIND_PAD, 64);
    if (!snp_check(a, REFUSED_REPORT_DATA, bound, snp_hex(a, a->in->report_data), snp_hex(a, report_data)))
        return false;
    if (!a->in->init_data.ptr)
        return true;
    bound = trustee_bind_equal(host_data, a->in->init_data, TRUSTEE_BIND_TRUNCATE, 32);
    return snp_check(a, REFUSED_INIT_DATA, bound, snp_hex(a, slice_sub(a->in->init_data, 0, 32)),
                     snp_hex(a, host_data));
}

static bool check_mitigations(struct appraisal *a)
{
    const struct snp_report *r = &a->report;
    uint64_t launch = a->snp->launch_mitigations, current = a->snp->current_mitigations;
    bool mitigated = (r->launch_mitigations & launch) == launch && (r->current_mitigations & current) == current;
    return snp_check(a, REFUSED_MITIGATIONS, mitigated, S("those that are required"),
                     r->has_mitigations ? snp_hex64(a, r->current_mitigations) : S("not reported"));
}

static bool check_guest(struct appraisal *a)
{
    const struct snp_report *r = &a->report;
    bool debug = r->policy & SNP_POLICY_DEBUG, migration = r->policy & SNP_POLICY_MIGRATE_MA;
    bool alias = r->platform_info & SNP_PLATFORM_ALIAS_CHECK;
    bool level = r->vmpl <= SNP_VMPL_MAX && (a->snp->vmpls >> r->vmpl & 1);
    return snp_check(a, REFUSED_DEBUG, !debug || a->snp->allow_debug, S("no"), debug ? S("yes") : S("no")) &&
           snp_check(a, REFUSED_MIGRATION, !migration || a->snp->allow_migration, S("no"),
                     migration ? S("yes") : S("no")) &&
           snp_check(a, REFUSED_VMPL, level, S("one of the option vmpl"), snp_decimal(a, r->vmpl)) &&
           snp_check(a, REFUSED_ALIAS_CHECK, alias || !a->snp->require_alias_check, S("complete"),
                     alias ? S("complete") : S("not complete")) &&
           check_mitigations(a);
}

/* --- the versions of the firmware ----------------------------------------------------------------------------------
 */

static bool read_tcbs(struct appraisal *a)
{
    const struct snp_report *r = &a->report;
    enum snp_tcb_layout layout = a->generation->layout;
    const struct {
        slice bytes;
        struct snp_tcb *out;
    } tcbs[] = {{r->reported_tcb, &a->tcbs.reported},
                {r->committed_tcb, &a->tcbs.committed},
                {r->current_tcb, &a->tcbs.current},
                {r->launch_tcb, &a->tcbs.launch}};
    for (size_t i = 0; i < sizeof tcbs / sizeof *tcbs; i++)
        if (FAILED(snp_tcb_read(tcbs[i].bytes, layout, tcbs[i].out)))
            return snp_check(a, REFUSED_TCB_FORM, false, S("reserved bytes zero"), snp_hex(a, tcbs[i].bytes));
    return snp_check(a, REFUSED_TCB_FORM, true, S("reserved bytes zero"), S("zero"));
}

/* What is reported is what the signing key was derived from. Committed firmware cannot be gone back from; so with
 * reported at most committed, the report's key cannot be had by older firmware than it says. */
static bool check_tcb_order(struct appraisal *a)
{
    const struct snp_tcbs *t = &a->tcbs;
    bool ordered = snp_tcb_at_most(&t->reported, &t->committed) && snp_tcb_at_most(&t->committed, &t->current) &&
                   snp_version_at_most(&a->report.committed, &a->report.current);
    if (!snp_check(a, REFUSED_TCB_ORDER, ordered, S("reported <= committed <= current"),
                   ordered ? snp_tcb_text(a, &t->committed) : S("another order")))
        return false;
    bool committed =
        snp_tcb_equal(&t->committed, &t->current) && snp_version_at_most(&a->report.current, &a->report.committed);
    return snp_check(a, REFUSED_TCB_COMMITTED, committed || !a->snp->require_committed_firmware,
                     snp_tcb_text(a, &t->current), snp_tcb_text(a, &t->committed));
}

static bool check_tcb_minimum(struct appraisal *a)
{
    const struct snp_generation *g = a->generation;
    if (!g->has_minimum)
        return true;
    return snp_check(a, REFUSED_TCB_MINIMUM, snp_tcb_at_most(&g->minimum, &a->tcbs.reported),
                     snp_tcb_text(a, &g->minimum), snp_tcb_text(a, &a->tcbs.reported));
}

static bool check_tcbs(struct appraisal *a)
{
    return read_tcbs(a) && check_tcb_order(a) && check_tcb_minimum(a);
}

/* Before anything is fetched or verified where the report names its processor; for version 2 once the certificate has.
 */
static bool check_tcbs_early(struct appraisal *a)
{
    return !a->generation || check_tcbs(a);
}

/* --- the certificate of the key that signed ------------------------------------------------------------------------
 */

static bool check_chip_id(struct appraisal *a)
{
    bool masked = kind_of(&a->report) == SNP_VCEK && snp_chip_id_is_masked(&a->report);
    return snp_check(a, REFUSED_CHIP_ID_MASKED, !masked || a->snp->allow_masked_chip_id, S("a chip id, or a VLEK"),
                     masked ? S("masked") : snp_vek_kind_name(kind_of(&a->report)));
}

static bool find_certificate(struct appraisal *a)
{
    enum snp_vek_kind kind = kind_of(&a->report);
    a->vek_der = kind == SNP_VLEK ? a->sent.vlek : a->sent.vcek;
    if (a->vek_der.len)
        return true;
    /* The other kind alone: the sender mixed them up, or wants us to. */
    bool other = kind == SNP_VLEK ? a->sent.vcek.len > 0 : a->sent.vlek.len > 0;
    if (!snp_check(a, REFUSED_VEK_KIND, !other, snp_vek_kind_name(kind), other ? S("the other kind") : S("none sent")))
        return false;
    bool can_be_fetched = kind == SNP_VCEK && !snp_chip_id_is_masked(&a->report);
    return snp_check(a, REFUSED_VEK_MISSING, can_be_fetched, S("in cert_chain, or a chip id to ask AMD for"),
                     can_be_fetched ? S("a chip id") : S("neither")) &&
           snp_find_vcek(a);
}

/* Those that came along must be what they are said to be, although the ones that are trusted already would do. */
static bool check_arks(struct appraisal *a)
{
    for (size_t i = 0; i < a->sent.ark_count; i++)
        if (!snp_anchors_has_ark(a->snp->anchors, a->sent.arks[i]))
            return snp_check(a, REFUSED_CHAIN_ARK, false, S("a trusted ARK"), S("another"));
    return true;
}

static bool find_issuer(struct appraisal *a, const struct certificate *vek)
{
    for (size_t i = 0; i < a->sent.ask_count; i++) {
        struct certificate ask;
        if (FAILED(certificate_read(a->sent.asks[i], &ask)) || !slice_equal(ask.subject, vek->issuer))
            continue;
        a->issuer_der = a->sent.asks[i];
        return true;
    }
    if (a->sent.ask_count)
        return snp_check(a, REFUSED_CHAIN_ASK, false, S("the certificate's issuer"), S("another"));
    a->issuer_der = snp_find_issuer(a, a->seen.generation, a->seen.kind);
    return true;
}

static bool digest_certificates(struct appraisal *a)
{
    slice all = a->vek_der;
    if (a->issuer_der.len) {
        uint8_t *both = a->host->arena_alloc(a->req, a->vek_der.len + a->issuer_der.len, 1);
        if (!both)
            return snp_fault(a, TRUSTEE_E_NOMEM);
        memcpy(both, a->vek_der.ptr, a->vek_der.len);
        memcpy(both + a->vek_der.len, a->issuer_der.ptr, a->issuer_der.len);
        all = slice_of(both, a->vek_der.len + a->issuer_der.len);
    }
    result r = sha256(all, a->vek_digest);
    return FAILED(r) ? snp_library_fault(a, r) : true;
}

/* What a certificate says; it is proven later. */
static bool read_fresh(struct appraisal *a)
{
    struct certificate c;
    result r = certificate_read(a->vek_der, &c);
    if (!FAILED(r))
        r = snp_vek_read(&c, &a->seen);
    if (!snp_check(a, REFUSED_VEK_FORM, !FAILED(r), S("a VCEK or VLEK"), slice_text(reason_id(r.reason))))
        return false;
    a->facts = &a->seen;
    return find_issuer(a, &c) && digest_certificates(a);
}

/* One that is known is not even read, unless an issuer came along, which has to be looked at too. */
static bool read_certificate(struct appraisal *a)
{
    if (!check_arks(a) || (!a->sent.ask_count && !digest_certificates(a)))
        return false;
    if (!a->sent.ask_count)
        a->vek = a->host->cache_get(a->req, S(CACHE_CLASS), slice_of(a->vek_digest, sizeof a->vek_digest));
    if (!a->vek)
        return read_fresh(a);
    a->facts = snp_vek_facts(a->vek);
    return snp_check(a, REFUSED_VEK_FORM, true, S("a VCEK or VLEK"), S("known"));
}

static bool check_product(struct appraisal *a)
{
    const struct snp_generation *g = snp_generation_of_name(&a->snp->generations, a->facts->generation);
    bool fits = g && (!a->generation || g == a->generation);
    slice expected = a->generation ? snp_generation_name(a->generation) : S("a known generation");
    if (!snp_check(a, REFUSED_VEK_PRODUCT, fits, expected, a->facts->generation))
        return false;
    if (a->generation)
        return true;
    a->generation = g;
    return check_tcbs(a);
}

static bool check_certificate(struct appraisal *a)
{
    enum snp_vek_kind kind = kind_of(&a->report);
    if (!snp_check(a, REFUSED_VEK_KIND, a->facts->kind == kind, snp_vek_kind_name(kind),
                   snp_vek_kind_name(a->facts->kind)) ||
        !check_product(a))
        return false;
    const struct snp_tcb *reported = &a->tcbs.reported, *certified = &a->facts->tcb;
    bool same = snp_tcb_equal(reported, certified) && certified->has_fmc >= reported->has_fmc;
    if (!snp_check(a, REFUSED_VEK_TCB, same, snp_tcb_text(a, reported), snp_tcb_text(a, certified)))
        return false;
    bool chip = kind == SNP_VLEK || snp_chip_id_is_masked(&a->report) || /* allowed, or it would not come here */
                snp_vek_is_of_chip(a->facts, a->report.chip_id);
    return snp_check(a, REFUSED_VEK_CHIP_ID, chip, snp_hex(a, a->report.chip_id), snp_hex(a, a->facts->chip_id));
}

/* --- signatures ----------------------------------------------------------------------------------------------------
 */

static enum snp_reason chain_reason(result r)
{
    switch (r.reason) {
    case X509_UNTRUSTED:
        return REFUSED_CHAIN_UNTRUSTED;
    case X509_SIGNATURE:
        return REFUSED_CHAIN_SIGNATURE;
    case X509_ORDER:
        return REFUSED_CHAIN_ASK;
    case AMD_VEK_NAME:
    case AMD_VEK_EXTENSION:
        return REFUSED_VEK_FORM;
    default:
        return REFUSED_CHAIN;
    }
}

static bool prove_certificate(struct appraisal *a)
{
    if (!a->vek && a->issuer_der.len)
        a->vek = a->host->cache_get(a->req, S(CACHE_CLASS), slice_of(a->vek_digest, sizeof a->vek_digest));
    if (a->vek)
        return snp_check(a, REFUSED_CHAIN, true, S("a chain to a trusted ARK"), S("known"));
    result r = snp_vek_new(a->snp->anchors, a->vek_der, a->issuer_der, &a->fresh);
    if (snp_is_fault(r))
        return snp_library_fault(a, r);
    /* Of this generation nothing but the ARK is trusted: what is between is AMD's to say. */
    if (r.reason == X509_UNTRUSTED && !a->issuer_der.len && snp_ask_for_issuer(a))
        return false;
    a->vek = a->fresh;
    return snp_check(a, chain_reason(r), !FAILED(r), S("a chain to a trusted ARK"),
                     FAILED(r) ? slice_text(reason_id(r.reason)) : S("one"));
}

static bool check_chain(struct appraisal *a)
{
    if (!prove_certificate(a))
        return false;
    a->facts = snp_vek_facts(a->vek);
    result r = x509_path_valid_at(snp_vek_path(a->vek), a->in->now);
    return snp_check(a, REFUSED_CHAIN_VALIDITY, !FAILED(r), S("valid now"),
                     FAILED(r) ? S("not valid now") : S("valid"));
}

static void drop_vek(void *vek)
{
    snp_vek_free(vek);
}

/* Only what is proven: the chain leads to a trusted ARK. */
static void remember(struct appraisal *a)
{
    if (!a->fresh)
        return;
    slice digest = slice_of(a->vek_digest, sizeof a->vek_digest);
    int64_t not_after = x509_path_not_after(snp_vek_path(a->fresh));
    if (a->host->cache_put(a->req, S(CACHE_CLASS), digest, a->fresh, drop_vek, not_after) == TRUSTEE_OK)
        a->fresh = NULL;
}

static bool check_revocation(struct appraisal *a)
{
    if (a->snp->crl == SNP_CRL_OFF)
        return true;
    if (!snp_find_crl(a)) {
        remember(a); /* the next call, which brings the list, need not prove it again */
        return false;
    }
    if (!a->crl)
        return true;
    result r = snp_vek_check_revocation(a->snp->anchors, a->vek, a->crl, a->in->now);
    enum snp_reason name = r.reason == X509_IS_REVOKED     ? REFUSED_REVOKED
                           : r.reason == X509_CRL_VALIDITY ? REFUSED_CRL_VALIDITY
                                                           : REFUSED_CRL;
    return snp_check(a, FAILED(r) ? name : REFUSED_REVOKED, !FAILED(r), S("in force, and not listed"),
                     FAILED(r) ? slice_text(reason_id(r.reason)) : S("not listed"));
}

static bool check_signature(struct appraisal *a)
{
    result r = snp_report_verify(&a->report, snp_vek_key(a->vek));
    if (snp_is_fault(r))
        return snp_library_fault(a, r);
    if (!snp_check(a, REFUSED_SIGNATURE, !FAILED(r), S("ECDSA P-384 with SHA-384"),
                   FAILED(r) ? slice_text(reason_id(r.reason)) : S("holds")))
        return false;
    remember(a);
    return true;
}

/* --- the result ----------------------------------------------------------------------------------------------------
 */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool answer(struct appraisal *a)
{
    trustee_verify_out *out = a->out;
    out->report_data_claim = snp_hex(a, a->report.report_data);
    out->init_data_claim = snp_hex(a, a->report.host_data);
    if (!out->report_data_claim.ptr || !out->init_data_claim.ptr)
        return snp_fault(a, TRUSTEE_E_NOMEM);
    out->report_data = a->report.report_data;
    out->init_data = a->report.host_data;
    out->not_after = x509_path_not_after(snp_vek_path(a->vek));
    if (a->crl)
        out->not_after = earlier(out->not_after, crl_next_update(a->crl));
    snp_put_claims(a, out->claims);
    out->verdict = TRUSTEE_VERDICT_GENUINE;
    return true;
}

static bool judge(struct appraisal *a)
{
    return snp_read_evidence(a) && read_report(a) && check_signing_key(a) && check_processor(a) && check_binding(a) &&
           check_guest(a) && check_tcbs_early(a) && check_chip_id(a) && find_certificate(a) && read_certificate(a) &&
           check_certificate(a) && check_chain(a) && check_revocation(a) && check_signature(a) && answer(a);
}

trustee_status snp_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    const struct snp *snp = instance;
    struct appraisal a = {.snp = snp, .host = snp->host, .req = req, .in = in, .out = out, .status = TRUSTEE_OK};
    a.arena.base = snp->host->arena_alloc(req, TEXTS_SIZE, 16);
    if (!a.arena.base)
        return TRUSTEE_E_NOMEM;
    a.arena.size = TEXTS_SIZE;
    bool good = judge(&a);
    snp_vek_free(a.fresh);
    crl_free(a.fresh_crl);
    return good ? TRUSTEE_OK : a.status;
}
