/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_dcap_inner.h"

/* --- keys --- */

void forge_dcap_keys_begin(struct forge_dcap_keys *keys, const char *folder)
{
    static const char *const names[FORGE_KEY_COUNT] = {"root",        "pck_ca",        "pck",     "tcb_signer",
                                                       "attestation", "stranger_root", "stranger"};
    for (size_t i = 0; i < FORGE_KEY_COUNT; i++)
        keys->key[i] = forge_ec_key(folder, names[i], "P-256");
}

void forge_dcap_keys_end(struct forge_dcap_keys *keys)
{
    for (size_t i = 0; i < FORGE_KEY_COUNT; i++)
        EVP_PKEY_free(keys->key[i]);
}

/* --- what is good --- */

#define ROOT_NAME "Intel SGX Root CA"
#define CA_USAGE "critical,keyCertSign,cRLSign"
#define LEAF_USAGE "critical,digitalSignature,nonRepudiation"

static struct forge_dcap_certificate certificate(const struct forge_dcap *k, const char *subject, const char *issuer,
                                                 enum forge_dcap_key key, enum forge_dcap_key signer)
{
    return (struct forge_dcap_certificate){
        .c = {.subject = subject,
              .issuer = issuer,
              .not_before = k->now - 365 * FORGE_DAY,
              .not_after = k->now + 3650 * FORGE_DAY,
              .serial = UINT64_C(0x5105) + (uint64_t)key,
              .constraints = "critical,CA:FALSE",
              .usage = LEAF_USAGE},
        .key = key,
        .signer = signer,
    };
}

static void default_certificates(struct forge_dcap *k)
{
    const char *ca = k->platform.platform ? "Intel SGX PCK Platform CA" : "Intel SGX PCK Processor CA";
    k->root = certificate(k, ROOT_NAME, ROOT_NAME, FORGE_KEY_ROOT, FORGE_KEY_ROOT);
    k->root.c.constraints = "critical,CA:TRUE,pathlen:1";
    k->root.c.usage = CA_USAGE;
    k->chain_root = k->root;
    k->pck_ca = certificate(k, ca, ROOT_NAME, FORGE_KEY_PCK_CA, FORGE_KEY_ROOT);
    k->pck_ca.c.constraints = "critical,CA:TRUE,pathlen:0";
    k->pck_ca.c.usage = CA_USAGE;
    k->pck = certificate(k, "Intel SGX PCK Certificate", ca, FORGE_KEY_PCK, FORGE_KEY_PCK_CA);
    k->tcb_signer = certificate(k, "Intel SGX TCB Signing", ROOT_NAME, FORGE_KEY_TCB_SIGNER, FORGE_KEY_ROOT);
    k->pck_crl = (struct forge_crl){
        .issuer = ca, .this_update = k->now - FORGE_DAY, .next_update = k->now + 29 * FORGE_DAY, .number = 7};
    k->root_crl = k->pck_crl;
    k->root_crl.issuer = ROOT_NAME;
    k->root_crl.number = 3;
    k->pck_crl_signer = FORGE_KEY_PCK_CA;
    k->root_crl_signer = FORGE_KEY_ROOT;
}

static const uint8_t platform_components[16] = {3, 3, 2, 2, 4, 1, 0, 5};
static const uint8_t fmspc[6] = {0x50, 0x80, 0x6f, 0xab, 0xcd, 0xef};

static void default_platform(struct forge_dcap *k, enum forge_body body)
{
    struct forge_pck *p = &k->platform;
    memset(p->ppid, 0x9d, sizeof p->ppid);
    memcpy(p->components, platform_components, 16);
    memcpy(p->cpu_svn, platform_components, 16);
    memcpy(p->fmspc, fmspc, sizeof fmspc);
    memset(p->instance, 0x1d, sizeof p->instance);
    p->pce_svn = 11;
    p->platform = body != FORGE_SGX;
    p->sgx_type = p->platform;
    p->dynamic_platform = p->cached_keys = true;
}

static struct forge_level level(const struct forge_dcap *k, uint16_t svn, const char *status)
{
    struct forge_level l = {.sgx_count = 16,
                            .pce_svn = k->platform.pce_svn,
                            .isv_svn = svn,
                            .status = status,
                            .date = k->now - 60 * FORGE_DAY};
    l.date -= l.date % FORGE_DAY;
    memcpy(l.sgx, platform_components, 16);
    return l;
}

static void default_module(const struct forge_dcap *k, struct forge_module *m, const char *id, uint16_t svn)
{
    *m = (struct forge_module){.id = id};
    memset(m->mask, 0xff, sizeof m->mask);
    m->levels.level[0] = level(k, svn, "UpToDate");
    m->levels.level[1] = level(k, 2, "OutOfDate");
    m->levels.level[1].advisories[0] = "INTEL-SA-01036";
    m->levels.count = 2;
}

static void default_tcb_info(struct forge_dcap *k, bool tdx)
{
    struct forge_tcb_info *i = &k->tcb_info;
    *i = (struct forge_tcb_info){.id = tdx ? "TDX" : "SGX", .version = 3, .evaluation_number = 17};
    i->issued = k->now - FORGE_DAY;
    i->next_update = k->now + 29 * FORGE_DAY;
    memcpy(i->fmspc, fmspc, sizeof fmspc);
    i->levels.level[0] = level(k, 0, "UpToDate");
    i->levels.level[1] = level(k, 0, "OutOfDate");
    i->levels.level[1].pce_svn = 5;
    memset(i->levels.level[1].sgx, 1, 4);
    memset(i->levels.level[1].sgx + 4, 0, 12);
    i->levels.level[1].advisories[0] = "INTEL-SA-00615";
    i->levels.count = 2;
    if (!tdx)
        return;
    static const uint8_t components[16] = {5, 0, 3};
    for (size_t n = 0; n < 2; n++) {
        memcpy(i->levels.level[n].tdx, components, 16);
        i->levels.level[n].tdx_count = 16;
    }
    memset(i->levels.level[1].tdx, 0, 16);
    i->has_module = true;
    default_module(k, &i->module, NULL, 0);
    default_module(k, &i->modules[0], "TDX_03", 5);
    default_module(k, &i->modules[1], "TDX_01", 4);
    i->module_count = 2;
}

static void default_qe(struct forge_dcap *k, bool tdx)
{
    static const uint8_t mask[16] = {0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct forge_qe_identity *q = &k->qe_identity;
    *q = (struct forge_qe_identity){.id = tdx ? "TD_QE" : "QE", .version = 2, .evaluation_number = 17};
    q->issued = k->now - FORGE_DAY;
    q->next_update = k->now + 29 * FORGE_DAY;
    memset(q->misc_mask, 0xff, 4);
    q->attributes[0] = 0x11;
    memcpy(q->attributes_mask, mask, 16);
    memset(q->mrsigner, tdx ? 0xdc : 0x8c, 32);
    q->isv_prod_id = tdx ? 2 : 1;
    q->levels.level[0] = level(k, 4, "UpToDate");
    q->levels.level[1] = level(k, 2, "OutOfDate");
    q->levels.level[1].advisories[0] = "INTEL-SA-00477";
    q->levels.count = 2;
    memcpy(k->qe_report + FORGE_SGX_CPU_SVN, platform_components, 16);
    k->qe_report[FORGE_SGX_ATTRIBUTES] = 0x15;
    k->qe_report[FORGE_SGX_XFRM] = 0xe7;
    memset(k->qe_report + FORGE_SGX_MRENCLAVE, 0xe1, 32);
    memcpy(k->qe_report + FORGE_SGX_MRSIGNER, q->mrsigner, 32);
    k->qe_report[FORGE_SGX_PROD_ID] = (uint8_t)q->isv_prod_id;
    k->qe_report[FORGE_SGX_SVN] = 4;
    memset(k->auth_data, 0xa0, 32);
    k->auth_size = 32;
}

static void default_td(struct forge_dcap *k)
{
    static const uint8_t xfam[8] = {0xe7, 0x02, 0x06};
    k->body[FORGE_TD_TCB_SVN] = 5;
    k->body[FORGE_TD_TCB_SVN + 1] = k->body_kind == FORGE_TDX15 ? 3 : 0;
    k->body[FORGE_TD_TCB_SVN + 2] = 3;
    memset(k->body + FORGE_TD_MRSEAM, 0x5e, 48);
    k->body[FORGE_TD_ATTRIBUTES + 3] = 0x10; /* SEPT_VE_DISABLE */
    memcpy(k->body + FORGE_TD_XFAM, xfam, sizeof xfam);
    memset(k->body + FORGE_TD_MRTD, 0x7d, 48);
    if (k->body_kind == FORGE_TDX15)
        memcpy(k->body + FORGE_TD_TCB_SVN2, k->body + FORGE_TD_TCB_SVN, 16);
}

static void default_enclave(struct forge_dcap *k)
{
    memcpy(k->body + FORGE_SGX_CPU_SVN, platform_components, 16);
    k->body[FORGE_SGX_ATTRIBUTES] = 0x05; /* INIT, MODE64BIT */
    k->body[FORGE_SGX_XFRM] = 0xe7;
    memset(k->body + FORGE_SGX_MRENCLAVE, 0x3e, 32);
    memset(k->body + FORGE_SGX_MRSIGNER, 0x35, 32);
    k->body[FORGE_SGX_PROD_ID] = 1;
    k->body[FORGE_SGX_SVN] = 2;
}

void forge_dcap_default(struct forge_dcap *k, int version, enum forge_body body, int64_t now)
{
    static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                       0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    bool tdx = body != FORGE_SGX;
    memset(k, 0, sizeof *k);
    *k = (struct forge_dcap){.now = now, .version = version, .body_kind = body, .body_type = (uint16_t)body};
    default_platform(k, body);
    default_certificates(k);
    default_tcb_info(k, tdx);
    default_qe(k, tdx);
    k->tcb_info_signer = k->qe_identity_signer = FORGE_KEY_TCB_SIGNER;
    k->qe_signer = FORGE_KEY_PCK;
    k->quote_signer = FORGE_KEY_ATTESTATION;
    k->certification_type = 5;
    k->outer_type = 6;
    k->body_size = body == FORGE_SGX ? FORGE_SGX_SIZE : body == FORGE_TDX10 ? FORGE_TDX10_SIZE : FORGE_TDX15_SIZE;
    k->header[FORGE_HEADER_VERSION] = (uint8_t)version;
    k->header[FORGE_HEADER_KEY_TYPE] = 2;
    k->header[FORGE_HEADER_TEE_TYPE] = tdx ? 0x81 : 0;
    if (version == 3) {
        k->header[FORGE_HEADER_RESERVED] = 4;
        k->header[FORGE_HEADER_RESERVED + 2] = (uint8_t)k->platform.pce_svn;
    }
    memcpy(k->header + FORGE_HEADER_VENDOR, vendor, 16);
    memset(k->header + FORGE_HEADER_USER_DATA, 0x0e, 16); /* QE id */
    if (tdx)
        default_td(k);
    else
        default_enclave(k);
}

/* --- what a guest chooses --- */

static void set_field(struct forge_dcap *k, size_t at, size_t width, slice value)
{
    forge_must(value.len <= width, "a value that fits its field");
    memset(k->body + at, 0, width);
    if (value.len)
        memcpy(k->body + at, value.ptr, value.len);
}

void forge_dcap_report_data(struct forge_dcap *k, slice value)
{
    set_field(k, k->body_kind == FORGE_SGX ? FORGE_SGX_REPORT_DATA : FORGE_TD_REPORT_DATA, 64, value);
}

void forge_dcap_init_data(struct forge_dcap *k, slice value)
{
    if (k->body_kind == FORGE_SGX)
        set_field(k, FORGE_SGX_CONFIG_ID, 64, value);
    else
        set_field(k, FORGE_TD_MRCONFIGID, 48, value);
}

void forge_dcap_rtmr(struct forge_dcap *k, size_t index, slice value)
{
    forge_must(k->body_kind != FORGE_SGX && index < 4, "an RTMR");
    set_field(k, FORGE_TD_RTMR + index * 48, 48, value);
}

/* --- the quote --- */

/* Grows at the end of one block, so that offsets are known. */
struct writer {
    uint8_t *room;
    size_t used, size;
};

static size_t put(struct writer *w, const void *bytes, size_t length)
{
    size_t at = w->used;
    forge_must(length <= w->size - w->used, "room for a quote");
    if (length)
        memcpy(w->room + at, bytes, length);
    w->used += length;
    return at;
}

static size_t put_number(struct writer *w, uint32_t value, size_t octets)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    return put(w, bytes, octets);
}

static void set_number(struct writer *w, size_t at, uint32_t value)
{
    struct writer there = {w->room, at, w->size};
    put_number(&there, value, 4);
}

static void put_certification(struct writer *w, const struct forge_dcap *k, const struct forge_dcap_out *out)
{
    put_number(w, k->certification_type, 2);
    if (k->certification_type == 5) {
        put_number(w, (uint32_t)out->pck_chain.len, 4);
        put(w, out->pck_chain.ptr, out->pck_chain.len);
        return;
    }
    uint8_t ppid[384];
    size_t size = k->certification_type == 2 ? 256 : k->certification_type == 1 ? 16 : 384;
    memset(ppid, 0xec, sizeof ppid);
    if (size == 16)
        memcpy(ppid, k->platform.ppid, 16);
    put_number(w, (uint32_t)size + 20, 4);
    put(w, ppid, size);
    put(w, k->platform.cpu_svn, 16);
    put_number(w, k->platform.pce_svn, 2);
    put(w, k->platform.pce_id, 2);
}

/* QE report, its signature, auth data and certification data. */
static void put_qe(struct arena *a, struct writer *w, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                   struct forge_dcap_out *out)
{
    uint8_t report[FORGE_SGX_SIZE], other[FORGE_SGX_SIZE];
    memcpy(report, k->qe_report, sizeof report);
    if (!k->keep_qe_report_data) {
        memset(report + FORGE_SGX_REPORT_DATA, k->qe_report_data_tail ? 0xff : 0, 64);
        forge_sha256(slice_of(w->room + out->attestation_key, 64), slice_of(k->auth_data, k->auth_size),
                     report + FORGE_SGX_REPORT_DATA);
    }
    memcpy(other, report, sizeof other);
    other[FORGE_SGX_SVN] ^= k->qe_signature_of_other;
    out->qe_report = put(w, report, sizeof report);
    slice signature = forge_sign_raw(a, keys->key[k->qe_signer], slice_of(other, sizeof other));
    out->qe_signature = put(w, signature.ptr, 64);
    out->auth_data = put_number(w, (uint32_t)k->auth_size, 2);
    put(w, k->auth_data, k->auth_size);
    out->certification = w->used;
    put_certification(w, k, out);
}

static void put_signature(struct arena *a, struct writer *w, const struct forge_dcap_keys *keys,
                          const struct forge_dcap *k, struct forge_dcap_out *out)
{
    uint8_t point[64];
    slice what = slice_of(w->room + out->signed_from, out->signed_to - out->signed_from);
    slice signature = forge_sign_raw(a, keys->key[k->quote_signer], what);
    forge_point(keys->key[FORGE_KEY_ATTESTATION], point);
    point[63] ^= k->key_off_curve;
    size_t size = put_number(w, 0, 4);
    out->quote_signature = put(w, signature.ptr, 64);
    out->attestation_key = put(w, point, 64);
    if (k->version == 3) {
        put_qe(a, w, keys, k, out);
    } else {
        put_number(w, k->outer_type, 2);
        size_t outer = put_number(w, 0, 4);
        put_qe(a, w, keys, k, out);
        set_number(w, outer, (uint32_t)(w->used - outer - 4));
    }
    set_number(w, size, (uint32_t)(w->used - size - 4));
}

void forge_dcap_quote(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                      struct forge_dcap_out *out)
{
    struct writer w = {.size = 4096 + out->pck_chain.len + k->padding};
    w.room = arena_alloc(a, w.size, 1);
    forge_must(w.room, "memory");
    out->signed_from = put(&w, k->header, sizeof k->header);
    if (k->version == 5) {
        put_number(&w, k->body_type, 2);
        put_number(&w, k->body_size, 4);
    }
    static const size_t sizes[] = {0, FORGE_SGX_SIZE, FORGE_TDX10_SIZE, FORGE_TDX15_SIZE};
    put(&w, k->body, sizes[k->body_kind]);
    out->signed_to = w.used;
    put_signature(a, &w, keys, k, out);
    forge_must(k->padding <= w.size - w.used, "room for padding");
    memset(w.room + w.used, k->padding_byte, k->padding);
    out->quote = slice_of(w.room, w.used + k->padding);
    if (k->edit_quote)
        out->quote = k->edit_quote(a, out->quote);
}

void forge_dcap_make(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                     struct forge_dcap_out *out)
{
    memset(out, 0, sizeof *out);
    forge_dcap_certificates(a, keys, k, out);
    forge_dcap_statements(a, keys, k, out);
    forge_dcap_quote(a, keys, k, out);
    out->collateral = forge_dcap_collateral(a, k, out);
}
