/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/x5c_header.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define CHAIN_MAX 8

static result add(X509 *certificate, struct text *t)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    ENSURE(size > 0, CRYPTO);
    text_lit(t, "\"");
    text_base64(t, slice_of(der, (size_t)size));
    text_lit(t, "\"");
    OPENSSL_free(der);
    return OK;
}

static result is_key_of(slice pem, const struct jws_signer *signer)
{
    struct jws_key *leaf = NULL, *own = NULL;
    result r = jws_key_from_pem(pem, &leaf);
    if (!FAILED(r))
        r = jws_signer_public(signer, &own);
    if (!FAILED(r) && !jws_key_equal(leaf, own))
        r = FAIL(TOKEN_UNTRUSTED);
    jws_key_free(leaf);
    jws_key_free(own);
    return FAILED(r) ? FAIL(TOKEN_UNTRUSTED) : OK;
}

result x5c_from_pem(slice pem, const struct jws_signer *signer, struct arena *a, slice *out)
{
    TRY(is_key_of(pem, signer));
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    ENSURE(bio, NO_MEMORY);
    result r = OK;
    size_t count = 0;
    X509 *certificate;
    ERR_clear_error();
    struct text t = text_begin(a);
    text_lit(&t, "[");
    while (!FAILED(r) && count <= CHAIN_MAX && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (count++)
            text_lit(&t, ",");
        r = add(certificate, &t);
        X509_free(certificate);
    }
    BIO_free(bio);
    /* Only the end of the text may end the chain: not a certificate that cannot be read, and not their number. */
    if (!FAILED(r) && (count > CHAIN_MAX || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
        r = FAIL(TOKEN_UNTRUSTED);
    ERR_clear_error();
    text_lit(&t, "]");
    *out = text_end(&t);
    TRY(r);
    ENSURE(count, TOKEN_UNTRUSTED);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}
