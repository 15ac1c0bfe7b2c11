/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/quote.h"

#define TEE_SGX UINT32_C(0x00)
#define TEE_TDX UINT32_C(0x81)
#define KEY_ECDSA_P256 2
#define HEADER_SIZE 48
#define ENCLAVE_REPORT_SIZE 384
#define TD_REPORT_10_SIZE 584
#define TD_REPORT_15_SIZE 648
#define CERTIFICATION_PCK_CHAIN 5
#define CERTIFICATION_QE_REPORT 6

/* A field that ends in another structure's bytes is cut off; one that ends before its holder does not fill it. */
static result ended(const struct reader *r)
{
    ENSURE(!r->failed, DCAP_LENGTH);
    ENSURE(r->left.len == 0, DCAP_LENGTH);
    return OK;
}

static uint64_t u64le(slice bytes)
{
    uint64_t n = 0;
    struct reader r = reader_of(bytes);
    return read_u64le(&r, &n) ? n : 0;
}

/* --- bodies
 * ------------------------------------------------------------------------------------------------------------- */

result enclave_report_read(slice bytes, struct enclave_report *out)
{
    ENSURE(bytes.len == ENCLAVE_REPORT_SIZE, DCAP_TRUNCATED);
    struct reader r = reader_of(bytes);
    read_bytes(&r, 16, &out->cpu_svn);
    read_u32le(&r, &out->misc_select);
    read_bytes(&r, 12, &out->reserved1);
    read_bytes(&r, 16, &out->isv_ext_prod_id);
    read_bytes(&r, 16, &out->attributes);
    read_bytes(&r, 32, &out->mr_enclave);
    read_bytes(&r, 32, &out->reserved2);
    read_bytes(&r, 32, &out->mr_signer);
    read_bytes(&r, 32, &out->reserved3);
    read_bytes(&r, 64, &out->config_id);
    read_u16le(&r, &out->isv_prod_id);
    read_u16le(&r, &out->isv_svn);
    read_u16le(&r, &out->config_svn);
    read_bytes(&r, 42, &out->reserved4);
    read_bytes(&r, 16, &out->isv_family_id);
    read_bytes(&r, 64, &out->report_data);
    ENSURE(read_done(&r), DCAP_TRUNCATED);
    out->flags = u64le(slice_sub(out->attributes, 0, 8));
    out->xfrm = u64le(slice_sub(out->attributes, 8, 8));
    return OK;
}

static result td_report_read(slice bytes, struct td_report *out)
{
    struct reader r = reader_of(bytes);
    read_bytes(&r, 16, &out->tee_tcb_svn);
    read_bytes(&r, 48, &out->mr_seam);
    read_bytes(&r, 48, &out->mrsigner_seam);
    read_bytes(&r, 8, &out->seam_attributes);
    read_bytes(&r, 8, &out->td_attributes);
    read_bytes(&r, 8, &out->xfam);
    read_bytes(&r, 48, &out->mr_td);
    read_bytes(&r, 48, &out->mr_config_id);
    read_bytes(&r, 48, &out->mr_owner);
    read_bytes(&r, 48, &out->mr_owner_config);
    for (size_t i = 0; i < 4; i++)
        read_bytes(&r, 48, &out->rtmr[i]);
    read_bytes(&r, 64, &out->report_data);
    if (bytes.len == TD_REPORT_15_SIZE) {
        read_bytes(&r, 16, &out->tee_tcb_svn2);
        read_bytes(&r, 48, &out->mr_servicetd);
    }
    ENSURE(read_done(&r), DCAP_TRUNCATED);
    out->attributes = u64le(out->td_attributes);
    return OK;
}

/* Version 5 names the body's type and size; before, both follow from the kind of TEE. */
static result read_body_type(struct reader *r, struct dcap_quote *q, uint32_t *size)
{
    uint16_t type;
    if (q->version < 5) {
        q->body_type = q->tee_type == TEE_TDX ? DCAP_BODY_TDX10 : DCAP_BODY_SGX;
        *size = q->tee_type == TEE_TDX ? TD_REPORT_10_SIZE : ENCLAVE_REPORT_SIZE;
        return OK;
    }
    ENSURE(read_u16le(r, &type) && read_u32le(r, size), DCAP_TRUNCATED);
    bool known = (type == DCAP_BODY_SGX && *size == ENCLAVE_REPORT_SIZE) ||
                 (type == DCAP_BODY_TDX10 && *size == TD_REPORT_10_SIZE) ||
                 (type == DCAP_BODY_TDX15 && *size == TD_REPORT_15_SIZE);
    ENSURE(known, DCAP_BODY);
    ENSURE((type == DCAP_BODY_SGX) == (q->tee_type == TEE_SGX), DCAP_BODY);
    q->body_type = (enum dcap_body)type;
    return OK;
}

static result read_body(struct reader *r, struct dcap_quote *q)
{
    uint32_t size;
    TRY(read_body_type(r, q, &size));
    ENSURE(read_bytes(r, size, &q->body), DCAP_TRUNCATED);
    if (q->body_type == DCAP_BODY_SGX)
        return enclave_report_read(q->body, &q->enclave);
    return td_report_read(q->body, &q->td);
}

/* --- the header
 * --------------------------------------------------------------------------------------------------------- */

static result read_header(struct reader *r, struct dcap_quote *q)
{
    struct reader fields;
    ENSURE(read_bytes(r, HEADER_SIZE, &q->header), DCAP_TRUNCATED);
    fields = reader_of(q->header);
    read_u16le(&fields, &q->version);
    read_u16le(&fields, &q->key_type);
    read_u32le(&fields, &q->tee_type);
    read_bytes(&fields, 4, &q->header_4);
    read_bytes(&fields, 16, &q->vendor_id);
    read_bytes(&fields, 20, &q->user_data);
    ENSURE(q->version >= 3 && q->version <= 5, DCAP_VERSION);
    ENSURE(q->key_type == KEY_ECDSA_P256, DCAP_KEY_TYPE);
    ENSURE(q->tee_type == TEE_SGX || (q->tee_type == TEE_TDX && q->version > 3), DCAP_TEE_TYPE);
    return OK;
}

/* --- what comes with the signature
 * -------------------------------------------------------------------------------------- */

/* A type and a length, and exactly that many bytes to the end of what holds them. */
static result read_certification(struct reader *r, uint16_t *type, slice *data)
{
    uint32_t length;
    ENSURE(read_u16le(r, type) && read_u32le(r, &length) && read_bytes(r, length, data), DCAP_LENGTH);
    return ended(r);
}

static result read_qe_part(struct reader *r, struct dcap_quote *q)
{
    uint16_t length;
    ENSURE(read_bytes(r, ENCLAVE_REPORT_SIZE, &q->qe_report_bytes), DCAP_LENGTH);
    TRY(enclave_report_read(q->qe_report_bytes, &q->qe));
    ENSURE(read_bytes(r, 64, &q->qe_signature), DCAP_LENGTH);
    ENSURE(read_u16le(r, &length) && read_bytes(r, length, &q->qe_auth_data), DCAP_LENGTH);
    TRY(read_certification(r, &q->certification_type, &q->certification_data));
    ENSURE(q->certification_type >= 1 && q->certification_type <= CERTIFICATION_PCK_CHAIN, DCAP_LENGTH);
    return OK;
}

/* From version 4 on the QE's part is wrapped as certification data of type 6. Some quoting libraries write the type of
 * what is inside instead; the bytes are the same. */
static result read_wrapped(struct reader *r, struct dcap_quote *q)
{
    uint16_t type;
    slice wrapped;
    TRY(read_certification(r, &type, &wrapped));
    ENSURE(type == CERTIFICATION_QE_REPORT || type == CERTIFICATION_PCK_CHAIN, DCAP_LENGTH);
    struct reader inner = reader_of(wrapped);
    return read_qe_part(&inner, q);
}

static result read_signature_data(slice bytes, struct dcap_quote *q)
{
    struct reader r = reader_of(bytes);
    ENSURE(read_bytes(&r, 64, &q->signature) && read_bytes(&r, 64, &q->attestation_key), DCAP_LENGTH);
    return q->version == 3 ? read_qe_part(&r, q) : read_wrapped(&r, q);
}

/* Platforms hand quotes over in buffers of fixed size. */
static result check_padding(slice left, struct dcap_quote *q)
{
    for (size_t i = 0; i < left.len; i++)
        ENSURE(left.ptr[i] == 0, DCAP_TRAILING);
    q->padding = left.len;
    return OK;
}

result dcap_quote_read(slice bytes, struct dcap_quote *out)
{
    uint32_t length;
    slice signature_data;
    struct reader r = reader_of(bytes);
    *out = (struct dcap_quote){0};
    TRY(read_header(&r, out));
    TRY(read_body(&r, out));
    out->signed_bytes = slice_sub(bytes, 0, bytes.len - r.left.len);
    ENSURE(read_u32le(&r, &length) && read_bytes(&r, length, &signature_data), DCAP_TRUNCATED);
    TRY(read_signature_data(signature_data, out));
    return check_padding(r.left, out);
}
