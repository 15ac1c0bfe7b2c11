/* SPDX-License-Identifier: Apache-2.0
 *
 * The evidence's JSON. Upstream's attester sends the report as the members of a Rust struct (AttestationReport of the
 * sev crate), not as the bytes that were signed: these are put together again here. The crate's older releases named a
 * few members otherwise; both names fill the same bytes. What the members do not cover is zero in a genuine report, and
 * if it was not, the signature does not hold.
 */
#include "plugins/snp/snp.h"

#define CERTIFICATE_TEXT_MAX (X509_CERTIFICATE_MAX * 2) /* where it is PEM */

/* --- the members of a report ---------------------------------------------------------------------------------------
 */

enum form {
    NUMBER,   /* little-endian */
    OPTIONAL, /* a number that may be absent or null */
    BYTES,
    TCB,
    VERSION, /* {major, minor, build} */
};

struct member {
    slice name;
    enum form form;
    uint16_t at, size;
    uint16_t since;  /* version of the report from which on the member is part of it */
    uint64_t covers; /* what has to be there once, by whichever name */
};

#define COVERS(n) (UINT64_C(1) << (n))
#define CURRENT_BUILD COVERS(40)
#define CURRENT_MINOR COVERS(41)
#define CURRENT_MAJOR COVERS(42)
#define COMMITTED_BUILD COVERS(43)
#define COMMITTED_MINOR COVERS(44)
#define COMMITTED_MAJOR COVERS(45)

static const struct member MEMBERS[] = {
    {TRUSTEE_TEXT("version"), NUMBER, SNP_AT_VERSION, 4, 0, COVERS(0)},
    {TRUSTEE_TEXT("guest_svn"), NUMBER, SNP_AT_GUEST_SVN, 4, 0, COVERS(1)},
    {TRUSTEE_TEXT("policy"), NUMBER, SNP_AT_POLICY, 8, 0, COVERS(2)},
    {TRUSTEE_TEXT("family_id"), BYTES, SNP_AT_FAMILY_ID, 16, 0, COVERS(3)},
    {TRUSTEE_TEXT("image_id"), BYTES, SNP_AT_IMAGE_ID, 16, 0, COVERS(4)},
    {TRUSTEE_TEXT("vmpl"), NUMBER, SNP_AT_VMPL, 4, 0, COVERS(5)},
    {TRUSTEE_TEXT("sig_algo"), NUMBER, SNP_AT_SIGNATURE_ALGORITHM, 4, 0, COVERS(6)},
    {TRUSTEE_TEXT("current_tcb"), TCB, SNP_AT_CURRENT_TCB, 8, 0, COVERS(7)},
    {TRUSTEE_TEXT("plat_info"), NUMBER, SNP_AT_PLATFORM_INFO, 8, 0, COVERS(8)},
    {TRUSTEE_TEXT("key_info"), NUMBER, SNP_AT_KEY_INFO, 4, 0, COVERS(9)},
    {TRUSTEE_TEXT("_author_key_en"), NUMBER, SNP_AT_KEY_INFO, 4, 0, COVERS(9)},
    {TRUSTEE_TEXT("report_data"), BYTES, SNP_AT_REPORT_DATA, 64, 0, COVERS(10)},
    {TRUSTEE_TEXT("measurement"), BYTES, SNP_AT_MEASUREMENT, 48, 0, COVERS(11)},
    {TRUSTEE_TEXT("host_data"), BYTES, SNP_AT_HOST_DATA, 32, 0, COVERS(12)},
    {TRUSTEE_TEXT("id_key_digest"), BYTES, SNP_AT_ID_KEY_DIGEST, 48, 0, COVERS(13)},
    {TRUSTEE_TEXT("author_key_digest"), BYTES, SNP_AT_AUTHOR_KEY_DIGEST, 48, 0, COVERS(14)},
    {TRUSTEE_TEXT("report_id"), BYTES, SNP_AT_REPORT_ID, 32, 0, COVERS(15)},
    {TRUSTEE_TEXT("report_id_ma"), BYTES, SNP_AT_REPORT_ID_MA, 32, 0, COVERS(16)},
    {TRUSTEE_TEXT("reported_tcb"), TCB, SNP_AT_REPORTED_TCB, 8, 0, COVERS(17)},
    {TRUSTEE_TEXT("cpuid_fam_id"), OPTIONAL, SNP_AT_CPUID, 1, SNP_REPORT_VERSION_CPUID, 0},
    {TRUSTEE_TEXT("cpuid_mod_id"), OPTIONAL, SNP_AT_CPUID + 1, 1, SNP_REPORT_VERSION_CPUID, 0},
    {TRUSTEE_TEXT("cpuid_step"), OPTIONAL, SNP_AT_CPUID + 2, 1, SNP_REPORT_VERSION_CPUID, 0},
    {TRUSTEE_TEXT("chip_id"), BYTES, SNP_AT_CHIP_ID, 64, 0, COVERS(18)},
    {TRUSTEE_TEXT("committed_tcb"), TCB, SNP_AT_COMMITTED_TCB, 8, 0, COVERS(19)},
    {TRUSTEE_TEXT("current"), VERSION, SNP_AT_CURRENT_VERSION, 3, 0, CURRENT_BUILD | CURRENT_MINOR | CURRENT_MAJOR},
    {TRUSTEE_TEXT("current_build"), NUMBER, SNP_AT_CURRENT_VERSION, 1, 0, CURRENT_BUILD},
    {TRUSTEE_TEXT("current_minor"), NUMBER, SNP_AT_CURRENT_VERSION + 1, 1, 0, CURRENT_MINOR},
    {TRUSTEE_TEXT("current_major"), NUMBER, SNP_AT_CURRENT_VERSION + 2, 1, 0, CURRENT_MAJOR},
    {TRUSTEE_TEXT("committed"), VERSION, SNP_AT_COMMITTED_VERSION, 3, 0,
     COMMITTED_BUILD | COMMITTED_MINOR | COMMITTED_MAJOR},
    {TRUSTEE_TEXT("committed_build"), NUMBER, SNP_AT_COMMITTED_VERSION, 1, 0, COMMITTED_BUILD},
    {TRUSTEE_TEXT("committed_minor"), NUMBER, SNP_AT_COMMITTED_VERSION + 1, 1, 0, COMMITTED_MINOR},
    {TRUSTEE_TEXT("committed_major"), NUMBER, SNP_AT_COMMITTED_VERSION + 2, 1, 0, COMMITTED_MAJOR},
    {TRUSTEE_TEXT("launch_tcb"), TCB, SNP_AT_LAUNCH_TCB, 8, 0, COVERS(20)},
    {TRUSTEE_TEXT("launch_mit_vector"), OPTIONAL, SNP_AT_LAUNCH_MITIGATION, 8, SNP_REPORT_VERSION_MITIGATION, 0},
    {TRUSTEE_TEXT("current_mit_vector"), OPTIONAL, SNP_AT_CURRENT_MITIGATION, 8, SNP_REPORT_VERSION_MITIGATION, 0},
};
#define MEMBER_COUNT (sizeof MEMBERS / sizeof *MEMBERS)
#define ALL_COVERED                                                                                         \
    ((COVERS(21) - 1) | CURRENT_BUILD | CURRENT_MINOR | CURRENT_MAJOR | COMMITTED_BUILD | COMMITTED_MINOR | \
     COMMITTED_MAJOR)

/* While a report is put together. */
struct draft {
    uint8_t bytes[SNP_REPORT_SIZE];
    uint32_t version;
    enum snp_tcb_layout layout;
    uint64_t covered;
};

static const struct member *member_of(slice name)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (slice_equal(MEMBERS[i].name, name))
            return &MEMBERS[i];
    return NULL;
}

static bool refuse_member(struct appraisal *a, slice name, trustee_status found)
{
    if (found < 0)
        return snp_fault(a, found);
    return snp_check(a, REFUSED_REPORT_MEMBER, false, S("all members, each of its type"), name);
}

static void write_number(uint8_t *at, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static bool fits(uint64_t number, size_t size)
{
    return size == 8 || number >> 8 * size == 0;
}

static bool read_number(struct appraisal *a, const trustee_value *from, slice pointer, size_t size, uint64_t *out)
{
    trustee_status found = a->host->value_u64(a->req, from, pointer, out);
    if (found != TRUSTEE_OK || !fits(*out, size))
        return refuse_member(a, pointer, found);
    return true;
}

static bool read_byte(struct appraisal *a, const trustee_value *from, slice pointer, uint8_t *out)
{
    uint64_t number;
    if (!read_number(a, from, pointer, 1, &number))
        return false;
    *out = (uint8_t)number;
    return true;
}

static bool is_null(struct appraisal *a, const trustee_value *from, slice pointer)
{
    const trustee_value *value;
    return a->host->value_get(a->req, from, pointer, &value) != TRUSTEE_OK ||
           a->host->value_type(value) == TRUSTEE_NODE_NULL;
}

static bool put_tcb(struct appraisal *a, const trustee_value *value, uint8_t *at, enum snp_tcb_layout layout)
{
    struct snp_tcb tcb = {.has_fmc = layout == SNP_TCB_TURIN};
    if (tcb.has_fmc) {
        if (is_null(a, value, S("/fmc")))
            return snp_check(a, REFUSED_TCB_FORM, false, S("fmc"), S("none"));
        if (!read_byte(a, value, S("/fmc"), &tcb.fmc))
            return false;
    }
    if (!read_byte(a, value, S("/bootloader"), &tcb.bootloader) || !read_byte(a, value, S("/tee"), &tcb.tee) ||
        !read_byte(a, value, S("/snp"), &tcb.snp) || !read_byte(a, value, S("/microcode"), &tcb.microcode))
        return false;
    snp_tcb_write(&tcb, layout, at);
    return true;
}

static bool put_version(struct appraisal *a, const trustee_value *value, uint8_t *at)
{
    return read_byte(a, value, S("/build"), at) && read_byte(a, value, S("/minor"), at + 1) &&
           read_byte(a, value, S("/major"), at + 2);
}

static bool put_bytes(struct appraisal *a, const trustee_value *value, slice name, uint8_t *at, size_t size)
{
    slice bytes;
    if (a->host->value_count(value) != size)
        return refuse_member(a, name, TRUSTEE_REJECT);
    trustee_status found = a->host->value_bytes(a->req, value, S(""), &bytes);
    if (found != TRUSTEE_OK || bytes.len != size)
        return refuse_member(a, name, found);
    memcpy(at, bytes.ptr, size);
    return true;
}

static bool put_number(struct appraisal *a, const trustee_value *value, const struct member *m, uint8_t *at)
{
    uint64_t number = 0;
    if (m->form == OPTIONAL && a->host->value_type(value) == TRUSTEE_NODE_NULL)
        return true;
    trustee_status found = a->host->value_u64(a->req, value, S(""), &number);
    if (found != TRUSTEE_OK || !fits(number, m->size))
        return refuse_member(a, m->name, found);
    write_number(at, m->size, number);
    return true;
}

static bool put_member(struct appraisal *a, struct draft *d, const struct member *m, const trustee_value *value)
{
    uint8_t *at = d->bytes + m->at;
    if (d->version < m->since)
        return true;
    /* One name only for the same bytes, so that what was signed does not depend on the order of members. */
    if (d->covered & m->covers)
        return refuse_member(a, m->name, TRUSTEE_REJECT);
    d->covered |= m->covers;
    switch (m->form) {
    case BYTES:
        return put_bytes(a, value, m->name, at, m->size);
    case TCB:
        return put_tcb(a, value, at, d->layout);
    case VERSION:
        return put_version(a, value, at);
    default:
        return put_number(a, value, m, at);
    }
}

static bool put_signature(struct appraisal *a, struct draft *d, const trustee_value *report)
{
    const trustee_value *r, *s;
    if (a->host->value_get(a->req, report, S("/signature/r"), &r) != TRUSTEE_OK ||
        a->host->value_get(a->req, report, S("/signature/s"), &s) != TRUSTEE_OK)
        return refuse_member(a, S("signature"), TRUSTEE_REJECT);
    uint8_t *at = d->bytes + SNP_AT_SIGNATURE;
    return put_bytes(a, r, S("signature/r"), at, SNP_SIGNATURE_PART) &&
           put_bytes(a, s, S("signature/s"), at + SNP_SIGNATURE_PART, SNP_SIGNATURE_PART);
}

/* Where the bytes of a firmware's version lie depends on the processor, which may stand behind it: looked up first.
 * Version 2 does not name it; there the crate writes an FMC where it has found a Turin. */
static bool find_layout(struct appraisal *a, struct draft *d, const trustee_value *report)
{
    uint64_t version, family, model;
    if (!read_number(a, report, S("/version"), 4, &version))
        return false;
    d->version = (uint32_t)version;
    if (version < SNP_REPORT_VERSION_CPUID) {
        d->layout = is_null(a, report, S("/reported_tcb/fmc")) ? SNP_TCB_MILAN : SNP_TCB_TURIN;
        return true;
    }
    if (!read_number(a, report, S("/cpuid_fam_id"), 1, &family) ||
        !read_number(a, report, S("/cpuid_mod_id"), 1, &model))
        return false;
    const struct snp_generation *g = snp_generation_of_processor(&a->snp->generations, (uint8_t)family, (uint8_t)model);
    if (!g) {
        uint8_t processor[] = {(uint8_t)family, (uint8_t)model};
        return snp_check(a, REFUSED_PROCESSOR, false, S("a known family and model"),
                         snp_hex(a, slice_of(processor, sizeof processor)));
    }
    d->layout = g->layout;
    return true;
}

static bool put_report(struct appraisal *a, const trustee_value *report)
{
    const trustee_value *value = NULL;
    slice name;
    struct draft *d = a->host->arena_alloc(a->req, sizeof *d, 8);
    if (!d)
        return snp_fault(a, TRUSTEE_E_NOMEM);
    *d = (struct draft){0};
    if (!find_layout(a, d, report) || !put_signature(a, d, report))
        return false;
    while ((value = a->host->value_next(report, value, &name))) {
        const struct member *m = member_of(name);
        if (m && !put_member(a, d, m, value))
            return false;
    }
    a->bytes = slice_of(d->bytes, sizeof d->bytes);
    bool whole = (d->covered & ALL_COVERED) == ALL_COVERED;
    return snp_check(a, REFUSED_REPORT_MEMBER, whole, S("all members"), whole ? S("all members") : S("some missing"));
}

/* --- certificates --------------------------------------------------------------------------------------------------
 */

enum certificate_kind {
    KIND_OTHER,
    KIND_ARK,
    KIND_ASK,
    KIND_VCEK,
    KIND_VLEK,
};

/* Names of the sev crate, and the identifiers of AMD publication 56421 (guest-host communication block). */
static const struct {
    slice name, guid;
    enum certificate_kind kind;
} KINDS[] = {
    {TRUSTEE_TEXT("ARK"), TRUSTEE_TEXT("c0b406a4-a803-4952-9743-3fb6014cd0ae"), KIND_ARK},
    {TRUSTEE_TEXT("ASK"), TRUSTEE_TEXT("4ab7b379-bbac-4fe4-a02f-05aef327c782"), KIND_ASK},
    {TRUSTEE_TEXT("VCEK"), TRUSTEE_TEXT("63da758d-e664-4564-adc5-f4b93be8accd"), KIND_VCEK},
    {TRUSTEE_TEXT("VLEK"), TRUSTEE_TEXT("a8074bc2-a25a-483e-aae6-39c045a0b8a1"), KIND_VLEK},
};

/* Text, or {"OTHER": GUID}. What nobody knows is not looked at: hosts put entries of their own into the table. */
static bool read_kind(struct appraisal *a, const trustee_value *entry, enum certificate_kind *out)
{
    slice text;
    *out = KIND_OTHER;
    trustee_status found = a->host->value_text(a->req, entry, S("/cert_type"), &text);
    if (found != TRUSTEE_OK)
        found = a->host->value_text(a->req, entry, S("/cert_type/OTHER"), &text);
    if (found < 0)
        return snp_fault(a, found);
    if (found != TRUSTEE_OK)
        return snp_check(a, REFUSED_CHAIN_FORM, false, S("cert_type"), S("none"));
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (slice_equal(text, KINDS[i].name) || slice_equal_nocase(text, KINDS[i].guid))
            *out = KINDS[i].kind;
    return true;
}

static bool decode_pem(struct appraisal *a, slice *der)
{
    slice pem = *der;
    uint8_t *room = a->host->arena_alloc(a->req, X509_CERTIFICATE_MAX, 1);
    if (!room)
        return snp_fault(a, TRUSTEE_E_NOMEM);
    result r = pem_next_certificate(&pem, room, X509_CERTIFICATE_MAX, der);
    return snp_check(a, REFUSED_CHAIN_FORM, !FAILED(r) && der->len > 0, S("DER or PEM"), S("PEM"));
}

/* A list of numbers, or base64; DER, or PEM. */
static bool read_data(struct appraisal *a, const trustee_value *entry, slice *out)
{
    const trustee_value *data;
    trustee_status found = a->host->value_get(a->req, entry, S("/data"), &data);
    bool list = found == TRUSTEE_OK && a->host->value_type(data) == TRUSTEE_NODE_ARRAY;
    uint64_t count = list ? a->host->value_count(data) : 1;
    if (count == 0 || count > CERTIFICATE_TEXT_MAX)
        return snp_check(a, REFUSED_CHAIN_SIZE, false, S("1 to 8192"), snp_decimal(a, count));
    if (found == TRUSTEE_OK)
        found = list ? a->host->value_bytes(a->req, data, S(""), out)
                     : a->host->value_base64(a->req, data, S(""), TRUSTEE_BASE64_STD, out);
    if (found < 0)
        return snp_fault(a, found);
    if (found != TRUSTEE_OK)
        return snp_check(a, REFUSED_CHAIN_FORM, false, S("a list of bytes, or base64"), S("something else"));
    if (slice_starts(*out, S("-----BEGIN")) && !decode_pem(a, out))
        return false;
    return snp_check(a, REFUSED_CHAIN_SIZE, out->len > 0 && out->len <= X509_CERTIFICATE_MAX, S("1 to 8192"),
                     snp_decimal(a, out->len));
}

static bool read_entry(struct appraisal *a, const trustee_value *entry)
{
    enum certificate_kind kind;
    slice der;
    if (!read_kind(a, entry, &kind) || kind == KIND_OTHER)
        return a->status == TRUSTEE_OK;
    if (!read_data(a, entry, &der))
        return false;
    if (kind == KIND_VCEK && !a->sent.vcek.len)
        a->sent.vcek = der;
    if (kind == KIND_VLEK && !a->sent.vlek.len)
        a->sent.vlek = der;
    if (kind == KIND_ASK)
        a->sent.asks[a->sent.ask_count++] = der;
    if (kind == KIND_ARK)
        a->sent.arks[a->sent.ark_count++] = der;
    return true;
}

static bool read_chain(struct appraisal *a)
{
    const trustee_value *list, *entry = NULL;
    trustee_status found = a->host->value_get(a->req, a->in->evidence, S("/cert_chain"), &list);
    if (found == TRUSTEE_NOT_FOUND || (found == TRUSTEE_OK && a->host->value_type(list) == TRUSTEE_NODE_NULL))
        return true;
    bool is_list = found == TRUSTEE_OK && a->host->value_type(list) == TRUSTEE_NODE_ARRAY;
    if (!snp_check(a, REFUSED_CHAIN_FORM, is_list, S("a list"), is_list ? S("a list") : S("something else")))
        return false;
    uint64_t count = a->host->value_count(list);
    if (!snp_check(a, REFUSED_CHAIN_LENGTH, count <= SNP_CERTIFICATES_MAX, S("at most 16"), snp_decimal(a, count)))
        return false;
    while ((entry = a->host->value_next(list, entry, NULL)))
        if (!read_entry(a, entry))
            return false;
    return true;
}

/* --- both ----------------------------------------------------------------------------------------------------------
 */

static bool read_raw(struct appraisal *a)
{
    trustee_status found =
        a->host->value_base64(a->req, a->in->evidence, S("/attestation_report_raw"), TRUSTEE_BASE64_STD, &a->bytes);
    if (found < 0)
        return snp_fault(a, found);
    return snp_check(a, REFUSED_RAW_FORM, found == TRUSTEE_OK, S("base64"),
                     found == TRUSTEE_OK ? S("base64") : S("something else"));
}

bool snp_read_evidence(struct appraisal *a)
{
    const trustee_value *report = NULL;
    bool object = a->host->value_type(a->in->evidence) == TRUSTEE_NODE_OBJECT;
    bool has_raw = object && !is_null(a, a->in->evidence, S("/attestation_report_raw"));
    bool has_report = object &&
                      a->host->value_get(a->req, a->in->evidence, S("/attestation_report"), &report) == TRUSTEE_OK &&
                      a->host->value_type(report) == TRUSTEE_NODE_OBJECT;
    if (!snp_check(a, REFUSED_EVIDENCE_FORM, has_raw != has_report, S("one report"),
                   has_raw      ? has_report ? S("two") : S("one report")
                        : has_report ? S("one report")
                                : S("none")))
        return false;
    return (has_raw ? read_raw(a) : put_report(a, report)) && read_chain(a);
}
