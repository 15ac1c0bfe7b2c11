/* SPDX-License-Identifier: Apache-2.0 */
#include "core/crypto/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define PEM_MAX 65536

static int no_passphrase(char *room, int size, int writing, void *context)
{
    (void)room, (void)size, (void)writing, (void)context;
    return -1;
}

EVP_PKEY *pem_private(slice pem)
{
    if (!pem.len || pem.len > PEM_MAX)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

static result take_text(BIO *bio, struct arena *a, slice *out)
{
    char *text;
    long size = BIO_get_mem_data(bio, &text);
    *out = size > 0 ? arena_copy(a, slice_of(text, (size_t)size)) : NO_SLICE;
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

result pem_write_private(const EVP_PKEY *pkey, struct arena *secret, slice *out)
{
    /* This kind of buffer is wiped when it is freed. */
    BIO *bio = BIO_new(BIO_s_secmem());
    bool written = bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1;
    *out = NO_SLICE;
    result r = written ? take_text(bio, secret, out) : FAIL(CRYPTO);
    BIO_free(bio);
    return r;
}

result pem_write_public(const EVP_PKEY *pkey, struct arena *a, slice *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio && PEM_write_bio_PUBKEY(bio, pkey) == 1;
    *out = NO_SLICE;
    result r = written ? take_text(bio, a, out) : FAIL(CRYPTO);
    BIO_free(bio);
    return r;
}
