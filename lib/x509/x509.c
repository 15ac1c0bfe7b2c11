/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/x509.h"

#include <stdlib.h>

#include "lib/x509/trust.h"

struct x509_path {
    size_t length;
    int64_t not_before, not_after;
    struct public_key *leaf_key;
    struct certificate certificates[X509_CHAIN_MAX + 1]; /* views into bytes */
    uint8_t bytes[];
};

/* While a path is sought: views into the caller's chain and the trusted certificate. */
struct search {
    const struct x509_chain *chain;
    struct certificate certificates[X509_CHAIN_MAX]; /* those before the trusted one */
    size_t count;
    const struct anchor *anchor;
};

/* RFC 5280, 6.1.3 (a)(4), and 4.2.1.1 where both name the key. */
static bool is_issued_by(const struct certificate *c, const struct certificate *issuer)
{
    if (!slice_equal(c->issuer, issuer->subject))
        return false;
    return c->authority_key_id.len == 0 || issuer->key_id.len == 0 || slice_equal(c->authority_key_id, issuer->key_id);
}

/* --- finding the path: names first, then signatures from the trusted key downwards, so that a key is not used before
 * it is proven */

static result read_next(struct search *s)
{
    slice der = s->chain->certificates[s->count];
    ENSURE(der.len > 0 && der.len <= X509_CERTIFICATE_MAX, X509_FORM);
    TRY(certificate_read(der, &s->certificates[s->count]));
    s->count++;
    return OK;
}

/* What stands in the chain at the place of the trusted certificate must be that, or the same key's certificate for
 * itself: CAs publish their roots anew at times. */
static result check_place(const struct search *s)
{
    struct certificate sent;
    if (s->count == s->chain->count)
        return OK;
    slice der = s->chain->certificates[s->count];
    const struct certificate *trusted = &s->anchor->certificate;
    if (slice_equal(der, trusted->der))
        return OK;
    ENSURE(der.len <= X509_CERTIFICATE_MAX, X509_FORM);
    TRY(certificate_read(der, &sent));
    ENSURE(slice_equal(sent.subject, trusted->subject) && slice_equal(sent.spki, trusted->spki), X509_ORDER);
    return certificate_verify(&sent, s->anchor->key);
}

/* The trusted certificate that has signed the last one read. `failure` tells why none has. */
static result find_anchor(const struct x509_trust *trust, struct search *s)
{
    const struct certificate *last = &s->certificates[s->count - 1];
    result failure = FAIL(X509_UNTRUSTED);
    for (const struct anchor *a = trust->first; a; a = a->next) {
        if (!is_issued_by(last, &a->certificate))
            continue;
        failure = certificate_verify(last, a->key);
        if (!FAILED(failure)) {
            s->anchor = a;
            return check_place(s);
        }
    }
    return failure;
}

static bool may_sign_evidence(const struct certificate *leaf)
{
    return !leaf->is_ca && (!leaf->has_key_usage || (leaf->key_usage & KEY_USAGE_DIGITAL_SIGNATURE));
}

static result find_path(const struct x509_trust *trust, struct search *s)
{
    result failure = OK;
    ENSURE(s->chain->count > 0 && s->chain->count <= X509_CHAIN_MAX, X509_LENGTH);
    while (s->count < s->chain->count) {
        TRY(read_next(s));
        ENSURE(may_sign_evidence(&s->certificates[0]), X509_CA);
        ENSURE(s->count == 1 || is_issued_by(&s->certificates[s->count - 2], &s->certificates[s->count - 1]),
               X509_ORDER);
        failure = find_anchor(trust, s);
        if (s->anchor)
            break;
    }
    return failure;
}

/* --- the path as a block of its own */

static result path_alloc(const struct search *s, struct x509_path **out)
{
    size_t size = s->anchor->certificate.der.len;
    for (size_t i = 0; i < s->count; i++)
        size += s->certificates[i].der.len;
    *out = calloc(1, sizeof **out + size);
    ENSURE(*out, NO_MEMORY);
    return OK;
}

static result copy_certificates(const struct search *s, struct x509_path *path)
{
    uint8_t *at = path->bytes;
    path->not_before = INT64_MIN;
    path->not_after = INT64_MAX;
    for (size_t i = 0; i <= s->count; i++) {
        slice der = i < s->count ? s->certificates[i].der : s->anchor->certificate.der;
        struct certificate *c = &path->certificates[path->length++];
        memcpy(at, der.ptr, der.len);
        TRY(certificate_read_trusted(slice_of(at, der.len), c));
        at += der.len;
        path->not_before = c->not_before > path->not_before ? c->not_before : path->not_before;
        path->not_after = c->not_after < path->not_after ? c->not_after : path->not_after;
    }
    return OK;
}

/* --- judging it: RFC 5280, 6.1.4 */

static bool may_issue(const struct certificate *c, bool trusted)
{
    bool by_usage = c->has_key_usage ? (c->key_usage & KEY_USAGE_CERT_SIGN) != 0 : trusted;
    return c->is_ca && by_usage;
}

static result check_issuers(const struct x509_path *path)
{
    int below = 0; /* issuers nearer to the leaf, those for themselves not counted */
    for (size_t i = 1; i < path->length; i++) {
        const struct certificate *c = &path->certificates[i];
        ENSURE(may_issue(c, i == path->length - 1), X509_CA);
        ENSURE(c->path_length < 0 || below <= c->path_length, X509_CA);
        below += !slice_equal(c->subject, c->issuer);
    }
    for (size_t i = 0; i < path->length; i++)
        ENSURE(!path->certificates[i].unknown_critical, X509_REFUSED);
    return OK;
}

/* From the one that the trusted key has signed, which is proven, down to the leaf. */
static result check_signatures(struct x509_path *path)
{
    for (size_t i = path->length - 2; i > 0; i--) {
        struct public_key *key;
        TRY(x509_key_new(path->certificates[i].spki, &key));
        result verified = certificate_verify(&path->certificates[i - 1], key);
        public_key_free(key);
        TRY(verified);
    }
    return x509_key_new(path->certificates[0].spki, &path->leaf_key);
}

static result judge(const struct search *s, struct x509_path *path)
{
    TRY(copy_certificates(s, path));
    TRY(check_issuers(path));
    return check_signatures(path);
}

result x509_path_new(const struct x509_trust *trust, const struct x509_chain *chain, struct x509_path **out)
{
    struct search s = {.chain = chain};
    struct x509_path *path;
    *out = NULL;
    TRY(find_path(trust, &s));
    TRY(path_alloc(&s, &path));
    result judged = judge(&s, path);
    if (FAILED(judged)) {
        x509_path_free(path);
        return judged;
    }
    *out = path;
    return OK;
}

void x509_path_free(struct x509_path *path)
{
    if (!path)
        return;
    public_key_free(path->leaf_key);
    free(path);
}

/* --- what is asked of a path */

size_t x509_path_length(const struct x509_path *path)
{
    return path->length;
}

const struct certificate *x509_path_certificate(const struct x509_path *path, size_t n)
{
    return &path->certificates[n];
}

const struct public_key *x509_path_leaf_key(const struct x509_path *path)
{
    return path->leaf_key;
}

int64_t x509_path_not_after(const struct x509_path *path)
{
    return path->not_after;
}

int64_t x509_path_not_before(const struct x509_path *path)
{
    return path->not_before;
}

result x509_path_valid_at(const struct x509_path *path, int64_t now)
{
    ENSURE(path->not_before <= now && now <= path->not_after, X509_VALIDITY);
    return OK;
}

result x509_path_check_revocation(const struct x509_path *path, size_t n, const struct crl *crl, int64_t now)
{
    ENSURE(n + 1 < path->length && crl && crl_is_of(crl, &path->certificates[n + 1]), X509_NO_CRL);
    ENSURE(crl_this_update(crl) <= now && now <= crl_next_update(crl), X509_CRL_VALIDITY);
    ENSURE(!crl_lists(crl, path->certificates[n].serial), X509_IS_REVOKED);
    return OK;
}

result x509_verify_chain(const struct x509_trust *trust, const struct x509_chain *chain, int64_t now,
                         struct x509_verified *out)
{
    struct x509_path *path;
    *out = (struct x509_verified){0};
    TRY(x509_path_new(trust, chain, &path));
    result valid = x509_path_valid_at(path, now);
    if (!FAILED(valid)) {
        *out = (struct x509_verified){path->leaf_key, path->not_after};
        path->leaf_key = NULL;
    }
    x509_path_free(path);
    return valid;
}
