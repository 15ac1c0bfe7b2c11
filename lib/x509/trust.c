/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/trust.h"

#include <stdlib.h>

#include "lib/x509/der.h"

#define PEM_MAX (1024 * 1024)
#define RSA_OCTETS_MIN 256
#define OID_RSA S("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")

/* --- keys */

/* RFC 3279, 2.3.1 */
static bool is_short_rsa(slice spki)
{
    struct reader outer = reader_of(spki);
    slice content, algorithm, oid, key, numbers, modulus;
    if (!der_read(&outer, DER_SEQUENCE, &content))
        return false;
    struct reader r = reader_of(content);
    if (!der_read(&r, DER_SEQUENCE, &algorithm) || !der_read_bits(&r, &key))
        return false;
    struct reader a = reader_of(algorithm), k = reader_of(key);
    if (!der_read(&a, DER_OID, &oid) || !slice_equal(oid, OID_RSA) || !der_read(&k, DER_SEQUENCE, &numbers))
        return false;
    struct reader n = reader_of(numbers);
    if (!der_read_unsigned(&n, &modulus))
        return false;
    return modulus.len < RSA_OCTETS_MIN || (modulus.len == RSA_OCTETS_MIN && !(modulus.ptr[0] & 0x80));
}

result x509_key_new(slice spki, struct public_key **out)
{
    result made = public_key_new(spki, out);
    return made.reason == SIGNATURE_KEY && is_short_rsa(spki) ? FAIL(X509_WEAK) : made;
}

/* --- anchors */

result x509_trust_new(struct x509_trust **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out, NO_MEMORY);
    return OK;
}

static void anchor_free(struct anchor *a)
{
    if (!a)
        return;
    public_key_free(a->key);
    free(a);
}

void x509_trust_free(struct x509_trust *trust)
{
    if (!trust)
        return;
    while (trust->first) {
        struct anchor *next = trust->first->next;
        anchor_free(trust->first);
        trust->first = next;
    }
    free(trust);
}

size_t x509_trust_count(const struct x509_trust *trust)
{
    return trust->count;
}

static result anchor_new(slice der, struct anchor **out)
{
    struct anchor *a = calloc(1, sizeof *a + der.len);
    *out = a;
    ENSURE(a, NO_MEMORY);
    memcpy(a->der, der.ptr, der.len);
    TRY(certificate_read_trusted(slice_of(a->der, der.len), &a->certificate));
    return x509_key_new(a->certificate.spki, &a->key);
}

result x509_trust_add_der(struct x509_trust *trust, slice der)
{
    struct anchor *a;
    ENSURE(der.len > 0 && der.len <= X509_CERTIFICATE_MAX, X509_FORM);
    result made = anchor_new(der, &a);
    if (FAILED(made)) {
        anchor_free(a);
        return made;
    }
    if (trust->last)
        trust->last->next = a;
    else
        trust->first = a;
    trust->last = a;
    trust->count++;
    return OK;
}

result x509_trust_add_pem(struct x509_trust *trust, slice pem)
{
    uint8_t room[X509_CERTIFICATE_MAX];
    size_t before = trust->count;
    ENSURE(pem.len > 0 && pem.len <= PEM_MAX, X509_FORM);
    for (;;) {
        slice der;
        TRY(pem_next_certificate(&pem, room, sizeof room, &der));
        if (der.len == 0)
            break;
        TRY(x509_trust_add_der(trust, der));
    }
    ENSURE(trust->count > before, X509_FORM);
    return OK;
}
