/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tcg/tpm.h"

/* The largest content of each TPM2B, of the algorithms that any TPM of today has. */
#define NAME_MAX_SIZE 68 /* nameAlg and a SHA-512 digest, with the room that the specification leaves for a handle */
#define DATA_MAX_SIZE 66 /* extraData: a TPMT_HA */
#define DIGEST_MAX_SIZE 64
#define RSA_MAX_SIZE 512
#define ECC_MAX_SIZE 66 /* P-521 */
#define SELECT_MAX_SIZE 4

#define RSA_DEFAULT_EXPONENT 65537

/* Reads the content of a TPM2B whose type allows `most` bytes. */
static result sized(struct reader *r, size_t most, slice *out)
{
    uint16_t size;
    ENSURE(read_u16be(r, &size), TCG_TRUNCATED);
    ENSURE(size <= most, TCG_SIZE);
    ENSURE(read_bytes(r, size, out), TCG_TRUNCATED);
    return OK;
}

static result finished(const struct reader *r)
{
    ENSURE(!r->failed, TCG_TRUNCATED);
    ENSURE(read_done(r), TCG_TRAILING);
    return OK;
}

result tpm_read_2b(slice bytes, slice *out)
{
    struct reader r = reader_of(bytes);
    TRY(sized(&r, UINT16_MAX, out));
    return finished(&r);
}

/* TPMS_CLOCK_INFO and firmwareVersion: Part 2, 10.11.1 and 10.12.12 */
static result read_clock(struct reader *r, struct tpm_quote *out)
{
    uint8_t safe;
    read_u64be(r, &out->clock);
    read_u32be(r, &out->reset_count);
    read_u32be(r, &out->restart_count);
    read_u8(r, &safe);
    read_u64be(r, &out->firmware_version);
    ENSURE(!r->failed, TCG_TRUNCATED);
    ENSURE(safe <= 1, TCG_VALUE);
    out->safe = safe == 1;
    return OK;
}

/* TPMS_PCR_SELECTION: Part 2, 10.6.2 */
static result read_selection(struct reader *r, struct tpm_selection *out)
{
    uint8_t size;
    slice bitmap;
    read_u16be(r, &out->hash);
    ENSURE(read_u8(r, &size), TCG_TRUNCATED);
    ENSURE(size <= SELECT_MAX_SIZE, TCG_SIZE);
    ENSURE(read_bytes(r, size, &bitmap), TCG_TRUNCATED);
    out->pcrs = 0;
    for (size_t i = 0; i < bitmap.len; i++)
        out->pcrs |= (uint32_t)bitmap.ptr[i] << (8 * i);
    return OK;
}

/* TPMS_QUOTE_INFO: Part 2, 10.12.1 */
static result read_quote_info(struct reader *r, struct tpm_quote *out)
{
    ENSURE(read_u32be(r, &out->selection_count), TCG_TRUNCATED);
    ENSURE(out->selection_count <= TPM_SELECTIONS_MAX, TCG_SIZE);
    for (uint32_t i = 0; i < out->selection_count; i++)
        TRY(read_selection(r, &out->selections[i]));
    return sized(r, DIGEST_MAX_SIZE, &out->pcr_digest);
}

/* TPMS_ATTEST: Part 2, 10.12.12 */
result tpm_read_quote(slice message, struct tpm_quote *out)
{
    struct reader r = reader_of(message);
    uint32_t magic;
    uint16_t type;
    *out = (struct tpm_quote){0};
    ENSURE(read_u32be(&r, &magic), TCG_TRUNCATED);
    ENSURE(magic == TPM_GENERATED_VALUE, TCG_MAGIC);
    ENSURE(read_u16be(&r, &type), TCG_TRUNCATED);
    ENSURE(type == TPM_ST_ATTEST_QUOTE, TCG_TYPE);
    TRY(sized(&r, NAME_MAX_SIZE, &out->qualified_signer));
    TRY(sized(&r, DATA_MAX_SIZE, &out->extra_data));
    TRY(read_clock(&r, out));
    TRY(read_quote_info(&r, out));
    return finished(&r);
}

/* TPMT_SIGNATURE: Part 2, 11.3.4 */
result tpm_read_signature(slice bytes, struct tpm_signature *out)
{
    struct reader r = reader_of(bytes);
    *out = (struct tpm_signature){0};
    ENSURE(read_u16be(&r, &out->scheme), TCG_TRUNCATED);
    bool rsa = out->scheme == TPM_ALG_RSASSA || out->scheme == TPM_ALG_RSAPSS;
    ENSURE(rsa || out->scheme == TPM_ALG_ECDSA, TCG_ALGORITHM);
    ENSURE(read_u16be(&r, &out->hash), TCG_TRUNCATED);
    if (rsa) {
        TRY(sized(&r, RSA_MAX_SIZE, &out->rsa));
    } else {
        TRY(sized(&r, ECC_MAX_SIZE, &out->r));
        TRY(sized(&r, ECC_MAX_SIZE, &out->s));
    }
    return finished(&r);
}

result tpm_raw_signature(const struct tpm_signature *s, struct raw_signature *out)
{
    *out = (struct raw_signature){.bytes = s->rsa, .r = s->r, .s = s->s};
    out->scheme = s->scheme == TPM_ALG_RSASSA   ? SIGNATURE_RSASSA
                  : s->scheme == TPM_ALG_RSAPSS ? SIGNATURE_RSAPSS
                                                : SIGNATURE_ECDSA;
    switch (s->hash) {
    case TPM_ALG_SHA256:
        out->hash = HASH_SHA256;
        return OK;
    case TPM_ALG_SHA384:
        out->hash = HASH_SHA384;
        return OK;
    case TPM_ALG_SHA512:
        out->hash = HASH_SHA512;
        return OK;
    default:
        return FAIL(TCG_ALGORITHM);
    }
}

/* An algorithm, and what follows it unless it is TPM_ALG_NULL: TPMT_SYM_DEF_OBJECT has key bits and a mode, signing
 * schemes and key derivations have a hash (Part 2, 11.1.7, 11.2.1.5, 11.2.2.2). */
static result read_symmetric(struct reader *r)
{
    uint16_t algorithm, bits, mode;
    ENSURE(read_u16be(r, &algorithm), TCG_TRUNCATED);
    if (algorithm == TPM_ALG_NULL)
        return OK;
    read_u16be(r, &bits);
    ENSURE(read_u16be(r, &mode), TCG_TRUNCATED);
    return OK;
}

static result read_scheme(struct reader *r, struct tpm_public *out)
{
    out->scheme_hash = TPM_ALG_NULL;
    ENSURE(read_u16be(r, &out->scheme), TCG_TRUNCATED);
    if (out->scheme == TPM_ALG_NULL)
        return OK;
    bool rsa = out->scheme == TPM_ALG_RSASSA || out->scheme == TPM_ALG_RSAPSS;
    ENSURE(out->type == TPM_ALG_RSA ? rsa : out->scheme == TPM_ALG_ECDSA, TCG_ALGORITHM);
    ENSURE(read_u16be(r, &out->scheme_hash), TCG_TRUNCATED);
    return OK;
}

/* TPMS_RSA_PARMS and the modulus: Part 2, 12.2.3.5 */
static result read_rsa(struct reader *r, struct tpm_public *out)
{
    read_u16be(r, &out->bits);
    ENSURE(read_u32be(r, &out->exponent), TCG_TRUNCATED);
    if (out->exponent == 0)
        out->exponent = RSA_DEFAULT_EXPONENT;
    return sized(r, RSA_MAX_SIZE, &out->modulus);
}

/* TPMS_ECC_PARMS and the point: Part 2, 12.2.3.6 */
static result read_ecc(struct reader *r, struct tpm_public *out)
{
    uint16_t derivation, hash;
    read_u16be(r, &out->curve);
    ENSURE(read_u16be(r, &derivation), TCG_TRUNCATED);
    if (derivation != TPM_ALG_NULL)
        ENSURE(read_u16be(r, &hash), TCG_TRUNCATED);
    TRY(sized(r, ECC_MAX_SIZE, &out->x));
    return sized(r, ECC_MAX_SIZE, &out->y);
}

/* TPMT_PUBLIC: Part 2, 12.2.4 */
result tpm_read_public(slice bytes, struct tpm_public *out)
{
    struct reader r = reader_of(bytes);
    *out = (struct tpm_public){0};
    ENSURE(read_u16be(&r, &out->type), TCG_TRUNCATED);
    ENSURE(out->type == TPM_ALG_RSA || out->type == TPM_ALG_ECC, TCG_ALGORITHM);
    read_u16be(&r, &out->name_hash);
    ENSURE(read_u32be(&r, &out->attributes), TCG_TRUNCATED);
    TRY(sized(&r, DIGEST_MAX_SIZE, &out->policy));
    TRY(read_symmetric(&r));
    TRY(read_scheme(&r, out));
    if (out->type == TPM_ALG_RSA)
        TRY(read_rsa(&r, out));
    else
        TRY(read_ecc(&r, out));
    return finished(&r);
}
