/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/verify.h"

#define QUOTE_MAX (64u << 10)
#define INTEL S("\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07")
#define TEE_TDX UINT32_C(0x81)
#define CERTIFICATION_PPID 3
#define CERTIFICATION_CHAIN 5

struct dcap_appraisal dcap_begin(const struct dcap_verifier *v, trustee_request *req, const trustee_verify_in *in)
{
    return (struct dcap_appraisal){.call = dcap_call_begin(v, req, in->now), .in = in};
}

void dcap_end(struct dcap_appraisal *a)
{
    dcap_call_end(&a->call);
}

/* --- what was sent
 * -------------------------------------------------------------------------------------------------- */

bool dcap_evidence_quote(struct dcap_appraisal *a, slice *bytes)
{
    struct dcap_call *c = &a->call;
    bool object = c->host->value_type(a->in->evidence) == TRUSTEE_NODE_OBJECT;
    if (!dcap_check(c, DCAP_CHECK_EVIDENCE_FORM, object, S("an object"), object ? S("an object") : S("something else")))
        return false;
    trustee_status found = c->host->value_base64(c->req, a->in->evidence, S("/quote"), TRUSTEE_BASE64_STD, bytes);
    if (found < 0)
        return dcap_fault(c, found);
    bool there = found == TRUSTEE_OK && bytes->len > 0;
    return dcap_check(c, DCAP_CHECK_QUOTE_FORM, there, S("base64"), there ? S("base64") : S("none"));
}

static unsigned structure_check(result r)
{
    switch (r.reason) {
    case DCAP_VERSION:
        return DCAP_CHECK_QUOTE_VERSION;
    case DCAP_KEY_TYPE:
        return DCAP_CHECK_QUOTE_KEY_TYPE;
    case DCAP_TEE_TYPE:
        return DCAP_CHECK_QUOTE_TEE_TYPE;
    case DCAP_BODY:
        return DCAP_CHECK_QUOTE_BODY;
    case DCAP_TRAILING:
        return DCAP_CHECK_QUOTE_TRAILING;
    case DCAP_TRUNCATED:
        return DCAP_CHECK_QUOTE_TRUNCATED;
    default:
        return DCAP_CHECK_QUOTE_LENGTH;
    }
}

bool dcap_read_quote(struct dcap_appraisal *a, slice bytes)
{
    struct dcap_call *c = &a->call;
    const struct dcap_quote *q = &a->quote;
    if (!dcap_check(c, DCAP_CHECK_QUOTE_SIZE, bytes.len <= QUOTE_MAX, dcap_decimal(c, QUOTE_MAX),
                    dcap_decimal(c, bytes.len)))
        return false;
    result r = dcap_quote_read(bytes, &a->quote);
    if (!dcap_check_result(c, FAILED(r) ? structure_check(r) : DCAP_CHECK_QUOTE_LENGTH, r))
        return false;
    slice expected = c->verifier->tdx ? S("TDX") : S("SGX"), actual = q->tee_type == TEE_TDX ? S("TDX") : S("SGX");
    if (!dcap_check(c, DCAP_CHECK_QUOTE_TEE_TYPE, slice_equal(expected, actual), expected, actual))
        return false;
    return dcap_check(c, DCAP_CHECK_QUOTE_VENDOR, slice_equal(q->vendor_id, INTEL), dcap_hex(c, INTEL),
                      dcap_hex(c, q->vendor_id));
}

static bool check_binding(struct dcap_call *c, unsigned check, slice field, slice expected, uint32_t rule)
{
    if (!expected.ptr)
        return true;
    bool bound = trustee_bind_equal(field, expected, rule, field.len);
    return dcap_check(c, check, bound, dcap_hex(c, slice_sub(expected, 0, field.len)), dcap_hex(c, field));
}

bool dcap_bound(struct dcap_appraisal *a, slice report_data, slice init_data, const trustee_tee *tee)
{
    struct dcap_call *c = &a->call;
    return check_binding(c, DCAP_CHECK_REPORT_DATA, report_data, a->in->report_data, tee->report_rule) &&
           check_binding(c, DCAP_CHECK_INIT_DATA, init_data, a->in->init_data, tee->init_rule);
}

/* --- collateral that the core has, or is asked for
 * ------------------------------------------------------------------ */

struct wants {
    struct dcap_appraisal *a;
    trustee_verify_out *out;
    bool missing;
};

static const trustee_collateral *held(const trustee_verify_in *in, slice kind, slice key)
{
    for (uint64_t i = 0; i < in->collateral_count; i++)
        if (slice_equal(in->collateral[i].kind, kind) && slice_equal(in->collateral[i].key, key))
            return &in->collateral[i];
    return NULL;
}

static const trustee_collateral *want(struct wants *w, slice kind, slice key)
{
    const trustee_collateral *item = held(w->a->in, kind, key);
    if (item)
        return item;
    w->missing = true;
    if (w->out->need_count < TRUSTEE_NEEDS_MAX)
        w->out->needs[w->out->need_count++] = (trustee_need){kind, key, 0};
    return NULL;
}

static slice tcb_info_key(struct dcap_appraisal *a)
{
    const slice fmspc = slice_of(a->platform->pck.fmspc, sizeof a->platform->pck.fmspc);
    uint8_t *key = a->call.host->arena_alloc(a->call.req, 4 + HEX_SIZE(fmspc.len), 1);
    if (!key)
        return NO_SLICE;
    memcpy(key, a->call.verifier->tdx ? "tdx/" : "sgx/", 4);
    return slice_of(key, 4 + hex_encode(key + 4, fmspc));
}

/* The list is of a CA below the root that is known by now: of the PCK chain, or of the TCB signer. */
static bool pck_crl(struct dcap_appraisal *a, const trustee_collateral *item)
{
    const struct certificate *issuers[2 * X509_CHAIN_MAX];
    const struct x509_path *paths[] = {a->platform->path, tcb_info_statement(a->tcb_info)->signer};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t n = 1; n + 1 < x509_path_length(paths[i]) && count < 2 * X509_CHAIN_MAX; n++)
            issuers[count++] = x509_path_certificate(paths[i], n);
    return dcap_crl(&a->call, item, issuers, count, &DCAP_PCK_CRL_CHECKS, &a->pck_crl);
}

static bool root_crl(struct dcap_appraisal *a, const trustee_collateral *item)
{
    const struct x509_path *path = a->platform->path;
    const struct certificate *root = x509_path_certificate(path, x509_path_length(path) - 1);
    return dcap_crl(&a->call, item, &root, 1, &DCAP_ROOT_CRL_CHECKS, &a->root_crl);
}

static bool get_collateral(struct dcap_appraisal *a, trustee_verify_out *out)
{
    struct wants w = {.a = a, .out = out};
    slice key = tcb_info_key(a);
    if (!key.ptr)
        return dcap_fault(&a->call, TRUSTEE_E_NOMEM);
    const trustee_collateral *tcb = want(&w, S(DCAP_KIND_TCB_INFO), key);
    const trustee_collateral *qe = want(&w, S(DCAP_KIND_QE_IDENTITY), a->call.verifier->tdx ? S("tdx") : S("sgx"));
    const trustee_collateral *pck =
        want(&w, S(DCAP_KIND_PCK_CRL), a->platform->pck.platform_ca ? S("platform") : S("processor"));
    const trustee_collateral *root = want(&w, S(DCAP_KIND_ROOT_CRL), S("root"));
    if (w.missing)
        return dcap_fault(&a->call, TRUSTEE_NEED);
    return dcap_tcb_info(&a->call, tcb, &a->tcb_info) && dcap_qe_identity(&a->call, qe, &a->qe_identity) &&
           root_crl(a, root) && pck_crl(a, pck);
}

/* --- the PCK chain
 * -------------------------------------------------------------------------------------------------- */

/* The platform told its ids alone: its certificate is collateral. */
static bool find_by_ids(struct dcap_appraisal *a, trustee_verify_out *out)
{
    struct dcap_call *c = &a->call;
    struct wants w = {.a = a, .out = out};
    slice ids = a->quote.certification_data;
    if (!dcap_check(c, DCAP_CHECK_CERTIFICATION_FORM, ids.len == DCAP_PLATFORM_IDS, S("404"), dcap_decimal(c, ids.len)))
        return false;
    slice key = dcap_pck_key(c, &a->quote);
    if (!key.ptr)
        return dcap_fault(c, TRUSTEE_E_NOMEM);
    const trustee_collateral *item = want(&w, S(DCAP_KIND_PCK), key);
    if (!item)
        return dcap_fault(c, TRUSTEE_NEED);
    const slice parts[] = {item->bytes, item->chain};
    return dcap_platform_find(c, parts, a->chain_digest, &a->platform);
}

static bool find_platform(struct dcap_appraisal *a, trustee_verify_out *out)
{
    const struct dcap_quote *q = &a->quote;
    const slice parts[] = {q->certification_data, NO_SLICE};
    bool known = q->certification_type == CERTIFICATION_CHAIN || q->certification_type == CERTIFICATION_PPID;
    if (!dcap_check(&a->call, DCAP_CHECK_CERTIFICATION_TYPE, known, S("3 or 5"),
                    dcap_decimal(&a->call, q->certification_type)))
        return false;
    if (q->certification_type == CERTIFICATION_PPID)
        return find_by_ids(a, out);
    return dcap_platform_find(&a->call, parts, a->chain_digest, &a->platform);
}

/* --- signatures
 * ----------------------------------------------------------------------------------------------------- */

static struct raw_signature ecdsa(slice signature)
{
    return (struct raw_signature){.scheme = SIGNATURE_ECDSA,
                                  .hash = HASH_SHA256,
                                  .r = slice_sub(signature, 0, 32),
                                  .s = slice_sub(signature, 32, 32)};
}

/* The report's data are SHA-256(attestation key || authentication data), then zeros. */
static result check_report_data(struct dcap_appraisal *a)
{
    const struct dcap_quote *q = &a->quote;
    uint8_t expected[64] = {0};
    size_t size = (size_t)(q->attestation_key.len + q->qe_auth_data.len);
    uint8_t *bytes = a->call.host->arena_alloc(a->call.req, size, 1);
    ENSURE(bytes, NO_MEMORY);
    memcpy(bytes, q->attestation_key.ptr, q->attestation_key.len);
    if (q->qe_auth_data.len > 0)
        memcpy(bytes + q->attestation_key.len, q->qe_auth_data.ptr, q->qe_auth_data.len);
    TRY(sha256(slice_of(bytes, size), expected));
    ENSURE(slice_equal(slice_of(expected, sizeof expected), q->qe.report_data), SIGNATURE_INVALID);
    return OK;
}

static void drop_nothing(void *value)
{
    (void)value;
}

static bool check_qe_signature(struct dcap_appraisal *a)
{
    const struct dcap_quote *q = &a->quote;
    const struct raw_signature raw = ecdsa(q->qe_signature);
    return dcap_check_result(&a->call, DCAP_CHECK_QE_SIGNATURE,
                             signature_verify(x509_path_leaf_key(a->platform->path), &raw, q->qe_report_bytes)) &&
           dcap_check_result(&a->call, DCAP_CHECK_QE_REPORT_DATA, check_report_data(a));
}

/* A quoting enclave keeps its key: that its report was signed by this PCK, and is about this key and these data, is one
 * fact. Everything that it was found from stands together in the quote, from the key to the authentication data. */
static bool check_qe(struct dcap_appraisal *a)
{
    static uint8_t known;
    const struct dcap_quote *q = &a->quote;
    uint8_t digest[32];
    const uint8_t *from = q->attestation_key.ptr, *to = q->qe_auth_data.ptr + q->qe_auth_data.len;
    if (!dcap_digest(&a->call, slice_of(a->chain_digest, sizeof a->chain_digest), slice_of(from, (size_t)(to - from)),
                     digest))
        return false;
    if (dcap_cached(&a->call, S("dcap/qe-report"), digest))
        return dcap_check(&a->call, DCAP_CHECK_QE_SIGNATURE, true, S("holds"), S("held before"));
    return check_qe_signature(a) && dcap_keep(&a->call, S("dcap/qe-report"), digest, &known, drop_nothing);
}

static bool check_quote_signature(struct dcap_appraisal *a)
{
    const struct dcap_quote *q = &a->quote;
    const struct raw_signature raw = ecdsa(q->signature);
    result r = ecdsa_verify_point(KEY_P256, q->attestation_key, &raw, q->signed_bytes);
    return dcap_check_result(&a->call, r.reason == SIGNATURE_KEY ? DCAP_CHECK_QUOTE_KEY : DCAP_CHECK_QUOTE_SIGNATURE,
                             r);
}

bool dcap_appraise(struct dcap_appraisal *a, trustee_verify_out *out)
{
    if (!find_platform(a, out) || !check_qe(a) || !get_collateral(a, out) || !dcap_judge(a) ||
        !check_quote_signature(a))
        return false;
    out->not_after = a->dates.reliable_until;
    return true;
}
