/* SPDX-License-Identifier: Apache-2.0
 *
 * A TPM 2.0 quote over all 24 PCRs of the SHA-256 bank, by a persistent attestation key. The nonce in the quote is the
 * first 32 bytes of the report data, as the KBS protocol has it. Init-data is bound by extending PCR 8 with its digest,
 * once per boot: when PCR 8 holds it already, nothing is extended again.
 */
#include "guest/attester/attester.h"

#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "core/crypto/jose.h"
#include "guest/attester/tpm_key.h"

#define PCR_COUNT 24
#define PCR_SIZE 32
#define PCR_INIT_DATA 8
#define NONCE_SIZE 32
#define QUOTE_ATTEMPTS 3 /* PCRs may change between the quote and the reading */

struct tpm {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR ak;
    struct failure *why;
    uint8_t pcrs[PCR_COUNT][PCR_SIZE];
};

static const char *tpm_tcti(const struct attester_options *o)
{
    if (o->tcti)
        return o->tcti;
    return access("/dev/tpmrm0", F_OK) == 0 ? "device:/dev/tpmrm0" : "device:/dev/tpm0";
}

static result tpm_check(const struct tpm *t, const char *what, TSS2_RC rc)
{
    if (rc == TSS2_RC_SUCCESS)
        return OK;
    return failure_set(t->why, AGENT_EVIDENCE, "evidence", "TPM: %s: %s (0x%x)", what, Tss2_RC_Decode(rc), rc);
}

static void tpm_close(struct tpm *t)
{
    if (t->esys && t->ak != ESYS_TR_NONE)
        (void)Esys_TR_Close(t->esys, &t->ak);
    if (t->esys)
        Esys_Finalize(&t->esys);
    if (t->tcti)
        Tss2_TctiLdr_Finalize(&t->tcti);
}

static result tpm_open(struct tpm *t, const struct attester_options *o)
{
    TRY(tpm_check(t, tpm_tcti(o), Tss2_TctiLdr_Initialize(tpm_tcti(o), &t->tcti)));
    return tpm_check(t, "starting", Esys_Initialize(&t->esys, t->tcti, NULL));
}

static result tpm_find_key(struct tpm *t, uint32_t handle)
{
    TSS2_RC rc = Esys_TR_FromTPMPublic(t->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &t->ak);
    if (rc == TSS2_RC_SUCCESS)
        return OK;
    return failure_set(t->why, AGENT_EVIDENCE, "evidence", "TPM: no attestation key at handle 0x%08x: %s (0x%x)",
                       handle, Tss2_RC_Decode(rc), rc);
}

/* --- PCRs -------------------------------------------------------------------------------------------------------- */

static TPML_PCR_SELECTION pcr_selection(uint32_t mask)
{
    TPML_PCR_SELECTION s = {.count = 1};
    s.pcrSelections[0].hash = TPM2_ALG_SHA256;
    s.pcrSelections[0].sizeofSelect = 3;
    for (unsigned i = 0; i < 3; i++)
        s.pcrSelections[0].pcrSelect[i] = (uint8_t)(mask >> 8 * i);
    return s;
}

static uint32_t selection_mask(const TPML_PCR_SELECTION *s)
{
    const TPMS_PCR_SELECTION *p = &s->pcrSelections[0];
    if (s->count != 1 || p->sizeofSelect > 3)
        return 0;
    uint32_t mask = 0;
    for (unsigned i = 0; i < p->sizeofSelect; i++)
        mask |= (uint32_t)p->pcrSelect[i] << 8 * i;
    return mask;
}

/* Takes what one Esys_PCR_Read brought; returns the mask of those taken. */
static uint32_t pcr_take(struct tpm *t, uint32_t read, const TPML_DIGEST *values)
{
    uint32_t taken = 0, next = 0;
    for (unsigned i = 0; i < PCR_COUNT && next < values->count; i++) {
        if (!(read >> i & 1))
            continue;
        const TPM2B_DIGEST *digest = &values->digests[next++];
        if (digest->size != PCR_SIZE)
            return 0;
        memcpy(t->pcrs[i], digest->buffer, PCR_SIZE);
        taken |= 1u << i;
    }
    return taken;
}

/* A TPM gives at most eight at a time. */
static result pcr_read_all(struct tpm *t)
{
    uint32_t wanted = (1u << PCR_COUNT) - 1;
    while (wanted) {
        TPML_PCR_SELECTION in = pcr_selection(wanted), *out = NULL;
        TPML_DIGEST *values = NULL;
        UINT32 counter;
        TRY(tpm_check(t, "reading PCRs",
                      Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &in, &counter, &out, &values)));
        uint32_t taken = pcr_take(t, selection_mask(out), values) & wanted;
        Esys_Free(out);
        Esys_Free(values);
        if (!taken)
            return failure_set(t->why, AGENT_EVIDENCE, "evidence", "TPM: the SHA-256 bank of PCRs is not there");
        wanted &= ~taken;
    }
    return OK;
}

static result pcr_extend(struct tpm *t, slice digest)
{
    TPML_DIGEST_VALUES values = {.count = 1};
    values.digests[0].hashAlg = TPM2_ALG_SHA256;
    memcpy(values.digests[0].digest.sha256, digest.ptr, PCR_SIZE);
    return tpm_check(t, "extending PCR 8",
                     Esys_PCR_Extend(t->esys, PCR_INIT_DATA, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &values));
}

static result bind_init_data(struct tpm *t, slice digest)
{
    static const uint8_t zero[PCR_SIZE];
    uint8_t chain[2 * PCR_SIZE] = {0}, bound[PCR_SIZE];
    if (digest.len != PCR_SIZE)
        return failure_set(t->why, AGENT_EVIDENCE, "evidence",
                           "TPM: init-data must say algorithm = \"sha256\": PCR 8 takes 32 bytes");
    TRY(pcr_read_all(t));
    memcpy(chain + PCR_SIZE, digest.ptr, PCR_SIZE);
    hash_sha256(slice_of(chain, sizeof chain), bound);
    slice now = slice_of(t->pcrs[PCR_INIT_DATA], PCR_SIZE);
    if (slice_equal(now, slice_of(bound, sizeof bound)))
        return OK;
    if (!slice_equal(now, slice_of(zero, sizeof zero)))
        return failure_set(t->why, AGENT_EVIDENCE, "evidence",
                           "TPM: PCR 8 was extended with something else; reboot the guest to bind other init-data");
    return pcr_extend(t, digest);
}

/* --- quote ------------------------------------------------------------------------------------------------------- */

struct quote {
    uint8_t message[sizeof(TPMS_ATTEST)], signature[sizeof(TPMT_SIGNATURE)];
    size_t message_size, signature_size;
    TPMI_ALG_HASH hash; /* of the signature's scheme; the PCR digest is made with it too */
};

static result quote_take(struct tpm *t, const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature, struct quote *q)
{
    ENSURE(attest->size <= sizeof q->message, INTERNAL);
    memcpy(q->message, attest->attestationData, attest->size);
    q->message_size = attest->size;
    q->signature_size = 0;
    q->hash = signature->signature.any.hashAlg;
    return tpm_check(t, "signature",
                     Tss2_MU_TPMT_SIGNATURE_Marshal(signature, q->signature, sizeof q->signature, &q->signature_size));
}

static result quote_make(struct tpm *t, const TPMT_SIG_SCHEME *scheme, slice report_data, struct quote *q)
{
    TPM2B_DATA nonce = {.size = NONCE_SIZE};
    TPML_PCR_SELECTION all = pcr_selection((1u << PCR_COUNT) - 1);
    TPM2B_ATTEST *attest = NULL;
    TPMT_SIGNATURE *signature = NULL;
    slice first = slice_sub(report_data, 0, NONCE_SIZE);
    if (first.len)
        memcpy(nonce.buffer, first.ptr, first.len);
    TRY(tpm_check(t, "quote",
                  Esys_Quote(t->esys, t->ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &nonce, scheme, &all,
                             &attest, &signature)));
    result r = quote_take(t, attest, signature, q);
    Esys_Free(attest);
    Esys_Free(signature);
    return r;
}

static const char *hash_name(TPMI_ALG_HASH hash)
{
    return hash == TPM2_ALG_SHA256   ? "sha256"
           : hash == TPM2_ALG_SHA384 ? "sha384"
           : hash == TPM2_ALG_SHA512 ? "sha512"
                                     : "";
}

/* Whether the PCR values read are those that were quoted. */
static bool quote_covers(const struct tpm *t, const struct quote *q)
{
    TPMS_ATTEST attest;
    size_t offset = 0;
    uint8_t digest[64];
    if (Tss2_MU_TPMS_ATTEST_Unmarshal(q->message, q->message_size, &offset, &attest) != TSS2_RC_SUCCESS)
        return false;
    if (attest.type != TPM2_ST_ATTEST_QUOTE)
        return false;
    size_t size = hash_named(slice_text(hash_name(q->hash)), slice_of(t->pcrs, sizeof t->pcrs), digest);
    const TPM2B_DIGEST *quoted = &attest.attested.quote.pcrDigest;
    return size > 0 && slice_equal(slice_of(digest, size), slice_of(quoted->buffer, quoted->size));
}

static result quote_with_pcrs(struct tpm *t, const TPMT_SIG_SCHEME *scheme, slice report_data, struct quote *q)
{
    for (int attempt = 0; attempt < QUOTE_ATTEMPTS; attempt++) {
        TRY(quote_make(t, scheme, report_data, q));
        TRY(pcr_read_all(t));
        if (quote_covers(t, q))
            return OK;
    }
    return failure_set(t->why, AGENT_EVIDENCE, "evidence", "TPM: the PCRs read are not those quoted, %d times over",
                       QUOTE_ATTEMPTS);
}

/* --- evidence ---------------------------------------------------------------------------------------------------- */

static slice tpm_json(const struct tpm *t, const struct quote *q, slice key, struct arena *a)
{
    struct text j = text_begin(a);
    text_lit(&j, "{\"ak_public\":\"");
    text_base64(&j, key);
    text_lit(&j, "\",\"tpm_quote\":{\"message\":\"");
    text_base64(&j, slice_of(q->message, q->message_size));
    text_lit(&j, "\",\"pcrs\":[");
    for (unsigned i = 0; i < PCR_COUNT; i++) {
        text_add(&j, i ? S(",\"") : S("\""));
        text_hex(&j, slice_of(t->pcrs[i], PCR_SIZE));
        text_lit(&j, "\"");
    }
    text_lit(&j, "],\"signature\":\"");
    text_base64(&j, slice_of(q->signature, q->signature_size));
    text_lit(&j, "\"}}");
    return text_end(&j);
}

static result tpm_public(struct tpm *t, struct arena *a, TPMT_SIG_SCHEME *scheme, slice *key)
{
    TPM2B_PUBLIC *public = NULL;
    TRY(tpm_check(t, "reading the attestation key",
                  Esys_ReadPublic(t->esys, t->ak, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL, NULL)));
    result r = tpm_key_scheme(&public->publicArea, scheme);
    if (!FAILED(r))
        r = tpm_key_info(&public->publicArea, a, key);
    Esys_Free(public);
    if (r.reason == AGENT_EVIDENCE)
        return failure_set(t->why, AGENT_EVIDENCE, "evidence", "TPM: the attestation key is no RSA or ECC signing key");
    return r;
}

static result tpm_gather_from(struct tpm *t, const struct attester_query *q, struct arena *a, slice *evidence)
{
    struct quote quote;
    TPMT_SIG_SCHEME scheme;
    slice key;
    TRY(tpm_open(t, q->options));
    TRY(tpm_find_key(t, q->options->ak_handle));
    TRY(tpm_public(t, a, &scheme, &key));
    if (q->init_data_digest.len)
        TRY(bind_init_data(t, q->init_data_digest));
    TRY(quote_with_pcrs(t, &scheme, q->report_data, &quote));
    *evidence = tpm_json(t, &quote, key, a);
    return OK;
}

static result tpm_gather(const struct attester_query *q, struct arena *a, slice *evidence, struct failure *why)
{
    struct tpm t = {.ak = ESYS_TR_NONE, .why = why};
    result r = tpm_gather_from(&t, q, a, evidence);
    tpm_close(&t);
    return r;
}

static bool tpm_present(const struct attester_options *o)
{
    return o->tcti || access("/dev/tpmrm0", F_OK) == 0 || access("/dev/tpm0", F_OK) == 0;
}

const struct attester attester_tpm = {
    .option = "tpm",
    .tee = "tpm",
    .report_data_max = 64,
    .present = tpm_present,
    .gather = tpm_gather,
};
