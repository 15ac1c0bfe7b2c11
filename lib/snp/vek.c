/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/snp/vek.h"

#include "lib/snp/name.h"
#include "lib/x509/der.h"

/* 1.3.6.1.4.1.3704.1, AMD's arc of extensions */
#define AMD_ARC "\x2b\x06\x01\x04\x01\x9c\x78\x01"
#define OID_PRODUCT S(AMD_ARC "\x02")
#define OID_CHIP_ID S(AMD_ARC "\x04")
#define OID_PROVIDER S(AMD_ARC "\x05")
#define OID_BOOTLOADER S(AMD_ARC "\x03\x01")
#define OID_TEE S(AMD_ARC "\x03\x02")
#define OID_SNP S(AMD_ARC "\x03\x03")
#define OID_MICROCODE S(AMD_ARC "\x03\x08")
#define OID_FMC S(AMD_ARC "\x03\x09")
#define CHIP_ID_SHORT 8 /* Turin's */

slice snp_vek_kind_name(enum snp_vek_kind kind)
{
    return kind == SNP_VLEK ? S("vlek") : S("vcek");
}

/* --- extensions ----------------------------------------------------------------------------------------------------
 */

static bool read_level(const struct certificate *c, slice oid, uint8_t *out)
{
    slice value;
    uint64_t number;
    if (!certificate_extension(c, oid, &value))
        return false;
    struct reader r = reader_of(value);
    if (!der_read_u64(&r, &number) || !read_done(&r) || number > UINT8_MAX)
        return false;
    *out = (uint8_t)number;
    return true;
}

/* Versions 4 to 7 are reserved; a certificate that uses them is not understood. */
static bool reserved_levels_are_zero(const struct certificate *c)
{
    static const slice oids[] = {TRUSTEE_TEXT(AMD_ARC "\x03\x04"), TRUSTEE_TEXT(AMD_ARC "\x03\x05"),
                                 TRUSTEE_TEXT(AMD_ARC "\x03\x06"), TRUSTEE_TEXT(AMD_ARC "\x03\x07")};
    for (size_t i = 0; i < sizeof oids / sizeof *oids; i++) {
        slice value;
        uint8_t level;
        if (certificate_extension(c, oids[i], &value) && (!read_level(c, oids[i], &level) || level != 0))
            return false;
    }
    return true;
}

static bool read_tcb(const struct certificate *c, struct snp_tcb *out)
{
    slice value;
    *out = (struct snp_tcb){.has_fmc = certificate_extension(c, OID_FMC, &value)};
    if (out->has_fmc && !read_level(c, OID_FMC, &out->fmc))
        return false;
    return read_level(c, OID_BOOTLOADER, &out->bootloader) && read_level(c, OID_TEE, &out->tee) &&
           read_level(c, OID_SNP, &out->snp) && read_level(c, OID_MICROCODE, &out->microcode) &&
           reserved_levels_are_zero(c);
}

static bool is_chip_id_size(size_t size)
{
    return size == SNP_CHIP_ID_SIZE || size == CHIP_ID_SHORT;
}

/* AMD's service writes the bare bytes; some certificates have them as an OCTET STRING. */
static bool read_chip_id(const struct certificate *c, slice *out)
{
    if (!certificate_extension(c, OID_CHIP_ID, out))
        return false;
    if (is_chip_id_size(out->len))
        return true;
    struct reader r = reader_of(*out);
    return der_read(&r, DER_OCTET_STRING, out) && read_done(&r) && is_chip_id_size(out->len);
}

static bool read_text(const struct certificate *c, slice oid, slice *out)
{
    slice value;
    if (!certificate_extension(c, oid, &value))
        return false;
    struct reader r = reader_of(value);
    uint8_t tag = der_next_is(&r, DER_UTF8_STRING) ? DER_UTF8_STRING : DER_IA5_STRING;
    return der_read(&r, tag, out) && read_done(&r) && slice_is_utf8(*out);
}

/* "Milan" and "Milan-B0" are products of Milan. */
static bool is_product_of(slice product, slice generation)
{
    return slice_starts(product, generation) && (product.len == generation.len || product.ptr[generation.len] == '-');
}

static result read_names(const struct certificate *c, struct snp_vek_facts *out)
{
    struct snp_name subject = snp_name_read(c->subject), issuer = snp_name_read(c->issuer);
    out->kind = subject.role == SNP_ROLE_VLEK ? SNP_VLEK : SNP_VCEK;
    out->generation = issuer.generation;
    ENSURE(subject.role == SNP_ROLE_VLEK || subject.role == SNP_ROLE_VCEK, AMD_VEK_NAME);
    ENSURE(issuer.role == (out->kind == SNP_VLEK ? SNP_ROLE_ASVK : SNP_ROLE_ASK), AMD_VEK_NAME);
    return OK;
}

result snp_vek_read(const struct certificate *c, struct snp_vek_facts *out)
{
    slice value;
    *out = (struct snp_vek_facts){0};
    TRY(read_names(c, out));
    ENSURE(read_tcb(c, &out->tcb), AMD_VEK_EXTENSION);
    ENSURE(read_text(c, OID_PRODUCT, &out->product), AMD_VEK_EXTENSION);
    ENSURE(is_product_of(out->product, out->generation), AMD_VEK_EXTENSION);
    if (out->kind == SNP_VCEK) {
        ENSURE(read_chip_id(c, &out->chip_id), AMD_VEK_EXTENSION);
        ENSURE(!certificate_extension(c, OID_PROVIDER, &value), AMD_VEK_EXTENSION);
        return OK;
    }
    ENSURE(!certificate_extension(c, OID_CHIP_ID, &value), AMD_VEK_EXTENSION);
    if (certificate_extension(c, OID_PROVIDER, &value))
        ENSURE(read_text(c, OID_PROVIDER, &out->provider), AMD_VEK_EXTENSION);
    return OK;
}

bool snp_vek_is_of_chip(const struct snp_vek_facts *facts, slice chip_id)
{
    if (facts->kind != SNP_VCEK || chip_id.len != SNP_CHIP_ID_SIZE || facts->chip_id.len > SNP_CHIP_ID_SIZE)
        return false;
    if (!slice_starts(chip_id, facts->chip_id))
        return false;
    for (size_t i = facts->chip_id.len; i < chip_id.len; i++)
        if (chip_id.ptr[i] != 0)
            return false;
    return true;
}
