/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of a platform, its PCK certificate's extension, chains in every shape, revocation lists.
 */
#include "tests/support/forge_dcap_inner.h"

#define OID_SGX "1.2.840.113741.1.13.1"
/* The same in DER, and what its members begin with. */
static const uint8_t oid_sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

#define DER_TAG_BOOLEAN 0x01
#define DER_TAG_INTEGER 0x02
#define DER_TAG_OCTETS 0x04
#define DER_TAG_OID 0x06
#define DER_TAG_ENUMERATED 0x0a
#define DER_TAG_UTF8 0x0c
#define DER_TAG_SEQUENCE 0x30

/* --- the extension --- */

/* SEQUENCE { OID 1.2.840.113741.1.13.1.a[.b], value } */
static slice member(struct arena *a, unsigned major, unsigned minor, slice value)
{
    uint8_t oid[sizeof oid_sgx + 2];
    memcpy(oid, oid_sgx, sizeof oid_sgx);
    oid[sizeof oid_sgx] = (uint8_t)major;
    oid[sizeof oid_sgx + 1] = (uint8_t)minor;
    slice name = forge_der(a, DER_TAG_OID, slice_of(oid, sizeof oid_sgx + (minor ? 2 : 1)));
    return forge_der(a, DER_TAG_SEQUENCE, forge_join(a, name, value));
}

static slice unsigned_integer(struct arena *a, unsigned value)
{
    uint8_t bytes[3] = {0, (uint8_t)(value >> 8), (uint8_t)value};
    size_t skip = value > 0x7fff ? 0 : value > 0x7f ? 1 : 2;
    return forge_der(a, DER_TAG_INTEGER, slice_of(bytes + skip, 3 - skip));
}

static slice boolean(struct arena *a, bool value)
{
    return forge_der(a, DER_TAG_BOOLEAN, value ? S("\xff") : S("\x00"));
}

/* Adds what a member is written as: once, twice or never. */
static slice add(struct arena *a, slice all, slice one, unsigned bit, const unsigned masks[2])
{
    if (masks[0] >> bit & 1)
        return all;
    all = forge_join(a, all, one);
    return masks[1] >> bit & 1 ? forge_join(a, all, one) : all;
}

static slice tcb_of(struct arena *a, const struct forge_pck *p)
{
    const unsigned masks[2] = {p->tcb_without, p->tcb_twice};
    slice all = S("");
    for (unsigned i = 1; i <= 16; i++)
        all = add(a, all, member(a, 2, i, unsigned_integer(a, p->components[i - 1])), i, masks);
    all = add(a, all, member(a, 2, 17, unsigned_integer(a, p->pce_svn)), 17, masks);
    slice cpu_svn = forge_der(a, DER_TAG_OCTETS, slice_of(p->cpu_svn, 16));
    all = add(a, all, member(a, 2, 18, cpu_svn), 18, masks);
    return forge_der(a, DER_TAG_SEQUENCE, all);
}

static slice configuration_of(struct arena *a, const struct forge_pck *p)
{
    slice all = member(a, 7, 1, boolean(a, p->dynamic_platform));
    all = forge_join(a, all, member(a, 7, 2, boolean(a, p->cached_keys)));
    all = forge_join(a, all, member(a, 7, 3, boolean(a, p->smt_enabled)));
    return forge_der(a, DER_TAG_SEQUENCE, all);
}

static slice extension_of(struct arena *a, const struct forge_pck *p)
{
    const unsigned masks[2] = {p->without, p->twice};
    const slice values[] = {
        NO_SLICE,
        forge_der(a, DER_TAG_OCTETS, slice_of(p->ppid, sizeof p->ppid)),
        tcb_of(a, p),
        forge_der(a, DER_TAG_OCTETS, slice_of(p->pce_id, sizeof p->pce_id)),
        forge_der(a, DER_TAG_OCTETS, slice_of(p->fmspc, sizeof p->fmspc)),
        forge_der(a, DER_TAG_ENUMERATED, slice_of(&p->sgx_type, 1)),
        forge_der(a, DER_TAG_OCTETS, slice_of(p->instance, sizeof p->instance)),
        configuration_of(a, p),
    };
    slice all = S("");
    for (unsigned i = 1; i <= (p->platform ? 7u : 5u); i++) {
        slice value = p->wrong_type >> i & 1 ? forge_der(a, DER_TAG_UTF8, S("text")) : values[i];
        all = add(a, all, member(a, i, 0, value), i, masks);
    }
    slice whole = (p->long_lengths ? forge_der_long : forge_der)(a, DER_TAG_SEQUENCE, all);
    return p->trailing ? forge_join(a, whole, S("\x00")) : whole;
}

/* --- certificates and chains --- */

static slice issue(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap_certificate *c)
{
    return forge_issue(a, &c->c, keys->key[c->key], keys->key[c->signer]);
}

static slice crlf(struct arena *a, slice text)
{
    slice out = S(""), line;
    while (slice_split(&text, '\n', &line))
        if (line.len)
            out = forge_join(a, forge_join(a, out, line), S("\r\n"));
    return out;
}

static slice inside(struct arena *a, slice text, size_t at, slice what)
{
    slice head = forge_join(a, slice_sub(text, 0, at), what);
    return forge_join(a, head, slice_sub(text, at, SIZE_MAX));
}

static slice repeated(struct arena *a, slice text, size_t times)
{
    uint8_t *room = arena_alloc(a, text.len * times + 1, 1);
    forge_must(room, "memory");
    for (size_t i = 0; i < times; i++)
        memcpy(room + i * text.len, text.ptr, text.len);
    return slice_of(room, text.len * times);
}

/* One shape; pem[0] is the leaf, the last one the root; a stranger's certificate stands for what does not belong. */
static slice shaped(struct arena *a, enum forge_chain_shape shape, const slice *pem, size_t count, slice stranger)
{
    slice good = S(""), reversed = S("");
    for (size_t i = 0; i < count; i++) {
        good = forge_join(a, good, pem[i]);
        reversed = forge_join(a, pem[i], reversed);
    }
    size_t without_root = good.len - pem[count - 1].len;
    switch (shape) {
    case FORGE_CHAIN_WITHOUT_ROOT:
        return slice_sub(good, 0, without_root);
    case FORGE_CHAIN_LEAF_ALONE:
        return pem[0];
    case FORGE_CHAIN_EMPTY:
        return S("");
    case FORGE_CHAIN_REVERSED:
        return reversed;
    case FORGE_CHAIN_LEAF_TWICE:
        return forge_join(a, pem[0], good);
    case FORGE_CHAIN_EXTRA_AFTER:
        return forge_join(a, good, stranger);
    case FORGE_CHAIN_EXTRA_BEFORE:
        return forge_join(a, stranger, good);
    case FORGE_CHAIN_HUNDRED:
        return forge_join(a, pem[0], repeated(a, pem[count - 1], 100));
    case FORGE_CHAIN_CRLF:
        return crlf(a, good);
    case FORGE_CHAIN_NUL_AT_END:
        return forge_join(a, good, S("\0"));
    case FORGE_CHAIN_NUL_INSIDE:
        return inside(a, good, 200, S("\0"));
    case FORGE_CHAIN_TEXT_BETWEEN:
        return inside(a, good, pem[0].len, S("subject=somebody\nissuer=somebody else\n"));
    case FORGE_CHAIN_OTHER_BLOCK:
        return forge_join(a, S("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), good);
    case FORGE_CHAIN_CUT:
        return slice_sub(good, 0, without_root + pem[count - 1].len / 2);
    case FORGE_CHAIN_NOT_PEM:
        return S("<html><body>502 Bad Gateway</body></html>");
    case FORGE_CHAIN_LONG:
        return forge_join(a, good, repeated(a, S(" "), 128u << 10));
    case FORGE_CHAIN_GOOD:
    case FORGE_CHAIN_BYTE_AFTER_DER:
        break;
    }
    return good;
}

static slice chain(struct arena *a, enum forge_chain_shape shape, const slice *der, size_t count, slice stranger)
{
    slice pem[3] = {NO_SLICE};
    for (size_t i = 0; i < count; i++) {
        bool longer = i == 0 && shape == FORGE_CHAIN_BYTE_AFTER_DER;
        pem[i] = forge_pem(a, longer ? forge_join(a, der[i], S("\x00")) : der[i]);
    }
    return shaped(a, shape, pem, count, forge_pem(a, stranger));
}

static struct forge_dcap_certificate stranger_of(const struct forge_dcap *k)
{
    struct forge_dcap_certificate c = k->tcb_signer;
    c.c.subject = c.c.issuer = "Somebody Else";
    c.key = c.signer = FORGE_KEY_STRANGER;
    return c;
}

void forge_dcap_certificates(struct arena *a, const struct forge_dcap_keys *keys, const struct forge_dcap *k,
                             struct forge_dcap_out *out)
{
    struct forge_dcap_certificate pck = k->pck, other = stranger_of(k);
    if (k->platform.times >= 0) {
        pck.c.extension = extension_of(a, &k->platform);
        pck.c.oid = OID_SGX;
        pck.c.extension_times = k->platform.times;
    }
    out->root = issue(a, keys, &k->root);
    out->root_pem = forge_pem(a, out->root);
    out->pck = issue(a, keys, &pck);
    out->pck_ca = issue(a, keys, &k->pck_ca);
    out->tcb_signer = issue(a, keys, &k->tcb_signer);
    slice carried = memcmp(&k->root, &k->chain_root, sizeof k->root) ? issue(a, keys, &k->chain_root) : out->root;
    slice stranger = issue(a, keys, &other);
    out->pck_chain = chain(a, k->pck_shape, (slice[]){out->pck, out->pck_ca, carried}, 3, stranger);
    out->tcb_chain = chain(a, k->tcb_shape, (slice[]){out->tcb_signer, carried}, 2, stranger);
    if (k->tcb_chain_is_pck)
        out->tcb_chain = out->pck_chain;
    out->pck_crl_chain = chain(a, FORGE_CHAIN_GOOD, (slice[]){out->pck_ca, carried}, 2, stranger);
    slice pck_crl = forge_revoke(a, &k->pck_crl, keys->key[k->pck_crl_signer]);
    slice root_crl = forge_revoke(a, &k->root_crl, keys->key[k->root_crl_signer]);
    out->pck_crl = k->no_pck_crl ? NO_SLICE : k->crls_swapped ? root_crl : pck_crl;
    out->root_crl = k->no_root_crl ? NO_SLICE : k->crls_swapped ? pck_crl : root_crl;
}
