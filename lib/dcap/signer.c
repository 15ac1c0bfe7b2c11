/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/statement.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lib/x509/der.h"

struct tcb_signer {
    atomic_uint holders;
    struct x509_path *path;
};

static const uint8_t SGX_EXTENSION[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
static const uint8_t COMMON_NAME[] = {0x55, 0x04, 0x03};

/* Whether a Name holds this commonName. */
static bool has_common_name(slice name, slice wanted)
{
    struct reader whole = reader_of(name), r, set, pair;
    slice sequence, content, oid;
    if (!der_read(&whole, DER_SEQUENCE, &sequence))
        return false;
    for (r = reader_of(sequence); r.left.len;) {
        if (!der_read(&r, DER_SET, &content))
            return false;
        set = reader_of(content);
        if (!der_read(&set, DER_SEQUENCE, &content))
            return false;
        pair = reader_of(content);
        if (!der_read(&pair, DER_OID, &oid) || !slice_equal(oid, slice_of(COMMON_NAME, sizeof COMMON_NAME)))
            continue;
        uint8_t tag = der_next_is(&pair, DER_UTF8_STRING) ? DER_UTF8_STRING : DER_PRINTABLE_STRING;
        return der_read(&pair, tag, &content) && slice_equal(content, wanted);
    }
    return false;
}

/* Intel's root certifies the CAs of platforms and the one key that signs statements. A PCK certificate is a leaf as
 * well: below an anchor of somebody else's it is told apart by its extension. */
static bool may_sign_statements(const struct x509_path *path)
{
    slice extension;
    size_t length = x509_path_length(path);
    const struct certificate *leaf = x509_path_certificate(path, 0);
    if (length < 2 || public_key_type(x509_path_leaf_key(path)) != KEY_P256 ||
        certificate_extension(leaf, slice_of(SGX_EXTENSION, sizeof SGX_EXTENSION), &extension))
        return false;
    if (!slice_equal(x509_path_certificate(path, length - 1)->der, INTEL_SGX_ROOT_CA))
        return true;
    return length == 2 && has_common_name(leaf->subject, S("Intel SGX TCB Signing"));
}

static result read_chain(slice pem, struct arena *scratch, struct x509_chain *out)
{
    slice der;
    out->count = 0;
    for (;;) {
        uint8_t *room = arena_alloc(scratch, X509_CERTIFICATE_MAX, 1);
        ENSURE(room, NO_MEMORY);
        TRY(pem_next_certificate(&pem, room, X509_CERTIFICATE_MAX, &der));
        if (!der.len)
            return OK;
        ENSURE(out->count < X509_CHAIN_MAX, X509_LENGTH);
        out->certificates[out->count++] = der;
        scratch->used -= X509_CERTIFICATE_MAX - der.len;
    }
}

static result follow(const struct x509_trust *trust, slice chain, struct arena *scratch, struct x509_path **out)
{
    struct x509_chain certificates;
    *out = NULL;
    TRY(read_chain(chain, scratch, &certificates));
    TRY(x509_path_new(trust, &certificates, out));
    ENSURE(may_sign_statements(*out), DCAP_COLLATERAL_CHAIN);
    return OK;
}

result tcb_signer_new(const struct x509_trust *trust, slice chain, struct arena *scratch, struct tcb_signer **out)
{
    size_t used = scratch->used;
    struct tcb_signer *s = calloc(1, sizeof *s);
    *out = NULL;
    ENSURE(s, NO_MEMORY);
    atomic_init(&s->holders, 1);
    result r = follow(trust, chain, scratch, &s->path);
    scratch->used = used;
    if (FAILED(r))
        tcb_signer_release(s);
    else
        *out = s;
    return r;
}

struct tcb_signer *tcb_signer_hold(struct tcb_signer *s)
{
    atomic_fetch_add(&s->holders, 1);
    return s;
}

void tcb_signer_release(struct tcb_signer *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    x509_path_free(s->path);
    free(s);
}

const struct x509_path *tcb_signer_path(const struct tcb_signer *s)
{
    return s->path;
}
