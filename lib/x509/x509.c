/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/x509.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define SECURITY_LEVEL 2 /* OpenSSL's name for 112 bits */
#define PEM_MAX (1024 * 1024)

struct x509_trust {
    X509_STORE *store;
    size_t count;
};

result x509_trust_new(struct x509_trust **out)
{
    struct x509_trust *trust = OPENSSL_zalloc(sizeof *trust);
    *out = trust;
    ENSURE(trust, NO_MEMORY);
    trust->store = X509_STORE_new();
    if (!trust->store) {
        x509_trust_free(trust);
        *out = NULL;
        return FAIL(NO_MEMORY);
    }
    return OK;
}

void x509_trust_free(struct x509_trust *trust)
{
    if (!trust)
        return;
    X509_STORE_free(trust->store);
    OPENSSL_free(trust);
}

size_t x509_trust_count(const struct x509_trust *trust)
{
    return trust->count;
}

/* Exactly one certificate, and no byte more. NULL where it is not. The caller owns it. */
static X509 *decode(slice der)
{
    const uint8_t *at = der.ptr;
    if (der.len == 0 || der.len > X509_CERTIFICATE_MAX)
        return NULL;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    if (certificate && at == der.ptr + der.len)
        return certificate;
    X509_free(certificate);
    ERR_clear_error();
    return NULL;
}

result x509_trust_add_der(struct x509_trust *trust, slice der)
{
    X509 *certificate = decode(der);
    ENSURE(certificate, X509_FORM);
    bool added = X509_STORE_add_cert(trust->store, certificate) == 1;
    X509_free(certificate);
    ENSURE(added, NO_MEMORY);
    trust->count++;
    return OK;
}

/* Adds the next block of `in`; *more is false at the end. */
static result add_block(struct x509_trust *trust, BIO *in, bool *more)
{
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long length = 0;
    *more = PEM_read_bio(in, &name, &header, &der, &length) == 1;
    if (!*more) {
        bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        ERR_clear_error();
        return end ? OK : FAIL(X509_FORM);
    }
    result added = FAIL(X509_FORM);
    if (slice_equal(slice_text(name), S(PEM_STRING_X509)) && length > 0)
        added = x509_trust_add_der(trust, slice_of(der, (size_t)length));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return added;
}

result x509_trust_add_pem(struct x509_trust *trust, slice pem)
{
    size_t before = trust->count;
    ENSURE(pem.len > 0 && pem.len <= PEM_MAX, X509_FORM);
    BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    ENSURE(in, NO_MEMORY);
    result added = OK;
    for (bool more = true; more && !FAILED(added);)
        added = add_block(trust, in, &more);
    BIO_free(in);
    TRY(added);
    ENSURE(trust->count > before, X509_FORM);
    return OK;
}

/* --- judging a chain
 * -------------------------------------------------------------------------------------------------- */

static result failure_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
        return FAIL(X509_VALIDITY);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED:
        return FAIL(X509_UNTRUSTED);
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return FAIL(X509_CA);
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
        return FAIL(X509_SIGNATURE);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return FAIL(X509_WEAK);
    case X509_V_ERR_OUT_OF_MEM:
        return FAIL(NO_MEMORY);
    default:
        return FAIL(X509_REFUSED);
    }
}

/* OpenSSL is lenient here where RFC 5280 4.2.1.3 and 4.2.1.9 are not: it takes v1 roots and CAs without a key usage. */
static bool may_issue(X509 *issuer, bool trusted)
{
    uint32_t usage = X509_get_key_usage(issuer); /* UINT32_MAX: no such extension */
    if (X509_check_ca(issuer) != 1)
        return false;
    return usage == UINT32_MAX ? trusted : (usage & KU_KEY_CERT_SIGN) != 0;
}

static bool may_sign(X509 *leaf)
{
    return X509_check_ca(leaf) == 0 && (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE);
}

/* The path that was built has the given certificates in the given order, and each may do what it did. */
static result check_path(STACK_OF(X509) * path, STACK_OF(X509) * given)
{
    int length = sk_X509_num(path);
    for (int i = 0; i < length && i < sk_X509_num(given); i++)
        ENSURE(X509_cmp(sk_X509_value(path, i), sk_X509_value(given, i)) == 0, X509_ORDER);
    ENSURE(may_sign(sk_X509_value(path, 0)), X509_CA);
    for (int i = 1; i < length; i++)
        ENSURE(may_issue(sk_X509_value(path, i), i == length - 1), X509_CA);
    return OK;
}

static result earliest_end(STACK_OF(X509) * path, int64_t *out)
{
    *out = INT64_MAX;
    for (int i = 0; i < sk_X509_num(path); i++) {
        int days, seconds;
        ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
        bool known = epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(sk_X509_value(path, i))) == 1;
        ASN1_TIME_free(epoch);
        ENSURE(known, X509_VALIDITY);
        int64_t end = (int64_t)days * 86400 + seconds;
        if (end < *out)
            *out = end;
    }
    return OK;
}

static result leaf_key(X509 *leaf, struct public_key **out)
{
    uint8_t *spki = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &spki);
    ENSURE(length > 0, SIGNATURE_KEY);
    result made = public_key_new(slice_of(spki, (size_t)length), out);
    OPENSSL_free(spki);
    return made;
}

static result judge(X509_STORE_CTX *ctx, STACK_OF(X509) * given, int64_t now, struct x509_verified *out)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_depth(param, X509_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    ENSURE(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) == 1, CRYPTO);
    if (X509_verify_cert(ctx) != 1)
        return failure_of(X509_STORE_CTX_get_error(ctx));
    TRY(check_path(X509_STORE_CTX_get0_chain(ctx), given));
    TRY(earliest_end(X509_STORE_CTX_get0_chain(ctx), &out->not_after));
    return leaf_key(sk_X509_value(given, 0), &out->leaf_key);
}

static result decode_all(const struct x509_chain *chain, STACK_OF(X509) * into)
{
    for (size_t i = 0; i < chain->count; i++) {
        X509 *certificate = decode(chain->certificates[i]);
        ENSURE(certificate, X509_FORM);
        if (sk_X509_push(into, certificate) <= 0) {
            X509_free(certificate);
            return FAIL(NO_MEMORY);
        }
    }
    return OK;
}

static result verify_given(const struct x509_trust *trust, STACK_OF(X509) * given, int64_t now,
                           struct x509_verified *out)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    ENSURE(ctx, NO_MEMORY);
    result judged = FAIL(NO_MEMORY);
    if (X509_STORE_CTX_init(ctx, trust->store, sk_X509_value(given, 0), given) == 1)
        judged = judge(ctx, given, now, out);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return judged;
}

result x509_verify_chain(const struct x509_trust *trust, const struct x509_chain *chain, int64_t now,
                         struct x509_verified *out)
{
    *out = (struct x509_verified){0};
    ENSURE(chain->count > 0 && chain->count <= X509_CHAIN_MAX, X509_LENGTH);
    STACK_OF(X509) *given = sk_X509_new_reserve(NULL, X509_CHAIN_MAX);
    ENSURE(given, NO_MEMORY);
    result done = decode_all(chain, given);
    if (!FAILED(done))
        done = verify_given(trust, given, now, out);
    sk_X509_pop_free(given, X509_free);
    return done;
}
