/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/platform.h"

#include <stdlib.h>

#define CACHE_CLASS S("dcap/platform")
#define CHAIN_MAX 3 /* leaf, intermediate, root */
#define POINT_SIZE 65

#define PPID_SIZE 384

/* --- the chain's text
 * ----------------------------------------------------------------------------------------------- */

static bool is_line_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* Certificates alone: between and after the blocks nothing but ends of lines, and one NUL that C's strings leave. */
static bool next_block(slice *text)
{
    while (text->len > 0 && is_line_end(text->ptr[0]))
        *text = slice_of(text->ptr + 1, text->len - 1);
    if (text->len == 1 && text->ptr[0] == 0)
        *text = NO_SLICE;
    return text->len == 0 || slice_starts(*text, S("-----BEGIN CERTIFICATE-----"));
}

static result read_chain(struct dcap_call *c, slice text, struct x509_chain *out)
{
    uint8_t *room = c->host->arena_alloc(c->req, text.len, 1);
    size_t left = text.len;
    ENSURE(room, NO_MEMORY);
    for (;;) {
        slice der;
        ENSURE(next_block(&text), X509_FORM);
        if (text.len == 0)
            return OK;
        ENSURE(out->count < CHAIN_MAX, X509_LENGTH);
        TRY(pem_next_certificate(&text, room, left, &der));
        ENSURE(der.len > 0, X509_FORM);
        out->certificates[out->count++] = der;
        room += der.len;
        left -= der.len;
    }
}

/* --- what it proves
 * ------------------------------------------------------------------------------------------------- */

static void platform_free(void *value)
{
    struct dcap_platform *p = value;
    x509_path_free(p->path);
    free(p);
}

/* Intel's library identifies a root by the hash of its key, the point with its leading 0x04. */
static result root_key_id(const struct certificate *root, uint8_t out[48])
{
    ENSURE(root->spki.len > POINT_SIZE, X509_WEAK);
    return hash_bytes(HASH_SHA384, slice_sub(root->spki, root->spki.len - POINT_SIZE, POINT_SIZE), out);
}

static const struct certificate *root_of(const struct x509_path *path)
{
    return x509_path_certificate(path, x509_path_length(path) - 1);
}

static unsigned chain_check(result r)
{
    switch (r.reason) {
    case X509_FORM:
        return DCAP_CHECK_PCK_CHAIN_FORM;
    case X509_LENGTH:
        return DCAP_CHECK_PCK_CHAIN_LENGTH;
    case X509_ORDER:
        return DCAP_CHECK_PCK_CHAIN_ORDER;
    case X509_UNTRUSTED:
        return DCAP_CHECK_PCK_CHAIN_UNTRUSTED;
    case X509_CA:
        return DCAP_CHECK_PCK_CHAIN_CA;
    case X509_SIGNATURE:
        return DCAP_CHECK_PCK_CHAIN_SIGNATURE;
    default:
        return DCAP_CHECK_PCK_CHAIN_PROFILE;
    }
}

static bool check_chain(struct dcap_call *c, result r)
{
    return dcap_check_result(c, FAILED(r) ? chain_check(r) : DCAP_CHECK_PCK_CHAIN_SIGNATURE, r);
}

/* What stands at the root's place is the root: x509_path_new() has seen to it. What stands behind it is read by nobody. */
static result follow(const struct dcap_trust *trust, const struct x509_chain *chain, struct x509_path **out)
{
    ENSURE(chain->count >= 2, X509_LENGTH);
    TRY(x509_path_new(trust->x509, chain, out));
    ENSURE(chain->count <= x509_path_length(*out), X509_LENGTH);
    ENSURE(public_key_type(x509_path_leaf_key(*out)) == KEY_P256, X509_WEAK);
    return OK;
}

static bool fill(struct dcap_call *c, const struct x509_chain *chain, struct dcap_platform *p)
{
    if (!check_chain(c, follow(&c->verifier->trust, chain, &p->path)))
        return false;
    if (!dcap_check_result(c, DCAP_CHECK_PCK_EXTENSION, pck_read(x509_path_certificate(p->path, 0), &p->pck)))
        return false;
    result r = root_key_id(root_of(p->path), p->root_key_id);
    return FAILED(r) ? check_chain(c, r) : true;
}

static bool platform_new(struct dcap_call *c, const slice parts[2], struct dcap_platform **out)
{
    struct x509_chain chain = {.count = 0};
    result r = OK;
    for (size_t i = 0; i < 2 && !FAILED(r); i++)
        if (parts[i].len > 0)
            r = read_chain(c, parts[i], &chain);
    if (FAILED(r))
        return check_chain(c, r);
    struct dcap_platform *p = calloc(1, sizeof *p);
    if (!p)
        return dcap_fault(c, TRUSTEE_E_NOMEM);
    if (!fill(c, &chain, p)) {
        platform_free(p);
        return false;
    }
    *out = p;
    return true;
}

bool dcap_platform_find(struct dcap_call *c, const slice parts[2], uint8_t digest[32], const struct dcap_platform **out)
{
    struct dcap_platform *fresh = NULL;
    if (!dcap_digest_pair(c, parts[0], parts[1], digest))
        return false;
    *out = dcap_cached(c, CACHE_CLASS, digest);
    if (*out)
        return dcap_check(c, DCAP_CHECK_PCK_CHAIN_SIGNATURE, true, S("holds"), S("held before"));
    if (!platform_new(c, parts, &fresh))
        return false;
    *out = fresh;
    return dcap_keep(c, CACHE_CLASS, digest, fresh, platform_free);
}

/* --- certification data of type 3
 * ----------------------------------------------------------------------------------- */

slice dcap_pck_key(struct dcap_call *c, const struct dcap_quote *q)
{
    slice data = q->certification_data;
    const slice parts[] = {slice_sub(q->user_data, 0, 16), slice_sub(data, PPID_SIZE, 16),
                           slice_sub(data, PPID_SIZE + 16, 2), slice_sub(data, PPID_SIZE + 18, 2),
                           slice_sub(data, 0, PPID_SIZE)};
    const size_t count = sizeof parts / sizeof *parts;
    if (data.len != DCAP_PLATFORM_IDS)
        return NO_SLICE;
    size_t size = HEX_SIZE(DCAP_PLATFORM_IDS + 16) + count - 1, used = 0;
    uint8_t *text = c->host->arena_alloc(c->req, size, 1);
    if (!text)
        return NO_SLICE;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[used++] = '/';
        used += hex_encode(text + used, parts[i]);
    }
    return slice_of(text, used);
}
