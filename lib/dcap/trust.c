/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/trust.h"

#include <stdlib.h>

#include "lib/dcap/collateral.h"

/* The anchor's own copy: what the operator's file held may go away before the trust does. */
static result anchor_new(slice der, struct dcap_anchor *out)
{
    out->der = malloc(der.len);
    ENSURE(out->der, NO_MEMORY);
    memcpy(out->der, der.ptr, der.len);
    TRY(certificate_read(slice_of(out->der, der.len), &out->certificate));
    ENSURE(out->certificate.is_ca, X509_CA);
    return public_key_new(out->certificate.spki, &out->key);
}

static void anchor_free(struct dcap_anchor *a)
{
    public_key_free(a->key);
    free(a->der);
}

static result add_der(struct dcap_trust *t, slice der)
{
    struct dcap_anchor anchor = {0};
    ENSURE(t->count < DCAP_ANCHORS_MAX, X509_LENGTH);
    result r = anchor_new(der, &anchor);
    if (!FAILED(r))
        r = x509_trust_add_der(t->x509, slice_of(anchor.der, der.len));
    if (FAILED(r)) {
        anchor_free(&anchor);
        return r;
    }
    t->anchors[t->count++] = anchor;
    return OK;
}

static result add_pem(struct dcap_trust *t, slice pem)
{
    uint8_t room[X509_CERTIFICATE_MAX];
    size_t before = t->count;
    for (;;) {
        slice der;
        TRY(pem_next_certificate(&pem, room, sizeof room, &der));
        if (der.len == 0)
            break;
        TRY(add_der(t, der));
    }
    ENSURE(t->count > before, X509_FORM);
    return OK;
}

result dcap_trust_begin(struct dcap_trust *t)
{
    *t = (struct dcap_trust){0};
    TRY(x509_trust_new(&t->x509));
    return add_der(t, INTEL_SGX_ROOT_CA);
}

result dcap_trust_add(struct dcap_trust *t, slice file)
{
    ENSURE(file.len > 0, X509_FORM);
    return file.ptr[0] == 0x30 ? add_der(t, file) : add_pem(t, file);
}

void dcap_trust_end(struct dcap_trust *t)
{
    for (size_t i = 0; i < t->count; i++)
        anchor_free(&t->anchors[i]);
    x509_trust_free(t->x509);
    *t = (struct dcap_trust){0};
}

result dcap_trust_ca(const struct dcap_trust *t, const struct certificate *ca)
{
    ENSURE(ca->is_ca, X509_CA);
    ENSURE(!ca->unknown_critical, X509_REFUSED);
    result r = FAIL(X509_UNTRUSTED);
    for (size_t i = 0; i < t->count && FAILED(r) && !dcap_is_fault(r); i++)
        if (slice_equal(t->anchors[i].certificate.subject, ca->issuer))
            r = certificate_verify(ca, t->anchors[i].key);
    return r;
}

bool dcap_trust_has(const struct dcap_trust *t, const struct certificate *c)
{
    for (size_t i = 0; i < t->count; i++)
        if (slice_equal(t->anchors[i].certificate.subject, c->subject) &&
            slice_equal(t->anchors[i].certificate.spki, c->spki))
            return true;
    return false;
}
