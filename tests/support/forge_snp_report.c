/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_snp.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#define SIZE 1184
#define SIGNED 672
#define SCALAR 72

/* --- reports -------------------------------------------------------------------------------------------------------
 */

static void pattern(uint8_t *bytes, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(first + 7 * i);
}

struct forge_report forge_report(const char *generation, uint32_t version)
{
    bool turin = strcmp(generation, "Turin") == 0;
    struct forge_levels levels = {turin ? 2 : -1, 4, 1, 22, 213};
    struct forge_report r = {.version = version,
                             .algorithm = 1,
                             .policy = 0x30037,
                             .platform_info = 0x25,
                             .turin = turin,
                             .current = levels,
                             .reported = levels,
                             .committed = levels,
                             .launch = levels,
                             .cpu = {turin ? 0x1a : 0x19,
                                     turin                         ? 0x02
                                     : strcmp(generation, "Genoa") ? 0x01
                                                                   : 0x11,
                                     1},
                             .current_version = {1, 55, 40},
                             .committed_version = {1, 55, 40},
                             .launch_mitigations = 0x3,
                             .current_mitigations = 0x7,
                             .poke = -1};
    pattern(r.measurement, sizeof r.measurement, 0x11);
    pattern(r.report_id, sizeof r.report_id, 0x55);
    memset(r.report_id_ma, 0xff, sizeof r.report_id_ma);
    pattern(r.chip_id, turin ? 8 : 64, 0x91);
    return r;
}

static void put(uint8_t *at, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static void put_levels(uint8_t *at, const struct forge_report *r, const struct forge_levels *l)
{
    uint8_t *levels = at;
    if (r->turin)
        *levels++ = (uint8_t)(l->fmc < 0 ? 0 : l->fmc);
    levels[0] = l->bootloader;
    levels[1] = l->tee;
    at[r->turin ? 3 : 6] = l->snp;
    at[7] = l->microcode;
}

static void put_version(uint8_t *at, const uint8_t version[3])
{
    at[0] = version[2];
    at[1] = version[1];
    at[2] = version[0];
}

static void put_guest(uint8_t *b, const struct forge_report *r)
{
    put(b, 4, r->version);
    put(b + 0x04, 4, r->guest_svn);
    put(b + 0x08, 8, r->policy);
    memcpy(b + 0x10, r->family_id, 16);
    memcpy(b + 0x20, r->image_id, 16);
    put(b + 0x30, 4, r->vmpl);
    put(b + 0x34, 4, r->algorithm);
    put_levels(b + 0x38, r, &r->current);
    put(b + 0x40, 8, r->platform_info);
    put(b + 0x48, 4, r->key_info);
    memcpy(b + 0x50, r->report_data, 64);
    memcpy(b + 0x90, r->measurement, 48);
    memcpy(b + 0xc0, r->host_data, 32);
    memcpy(b + 0xe0, r->id_key_digest, 48);
    memcpy(b + 0x110, r->author_key_digest, 48);
    memcpy(b + 0x140, r->report_id, 32);
    memcpy(b + 0x160, r->report_id_ma, 32);
}

static void put_platform(uint8_t *b, const struct forge_report *r)
{
    put_levels(b + 0x180, r, &r->reported);
    if (r->version >= 3)
        memcpy(b + 0x188, r->cpu, 3);
    memcpy(b + 0x1a0, r->chip_id, 64);
    put_levels(b + 0x1e0, r, &r->committed);
    put_version(b + 0x1e8, r->current_version);
    put_version(b + 0x1ec, r->committed_version);
    put_levels(b + 0x1f0, r, &r->launch);
    if (r->version >= 5) {
        put(b + 0x1f8, 8, r->launch_mitigations);
        put(b + 0x200, 8, r->current_mitigations);
    }
}

static void sign(uint8_t *b, EVP_PKEY *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t der[160];
    size_t length = sizeof der;
    const uint8_t *at = der;
    forge_must(context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
                   EVP_DigestSign(context, der, &length, b, SIGNED) == 1,
               "signing a report");
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)length);
    forge_must(pair && BN_bn2lebinpad(ECDSA_SIG_get0_r(pair), b + SIGNED, SCALAR) == SCALAR &&
                   BN_bn2lebinpad(ECDSA_SIG_get0_s(pair), b + SIGNED + SCALAR, SCALAR) == SCALAR,
               "a signature's numbers");
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(context);
}

slice forge_report_sign(struct arena *a, const struct forge_report *r, EVP_PKEY *key)
{
    uint8_t *b = arena_alloc(a, SIZE, 8);
    forge_must(b, "memory");
    memset(b, 0, SIZE);
    put_guest(b, r);
    put_platform(b, r);
    if (r->poke >= 0)
        b[r->poke] = r->poked;
    if (key)
        sign(b, key);
    return slice_of(b, SIZE);
}

slice forge_report_resign(struct arena *a, slice report, EVP_PKEY *key)
{
    forge_must(report.len == SIZE, "a report of 1184 bytes");
    uint8_t *b = arena_alloc(a, SIZE, 8);
    forge_must(b, "memory");
    memcpy(b, report.ptr, SIZE);
    sign(b, key);
    return slice_of(b, SIZE);
}

slice forge_vcek_key(struct arena *a, const char *generation, const struct forge_report *r)
{
    slice chip = forge_hex(a, slice_of(r->chip_id, r->turin ? 8 : 64), false);
    slice key = arena_printf(a, "%s/%.*s/%u-%u-%u-%u", generation, SLICE_ARG(chip), r->reported.bootloader,
                             r->reported.tee, r->reported.snp, r->reported.microcode);
    if (r->turin)
        key = arena_printf(a, "%.*s-%d", SLICE_ARG(key), r->reported.fmc);
    forge_must(key.ptr, "memory");
    return key;
}

/* --- evidence: written from the bytes that were signed, whatever they are
 * ------------------------------------------------------------------------------------------------------- */

static uint64_t number_at(slice report, size_t offset, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i > 0; i--)
        number = number << 8 | report.ptr[offset + i - 1];
    return number;
}

static void add_name(struct text *t, const char *name)
{
    text_lit(t, "\"");
    text_add(t, slice_text(name));
    text_lit(t, "\":");
}

static void add_number(struct text *t, const char *name, slice report, size_t offset, size_t size)
{
    add_name(t, name);
    text_u64(t, number_at(report, offset, size));
    text_lit(t, ",");
}

static void add_list(struct text *t, slice bytes)
{
    text_lit(t, "[");
    for (size_t i = 0; i < bytes.len; i++) {
        if (i)
            text_lit(t, ",");
        text_u64(t, bytes.ptr[i]);
    }
    text_lit(t, "]");
}

static void add_bytes(struct text *t, const char *name, slice report, size_t offset, size_t size)
{
    add_name(t, name);
    add_list(t, slice_sub(report, offset, size));
    text_lit(t, ",");
}

/* What the crate reads from a report: which layout the levels have. */
static bool is_turin(slice report)
{
    static const uint8_t zeros[56];
    if (number_at(report, 0, 4) >= 3)
        return report.ptr[0x188] == 0x1a;
    return memcmp(report.ptr + 0x1a8, zeros, sizeof zeros) == 0;
}

static void add_levels(struct text *t, const char *name, slice report, size_t offset, enum forge_shape shape)
{
    const uint8_t *b = report.ptr + offset;
    bool turin = is_turin(report);
    add_name(t, name);
    text_lit(t, "{");
    if (shape <= FORGE_SHAPE_6) {
        text_lit(t, "\"fmc\":");
        if (turin)
            text_u64(t, b[0]);
        else
            text_lit(t, "null");
        text_lit(t, ",");
    } else {
        text_lit(t, "\"_reserved\":[0,0,0,0],");
    }
    text_lit(t, "\"bootloader\":");
    text_u64(t, b[turin ? 1 : 0]);
    text_lit(t, ",\"tee\":");
    text_u64(t, b[turin ? 2 : 1]);
    text_lit(t, ",\"snp\":");
    text_u64(t, b[turin ? 3 : 6]);
    text_lit(t, ",\"microcode\":");
    text_u64(t, b[7]);
    text_lit(t, "},");
}

static void add_version(struct text *t, const char *name, slice report, size_t offset, enum forge_shape shape)
{
    static const char *const parts[] = {"build", "minor", "major"};
    bool flat = shape >= FORGE_SHAPE_4;
    if (!flat) {
        add_name(t, name);
        text_lit(t, "{");
    }
    for (size_t i = 0; i < 3; i++) {
        text_lit(t, "\"");
        if (flat) {
            text_add(t, slice_text(name));
            text_lit(t, "_");
        }
        text_add(t, slice_text(parts[i]));
        text_lit(t, "\":");
        text_u64(t, report.ptr[offset + i]);
        text_add(t, i < 2 || flat ? S(",") : S("},"));
    }
}

static void add_optional(struct text *t, const char *name, slice report, size_t offset, size_t size, bool present)
{
    if (present) {
        add_number(t, name, report, offset, size);
        return;
    }
    add_name(t, name);
    text_lit(t, "null,");
}

static void add_guest(struct text *t, slice r, enum forge_shape shape)
{
    add_number(t, "version", r, 0, 4);
    add_number(t, "guest_svn", r, 0x04, 4);
    add_number(t, "policy", r, 0x08, 8);
    add_bytes(t, "family_id", r, 0x10, 16);
    add_bytes(t, "image_id", r, 0x20, 16);
    add_number(t, "vmpl", r, 0x30, 4);
    add_number(t, "sig_algo", r, 0x34, 4);
    add_levels(t, "current_tcb", r, 0x38, shape);
    add_number(t, "plat_info", r, 0x40, 8);
    add_number(t, shape == FORGE_SHAPE_3 ? "_author_key_en" : "key_info", r, 0x48, 4);
    if (shape >= FORGE_SHAPE_4)
        add_number(t, "_reserved_0", r, 0x4c, 4);
    add_bytes(t, "report_data", r, 0x50, 64);
    add_bytes(t, "measurement", r, 0x90, 48);
    add_bytes(t, "host_data", r, 0xc0, 32);
    add_bytes(t, "id_key_digest", r, 0xe0, 48);
    add_bytes(t, "author_key_digest", r, 0x110, 48);
    add_bytes(t, "report_id", r, 0x140, 32);
    add_bytes(t, "report_id_ma", r, 0x160, 32);
}

static void add_platform(struct text *t, slice r, enum forge_shape shape)
{
    uint64_t version = number_at(r, 0, 4);
    add_levels(t, "reported_tcb", r, 0x180, shape);
    if (shape <= FORGE_SHAPE_6) {
        add_optional(t, "cpuid_fam_id", r, 0x188, 1, version >= 3);
        add_optional(t, "cpuid_mod_id", r, 0x189, 1, version >= 3);
        add_optional(t, "cpuid_step", r, 0x18a, 1, version >= 3);
    }
    add_bytes(t, "chip_id", r, 0x1a0, 64);
    add_levels(t, "committed_tcb", r, 0x1e0, shape);
    add_version(t, "current", r, 0x1e8, shape);
    add_version(t, "committed", r, 0x1ec, shape);
    add_levels(t, "launch_tcb", r, 0x1f0, shape);
    if (shape == FORGE_SHAPE_7) {
        add_optional(t, "launch_mit_vector", r, 0x1f8, 8, version >= 5);
        add_optional(t, "current_mit_vector", r, 0x200, 8, version >= 5);
    }
    text_lit(t, "\"signature\":{\"r\":");
    add_list(t, slice_sub(r, SIGNED, SCALAR));
    text_lit(t, ",\"s\":");
    add_list(t, slice_sub(r, SIGNED + SCALAR, SCALAR));
    text_lit(t, "}");
}

struct entries {
    struct text *t;
    const struct forge_table *table;
    size_t count;
};

static void add_entry(struct entries *e, const char *name, const char *guid, slice data)
{
    if (!data.len)
        return;
    text_add(e->t, e->count++ ? S(",{\"cert_type\":") : S("{\"cert_type\":"));
    if (e->table->guids || !name) {
        text_add(e->t, S("{\"OTHER\":"));
        text_json(e->t, slice_text(guid));
        text_lit(e->t, "}");
    } else {
        text_json(e->t, slice_text(name));
    }
    text_lit(e->t, ",\"data\":");
    if (e->table->guids) {
        text_lit(e->t, "\"");
        text_base64(e->t, data);
        text_lit(e->t, "\"");
    } else {
        add_list(e->t, data);
    }
    text_lit(e->t, "}");
}

static void add_table(struct text *t, const struct forge_table *table)
{
    struct entries e = {t, table, 0};
    bool none = !table->vcek.len && !table->vlek.len && !table->ask.len && !table->ark.len && !table->other.len &&
                !table->fill && !table->empty;
    if (none) {
        text_lit(t, "null");
        return;
    }
    text_lit(t, "[");
    for (int i = 0; i < table->fill; i++)
        add_entry(&e, NULL, "ecae0c0f-9502-43b1-afa2-0ae2e0d565b6", S("12345678"));
    add_entry(&e, NULL, "01234567-89ab-cdef-0123-456789abcdef", table->other);
    add_entry(&e, "ASK", "4ab7b379-bbac-4fe4-a02f-05aef327c782", table->ask);
    add_entry(&e, "ARK", "c0b406a4-a803-4952-9743-3fb6014cd0ae", table->ark);
    add_entry(&e, "VCEK", "63da758d-e664-4564-adc5-f4b93be8accd", table->vcek);
    add_entry(&e, "VLEK", "a8074bc2-a25a-483e-aae6-39c045a0b8a1", table->vlek);
    text_lit(t, "]");
}

slice forge_snp_evidence(struct arena *a, slice report, const struct forge_table *table)
{
    struct text t = text_begin(a);
    if (table->shape == FORGE_SHAPE_RAW) {
        text_lit(&t, "{\"attestation_report_raw\":\"");
        text_base64(&t, report);
        text_lit(&t, "\"");
    } else {
        text_lit(&t, "{\"attestation_report\":{");
        add_guest(&t, report, table->shape);
        add_platform(&t, report, table->shape);
        text_lit(&t, "}");
    }
    text_lit(&t, ",\"cert_chain\":");
    add_table(&t, table);
    text_lit(&t, "}");
    slice json = text_end(&t);
    forge_must(json.ptr, "memory");
    return json;
}
