/* SPDX-License-Identifier: Apache-2.0
 *
 * The report is little-endian, fields at fixed offsets. Two things depend on the report's version and processor: the
 * layout of a TCB version (Turin puts FMC first), and the CPUID and mitigation-vector fields.
 */
#include "guest/attester/snp_report.h"

#define REPORT_DATA_AT 0x50
#define HOST_DATA_AT 0xc0
#define CPUID_AT 0x188
#define CHIP_ID_AT 0x1a0
#define CERTIFICATES_MAX 16

struct snp_form {
    uint32_t version;
    bool turin;
};

slice snp_report_data(slice report)
{
    return slice_sub(report, REPORT_DATA_AT, 64);
}

slice snp_host_data(slice report)
{
    return slice_sub(report, HOST_DATA_AT, 32);
}

static bool all_zero(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i])
            return false;
    return true;
}

/* Whether TCB versions have Turin's layout. Version 2 does not say which processor made it: there a chip id of eight
 * bytes does. */
static bool snp_form_of(slice report, struct snp_form *form)
{
    struct reader r = reader_of(report);
    if (report.len != SNP_REPORT_SIZE || !read_u32le(&r, &form->version) || form->version < 2)
        return false;
    if (form->version == 2) {
        slice chip = slice_sub(report, CHIP_ID_AT, 64);
        form->turin = !all_zero(chip) && all_zero(slice_sub(chip, 8, 56));
        return true;
    }
    uint8_t family = report.ptr[CPUID_AT], model = report.ptr[CPUID_AT + 1];
    form->turin = family == 0x1a;
    bool zen34 = family == 0x19 && (model <= 0x1f || (model >= 0xa0 && model <= 0xaf));
    return zen34 || (form->turin && model <= 0x11);
}

/* A row of the report: how to read the next field and what it is called. */
enum field_kind { FIELD_U8, FIELD_U32, FIELD_U64, FIELD_BYTES, FIELD_TCB, FIELD_VERSION, FIELD_SKIP };

struct field {
    const char *name;
    enum field_kind kind;
    uint16_t size;   /* BYTES and SKIP */
    uint8_t version; /* first report version that has it; before, the bytes are reserved and the member is null */
};

static const struct field FIELDS[] = {
    {"version", FIELD_U32, 0, 0},
    {"guest_svn", FIELD_U32, 0, 0},
    {"policy", FIELD_U64, 0, 0},
    {"family_id", FIELD_BYTES, 16, 0},
    {"image_id", FIELD_BYTES, 16, 0},
    {"vmpl", FIELD_U32, 0, 0},
    {"sig_algo", FIELD_U32, 0, 0},
    {"current_tcb", FIELD_TCB, 0, 0},
    {"plat_info", FIELD_U64, 0, 0},
    {"key_info", FIELD_U32, 0, 0},
    {NULL, FIELD_SKIP, 4, 0},
    {"report_data", FIELD_BYTES, 64, 0},
    {"measurement", FIELD_BYTES, 48, 0},
    {"host_data", FIELD_BYTES, 32, 0},
    {"id_key_digest", FIELD_BYTES, 48, 0},
    {"author_key_digest", FIELD_BYTES, 48, 0},
    {"report_id", FIELD_BYTES, 32, 0},
    {"report_id_ma", FIELD_BYTES, 32, 0},
    {"reported_tcb", FIELD_TCB, 0, 0},
    {"cpuid_fam_id", FIELD_U8, 0, 3},
    {"cpuid_mod_id", FIELD_U8, 0, 3},
    {"cpuid_step", FIELD_U8, 0, 3},
    {NULL, FIELD_SKIP, 21, 0},
    {"chip_id", FIELD_BYTES, 64, 0},
    {"committed_tcb", FIELD_TCB, 0, 0},
    {"current", FIELD_VERSION, 0, 0},
    {NULL, FIELD_SKIP, 1, 0},
    {"committed", FIELD_VERSION, 0, 0},
    {NULL, FIELD_SKIP, 1, 0},
    {"launch_tcb", FIELD_TCB, 0, 0},
    {"launch_mit_vector", FIELD_U64, 0, 5},
    {"current_mit_vector", FIELD_U64, 0, 5},
    {NULL, FIELD_SKIP, 152, 0},
};

static void write_bytes(struct text *t, slice bytes)
{
    text_lit(t, "[");
    for (size_t i = 0; i < bytes.len; i++) {
        if (i)
            text_lit(t, ",");
        text_u64(t, bytes.ptr[i]);
    }
    text_lit(t, "]");
}

static void write_tcb(struct text *t, slice tcb, bool turin)
{
    const uint8_t *b = tcb.ptr;
    text_lit(t, "{\"fmc\":");
    if (turin)
        text_u64(t, b[0]);
    else
        text_lit(t, "null");
    text_lit(t, ",\"bootloader\":");
    text_u64(t, turin ? b[1] : b[0]);
    text_lit(t, ",\"tee\":");
    text_u64(t, turin ? b[2] : b[1]);
    text_lit(t, ",\"snp\":");
    text_u64(t, turin ? b[3] : b[6]);
    text_lit(t, ",\"microcode\":");
    text_u64(t, b[7]);
    text_lit(t, "}");
}

static void write_version(struct text *t, slice version)
{
    text_lit(t, "{\"major\":");
    text_u64(t, version.ptr[2]);
    text_lit(t, ",\"minor\":");
    text_u64(t, version.ptr[1]);
    text_lit(t, ",\"build\":");
    text_u64(t, version.ptr[0]);
    text_lit(t, "}");
}

static size_t field_size(const struct field *f)
{
    static const uint8_t fixed[] = {
        [FIELD_U8] = 1, [FIELD_U32] = 4, [FIELD_U64] = 8, [FIELD_TCB] = 8, [FIELD_VERSION] = 3, [FIELD_SKIP] = 0,
    };
    return f->size ? f->size : fixed[f->kind];
}

static uint64_t little_endian(slice s)
{
    uint64_t n = 0;
    for (size_t i = s.len; i > 0; i--)
        n = n << 8 | s.ptr[i - 1];
    return n;
}

static void write_field(struct text *t, const struct field *f, slice bytes, const struct snp_form *form)
{
    text_lit(t, "\"");
    text_add(t, slice_text(f->name));
    text_lit(t, "\":");
    if (form->version < f->version)
        text_lit(t, "null");
    else if (f->kind == FIELD_BYTES)
        write_bytes(t, bytes);
    else if (f->kind == FIELD_TCB)
        write_tcb(t, bytes, form->turin);
    else if (f->kind == FIELD_VERSION)
        write_version(t, bytes);
    else
        text_u64(t, little_endian(bytes));
    text_lit(t, ",");
}

static bool write_report(struct text *t, slice report, const struct snp_form *form)
{
    struct reader r = reader_of(report);
    slice bytes, sig_r, sig_s;
    text_lit(t, "{");
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        if (!read_bytes(&r, field_size(&FIELDS[i]), &bytes))
            return false;
        if (FIELDS[i].name)
            write_field(t, &FIELDS[i], bytes, form);
    }
    if (!read_bytes(&r, 72, &sig_r) || !read_bytes(&r, 72, &sig_s))
        return false;
    text_lit(t, "\"signature\":{\"r\":");
    write_bytes(t, sig_r);
    text_lit(t, ",\"s\":");
    write_bytes(t, sig_s);
    text_lit(t, "}}");
    return true;
}

/* GUIDs of the GHCB specification, section 4.1.8.1, in the byte order in which they are written. */
static void write_guid(struct text *t, slice guid)
{
    static const struct {
        slice guid;
        const char *name;
    } known[] = {
        {S("\xc0\xb4\x06\xa4\xa8\x03\x49\x52\x97\x43\x3f\xb6\x01\x4c\xd0\xae"), "ARK"},
        {S("\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82"), "ASK"},
        {S("\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"), "VCEK"},
        {S("\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1"), "VLEK"},
        {S("\x92\xf8\x1b\xc3\x58\x11\x4d\x3d\x97\xff\xd1\x9f\x88\xdc\x67\xea"), "CRL"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!slice_equal(guid, known[i].guid))
            continue;
        text_json(t, slice_text(known[i].name));
        return;
    }
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    size_t at = 0;
    text_lit(t, "{\"OTHER\":\"");
    for (size_t i = 0; i < sizeof groups; at += groups[i++]) {
        if (i)
            text_lit(t, "-");
        text_hex(t, slice_sub(guid, at, groups[i]));
    }
    text_lit(t, "\"}");
}

static bool write_certificates(struct text *t, slice table)
{
    struct reader r = reader_of(table);
    slice guid;
    uint32_t offset, length;
    size_t count = 0;
    while (table.len) {
        if (!read_bytes(&r, 16, &guid))
            return false;
        if (all_zero(guid))
            break;
        if (!read_u32le(&r, &offset) || !read_u32le(&r, &length) || count == CERTIFICATES_MAX)
            return false;
        if (offset > table.len || length > table.len - offset)
            return false;
        text_add(t, count++ ? S(",{\"cert_type\":") : S("[{\"cert_type\":"));
        write_guid(t, guid);
        text_lit(t, ",\"data\":");
        write_bytes(t, slice_sub(table, offset, length));
        text_lit(t, "}");
    }
    if (count)
        text_lit(t, "]");
    else
        text_lit(t, "null");
    return true;
}

result snp_evidence_json(slice report, slice certificates, struct arena *a, slice *out)
{
    struct snp_form form;
    *out = NO_SLICE;
    ENSURE(snp_form_of(report, &form), AGENT_EVIDENCE);
    struct text t = text_begin(a);
    text_lit(&t, "{\"attestation_report\":");
    ENSURE(write_report(&t, report, &form), AGENT_EVIDENCE);
    text_lit(&t, ",\"cert_chain\":");
    ENSURE(write_certificates(&t, certificates), AGENT_EVIDENCE);
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}
