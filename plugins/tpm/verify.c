/* SPDX-License-Identifier: Apache-2.0
 *
 * One appraisal: the members, then the structures and what they say, then the signature, then what the options demand.
 * Cheap checks come first, so that bad evidence costs little; no result counts before all of them passed.
 *
 * Each step answers true, or leaves in `status` why not.
 */
#include "plugins/tpm/tpm.h"

#include "lib/tcg/tpm.h"

#define MESSAGE_MAX 1024
#define SIGNATURE_MAX 1024
#define CACHE_CLASS "tpm/ak"

struct appraisal {
    const struct tpm *tpm;
    const trustee_host *host;
    trustee_request *req;
    const trustee_verify_in *in;
    trustee_status status;

    /* as sent */
    slice ak, message, signature;
    uint8_t pcrs[TPM_PCR_COUNT][TPM_PCR_SIZE];
    struct x509_chain chain;

    /* as read */
    struct tpm_quote quote;
    struct raw_signature raw;
    const struct public_key *key; /* the cache's, or fresh */
    struct public_key *fresh;     /* ours until the cache takes it */
    uint8_t ak_digest[32];        /* SHA-256 of the canonical SubjectPublicKeyInfo */
    bool certified;
    int64_t not_after; /* of the certificates; 0: none */
};

/* --- the record
 * --------------------------------------------------------------------------------------------------------- */

static slice hex(struct appraisal *a, slice bytes)
{
    uint8_t *text = a->host->arena_alloc(a->req, HEX_SIZE(bytes.len), 1);
    return text ? slice_of(text, hex_encode(text, bytes)) : NO_SLICE;
}

static slice decimal(struct appraisal *a, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (uint8_t)('0' + number % 10);
    while (number /= 10);
    uint8_t *text = a->host->arena_alloc(a->req, sizeof digits - at, 1);
    if (!text)
        return NO_SLICE;
    memcpy(text, digits + at, sizeof digits - at);
    return slice_of(text, sizeof digits - at);
}

static bool fault(struct appraisal *a, trustee_status status)
{
    a->status = status;
    return false;
}

/* Records a check, and refuses when it failed. */
static bool check(struct appraisal *a, enum tpm_reason name, bool passed, slice expected, slice actual)
{
    a->host->check(a->req, tpm_reasons[name].id, passed, expected, actual);
    if (passed)
        return true;
    a->host->reject(a->req, tpm_reasons[name].id, tpm_reasons[name].text);
    return fault(a, TRUSTEE_REJECT);
}

/* What is not the evidence's fault is a fault of ours, whatever step it happened in. */
static bool is_fault(result r)
{
    return r.reason == NO_MEMORY || r.reason == CRYPTO;
}

static bool library_fault(struct appraisal *a, result r)
{
    return fault(a, r.reason == NO_MEMORY ? TRUSTEE_E_NOMEM : TRUSTEE_E_INTERNAL);
}

static slice reason_slice(result r)
{
    return slice_text(reason_id(r.reason));
}

/* --- the members
 * -------------------------------------------------------------------------------------------------------- */

struct member {
    slice pointer;
    size_t most; /* bytes after decoding */
    enum tpm_reason form, size;
};

static bool read_member(struct appraisal *a, const trustee_value *from, const struct member *m, slice *out)
{
    trustee_status found = a->host->value_base64(a->req, from, m->pointer, TRUSTEE_BASE64_STD, out);
    if (found < 0)
        return fault(a, found);
    if (!check(a, m->form, found == TRUSTEE_OK, S("base64"), found == TRUSTEE_NOT_FOUND ? S("absent") : S("base64")))
        return false;
    return check(a, m->size, out->len > 0 && out->len <= m->most, decimal(a, m->most), decimal(a, out->len));
}

static bool read_pcrs(struct appraisal *a)
{
    const trustee_value *list, *item = NULL;
    trustee_status found = a->host->value_get(a->req, a->in->evidence, S("/tpm_quote/pcrs"), &list);
    bool is_list = found == TRUSTEE_OK && a->host->value_type(list) == TRUSTEE_NODE_ARRAY;
    if (!check(a, REFUSED_PCRS_FORM, is_list, S("a list"), is_list ? S("a list") : S("something else")))
        return false;
    uint64_t count = a->host->value_count(list);
    if (!check(a, REFUSED_PCRS_COUNT, count == TPM_PCR_COUNT, S("24"), decimal(a, count)))
        return false;
    for (size_t i = 0; i < TPM_PCR_COUNT; i++) {
        slice value = NO_SLICE;
        item = a->host->value_next(list, item, NULL);
        found = item ? a->host->value_hex(a->req, item, S(""), &value) : TRUSTEE_REJECT;
        if (found < 0)
            return fault(a, found);
        if (found != TRUSTEE_OK || value.len != TPM_PCR_SIZE)
            return check(a, REFUSED_PCRS_VALUE, false, S("64 hex digits"), decimal(a, i));
        memcpy(a->pcrs[i], value.ptr, TPM_PCR_SIZE);
    }
    return check(a, REFUSED_PCRS_VALUE, true, S("64 hex digits"), S("64 hex digits"));
}

/* The certificates are optional; null is what a serialiser may write for none. */
static bool read_chain(struct appraisal *a)
{
    static const struct member certificate = {TRUSTEE_TEXT(""), X509_CERTIFICATE_MAX, REFUSED_CHAIN_FORM,
                                              REFUSED_CHAIN_SIZE};
    const trustee_value *list, *item = NULL;
    trustee_status found = a->host->value_get(a->req, a->in->evidence, S("/ak_cert_chain"), &list);
    if (found == TRUSTEE_NOT_FOUND || (found == TRUSTEE_OK && a->host->value_type(list) == TRUSTEE_NODE_NULL))
        return true;
    bool is_list = found == TRUSTEE_OK && a->host->value_type(list) == TRUSTEE_NODE_ARRAY;
    if (!check(a, REFUSED_CHAIN_FORM, is_list, S("a list"), is_list ? S("a list") : S("something else")))
        return false;
    uint64_t count = a->host->value_count(list);
    if (!check(a, REFUSED_CHAIN_LENGTH, count > 0 && count <= X509_CHAIN_MAX, S("1 to 8"), decimal(a, count)))
        return false;
    while ((item = a->host->value_next(list, item, NULL)) && a->chain.count < X509_CHAIN_MAX)
        if (!read_member(a, item, &certificate, &a->chain.certificates[a->chain.count++]))
            return false;
    return true;
}

static bool read_members(struct appraisal *a)
{
    static const struct member ak = {TRUSTEE_TEXT("/ak_public"), SPKI_SIZE_MAX, REFUSED_AK_FORM, REFUSED_AK_SIZE};
    static const struct member message = {TRUSTEE_TEXT("/tpm_quote/message"), MESSAGE_MAX, REFUSED_MESSAGE_FORM,
                                          REFUSED_MESSAGE_SIZE};
    static const struct member signature = {TRUSTEE_TEXT("/tpm_quote/signature"), SIGNATURE_MAX, REFUSED_SIGNATURE_FORM,
                                            REFUSED_SIGNATURE_SIZE};
    const trustee_value *evidence = a->in->evidence, *quote = NULL;
    bool object = a->host->value_type(evidence) == TRUSTEE_NODE_OBJECT;
    if (!check(a, REFUSED_EVIDENCE_FORM, object, S("an object"), object ? S("an object") : S("something else")))
        return false;
    if (!read_member(a, evidence, &ak, &a->ak))
        return false;
    object = a->host->value_get(a->req, evidence, S("/tpm_quote"), &quote) == TRUSTEE_OK &&
             a->host->value_type(quote) == TRUSTEE_NODE_OBJECT;
    if (!check(a, REFUSED_QUOTE_FORM, object, S("an object"), object ? S("an object") : S("something else")))
        return false;
    return read_member(a, evidence, &message, &a->message) && read_member(a, evidence, &signature, &a->signature) &&
           read_pcrs(a) && read_chain(a);
}

/* --- the quote
 * ---------------------------------------------------------------------------------------------------------- */

static bool read_message(struct appraisal *a)
{
    result r = tpm_read_quote(a->message, &a->quote);
    slice head = hex(a, slice_sub(a->message, 0, 6));
    if (head.len >= 8 && !check(a, REFUSED_MESSAGE_MAGIC, r.reason != TCG_MAGIC, S("ff544347"), slice_sub(head, 0, 8)))
        return false;
    if (head.len >= 12 && !check(a, REFUSED_MESSAGE_TYPE, r.reason != TCG_TYPE, S("8018"), slice_sub(head, 8, 4)))
        return false;
    enum tpm_reason why = r.reason == TCG_TRUNCATED  ? REFUSED_MESSAGE_TRUNCATED
                          : r.reason == TCG_TRAILING ? REFUSED_MESSAGE_TRAILING
                                                     : REFUSED_MESSAGE_STRUCTURE;
    return check(a, why, !FAILED(r), S("one TPMS_ATTEST"), FAILED(r) ? reason_slice(r) : S("one TPMS_ATTEST"));
}

/* Without this a guest could report PCRs that the quote does not cover. */
static bool check_selection(struct appraisal *a)
{
    const struct tpm_quote *q = &a->quote;
    const uint32_t all = (UINT32_C(1) << TPM_PCR_COUNT) - 1;
    uint8_t selected[4] = {(uint8_t)(q->selections[0].pcrs >> 24), (uint8_t)(q->selections[0].pcrs >> 16),
                           (uint8_t)(q->selections[0].pcrs >> 8), (uint8_t)q->selections[0].pcrs};
    uint8_t bank[2] = {(uint8_t)(q->selections[0].hash >> 8), (uint8_t)q->selections[0].hash};
    bool sha256_alone = q->selection_count == 1 && q->selections[0].hash == TPM_ALG_SHA256;
    return check(a, REFUSED_QUOTE_BANK, sha256_alone, S("000b alone"),
                 q->selection_count == 1 ? hex(a, slice_of(bank, sizeof bank)) : S("none, or several")) &&
           check(a, REFUSED_QUOTE_SELECTION, q->selections[0].pcrs == all, S("00ffffff"),
                 hex(a, slice_of(selected, sizeof selected)));
}

static bool read_signature(struct appraisal *a)
{
    struct tpm_signature s;
    result r = tpm_read_signature(a->signature, &s);
    enum tpm_reason why = r.reason == TCG_TRUNCATED   ? REFUSED_SIGNATURE_TRUNCATED
                          : r.reason == TCG_TRAILING  ? REFUSED_SIGNATURE_TRAILING
                          : r.reason == TCG_ALGORITHM ? REFUSED_SIGNATURE_SCHEME_NAME
                                                      : REFUSED_SIGNATURE_STRUCTURE;
    if (!check(a, why, !FAILED(r), S("one TPMT_SIGNATURE"), FAILED(r) ? reason_slice(r) : S("one TPMT_SIGNATURE")))
        return false;
    r = tpm_raw_signature(&s, &a->raw);
    bool allowed = !FAILED(r) && (a->tpm->schemes & TPM_SCHEME_BIT(a->raw.scheme, a->raw.hash));
    return check(a, REFUSED_SIGNATURE_SCHEME_NAME, allowed, S("one of the option schemes"),
                 FAILED(r) ? hex(a, slice_sub(a->signature, 0, 4)) : tpm_scheme_name(a->raw.scheme, a->raw.hash));
}

/* The digest is made with the hash of the signing scheme, not with that of the bank (TPM 2.0 Part 3, TPM2_Quote). */
static bool check_pcrs(struct appraisal *a)
{
    uint8_t digest[HASH_SIZE_MAX];
    result r = hash_bytes(a->raw.hash, slice_of(a->pcrs, sizeof a->pcrs), digest);
    if (FAILED(r))
        return library_fault(a, r);
    slice computed = slice_of(digest, hash_size(a->raw.hash));
    return check(a, REFUSED_PCR_DIGEST, slice_equal(computed, a->quote.pcr_digest), hex(a, a->quote.pcr_digest),
                 hex(a, computed));
}

static bool check_nonce(struct appraisal *a)
{
    slice nonce = a->quote.extra_data;
    if (!check(a, REFUSED_NONCE_LENGTH, nonce.len == TPM_NONCE_SIZE, S("32"), decimal(a, nonce.len)))
        return false;
    bool bound = trustee_bind_equal(nonce, a->in->report_data, TRUSTEE_BIND_TRUNCATE, TPM_NONCE_SIZE);
    return check(a, REFUSED_NONCE, bound, hex(a, slice_sub(a->in->report_data, 0, TPM_NONCE_SIZE)), hex(a, nonce));
}

/* --- the key and its signature
 * ------------------------------------------------------------------------------------------ */

static bool find_key(struct appraisal *a)
{
    result r = sha256(a->ak, a->ak_digest);
    if (FAILED(r))
        return library_fault(a, r);
    a->key = a->host->cache_get(a->req, S(CACHE_CLASS), slice_of(a->ak_digest, sizeof a->ak_digest));
    if (!a->key) {
        r = public_key_new(a->ak, &a->fresh);
        if (is_fault(r))
            return library_fault(a, r);
        a->key = a->fresh;
    }
    return check(a, REFUSED_AK_KEY, a->key != NULL, S("RSA, P-256 or P-384"),
                 hex(a, slice_of(a->ak_digest, sizeof a->ak_digest)));
}

static void drop_key(void *key)
{
    public_key_free(key);
}

/* Only now: an entry says that a TPM, or whoever claims to be one, really signed with that key. */
static void remember_key(struct appraisal *a)
{
    if (!a->fresh)
        return;
    trustee_status put = a->host->cache_put(a->req, S(CACHE_CLASS), slice_of(a->ak_digest, sizeof a->ak_digest),
                                            a->fresh, drop_key, INT64_MAX);
    if (put == TRUSTEE_OK)
        a->fresh = NULL;
}

static bool check_signature(struct appraisal *a)
{
    slice scheme = tpm_scheme_name(a->raw.scheme, a->raw.hash);
    if (!find_key(a))
        return false;
    if (!check(a, REFUSED_AK_SCHEME, signature_fits(a->key, a->raw.scheme), scheme,
               public_key_type(a->key) == KEY_RSA ? S("RSA") : S("ECC")))
        return false;
    result r = signature_verify(a->key, &a->raw, a->message);
    if (is_fault(r))
        return library_fault(a, r);
    if (!check(a, REFUSED_SIGNATURE_BAD, !FAILED(r), scheme, FAILED(r) ? reason_slice(r) : scheme))
        return false;
    remember_key(a);
    return true;
}

/* --- what else is demanded
 * ---------------------------------------------------------------------------------------------- */

static bool check_init_data(struct appraisal *a)
{
    uint8_t extended[64] = {0}, expected[32];
    slice digest = a->in->init_data;
    if (!digest.ptr)
        return true;
    if (!check(a, REFUSED_INIT_DATA_LENGTH, digest.len == 32, S("32"), decimal(a, digest.len)))
        return false;
    memcpy(extended + 32, digest.ptr, 32);
    result r = sha256(slice_of(extended, sizeof extended), expected);
    if (FAILED(r))
        return library_fault(a, r);
    slice actual = slice_of(a->pcrs[TPM_INIT_DATA_PCR], TPM_PCR_SIZE);
    return check(a, REFUSED_INIT_DATA, slice_equal(slice_of(expected, sizeof expected), actual),
                 hex(a, slice_of(expected, sizeof expected)), hex(a, actual));
}

static bool check_clock(struct appraisal *a)
{
    if (!a->tpm->require_safe_clock)
        return true;
    return check(a, REFUSED_CLOCK_SAFE, a->quote.safe, S("yes"), a->quote.safe ? S("yes") : S("no"));
}

static enum tpm_reason chain_reason(result r)
{
    switch (r.reason) {
    case X509_UNTRUSTED:
        return REFUSED_CHAIN_UNTRUSTED;
    case X509_VALIDITY:
        return REFUSED_CHAIN_VALIDITY;
    case X509_CA:
        return REFUSED_CHAIN_CA;
    default:
        return REFUSED_CHAIN;
    }
}

static bool check_chain(struct appraisal *a)
{
    struct x509_verified v;
    slice ak = slice_of(a->ak_digest, sizeof a->ak_digest);
    result r = x509_verify_chain(a->tpm->ak_ca, &a->chain, a->in->now, &v);
    if (is_fault(r))
        return library_fault(a, r);
    if (!check(a, chain_reason(r), !FAILED(r), S("a chain to one of ak_ca"), FAILED(r) ? reason_slice(r) : S("one")))
        return false;
    slice leaf = public_key_digest(v.leaf_key);
    a->certified = check(a, REFUSED_CERTIFICATE_KEY, slice_equal(leaf, ak), hex(a, ak), hex(a, leaf));
    a->not_after = v.not_after;
    public_key_free(v.leaf_key);
    return a->certified;
}

/* A chain that no CA was configured for proves nothing: the key counts as one without. */
static bool check_certificate(struct appraisal *a)
{
    if (a->chain.count > 0 && x509_trust_count(a->tpm->ak_ca) > 0)
        return check_chain(a);
    if (!a->tpm->require_ak_certificate)
        return true;
    return check(a, REFUSED_AK_CERTIFIED, false, S("a certificate of one of ak_ca"), S("none"));
}

/* --- the result
 * --------------------------------------------------------------------------------------------------------- */

static void put_quote(struct appraisal *a, trustee_writer *w)
{
    const struct tpm_quote *q = &a->quote;
    uint8_t firmware[8];
    for (size_t i = 0; i < sizeof firmware; i++)
        firmware[i] = (uint8_t)(q->firmware_version >> (56 - 8 * i));
    a->host->put_object(w, S("quote"));
    a->host->put_number(w, S("clock"), decimal(a, q->clock));
    a->host->put_i64(w, S("reset_count"), q->reset_count);
    a->host->put_i64(w, S("restart_count"), q->restart_count);
    a->host->put_bool(w, S("safe"), q->safe);
    a->host->put_hex(w, S("firmware_version"), slice_of(firmware, sizeof firmware));
    a->host->put_text(w, S("scheme"), tpm_scheme_name(a->raw.scheme, a->raw.hash));
    a->host->put_end(w);
}

static void put_claims(struct appraisal *a, trustee_writer *w)
{
    a->host->put_base64(w, S("ak_public"), TRUSTEE_BASE64_STD, a->ak);
    for (size_t i = 0; i < TPM_PCR_COUNT; i++) {
        uint8_t name[] = {'p', 'c', 'r', (uint8_t)('0' + i / 10), (uint8_t)('0' + i % 10)};
        a->host->put_hex(w, slice_of(name, sizeof name), slice_of(a->pcrs[i], TPM_PCR_SIZE));
    }
    a->host->put_hex(w, S("ak_sha256"), slice_of(a->ak_digest, sizeof a->ak_digest));
    a->host->put_bool(w, S("ak_certified"), a->certified);
    put_quote(a, w);
}

static bool answer(struct appraisal *a, trustee_verify_out *out)
{
    slice pcr = slice_of(a->pcrs[TPM_INIT_DATA_PCR], TPM_PCR_SIZE);
    out->report_data_claim = hex(a, a->quote.extra_data);
    out->init_data_claim = hex(a, pcr);
    uint8_t *signed_pcr = a->host->arena_alloc(a->req, TPM_PCR_SIZE, 1);
    if (!signed_pcr || !out->report_data_claim.ptr || !out->init_data_claim.ptr)
        return fault(a, TRUSTEE_E_NOMEM);
    memcpy(signed_pcr, pcr.ptr, pcr.len);
    out->report_data = a->quote.extra_data;
    if (a->in->init_data.ptr)
        out->init_data = slice_of(signed_pcr, TPM_PCR_SIZE);
    out->not_after = a->not_after;
    put_claims(a, out->claims);
    out->verdict = TRUSTEE_VERDICT_GENUINE;
    return true;
}

trustee_status tpm_verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    const struct tpm *tpm = instance;
    struct appraisal a = {.tpm = tpm, .host = tpm->host, .req = req, .in = in, .status = TRUSTEE_OK};
    bool good = read_members(&a) && read_message(&a) && check_selection(&a) && read_signature(&a) && check_pcrs(&a) &&
                check_nonce(&a) && check_signature(&a) && check_init_data(&a) && check_clock(&a) &&
                check_certificate(&a) && answer(&a, out);
    public_key_free(a.fresh);
    return good ? TRUSTEE_OK : a.status;
}
