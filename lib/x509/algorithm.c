/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/algorithm.h"

#include "lib/x509/der.h"

#define OID_RSASSA_PSS S("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
#define OID_MGF1 S("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")

/* Whole contents of the SEQUENCE: ECDSA has no parameters (RFC 5758, 3.2), PKCS #1 v1.5 has NULL (RFC 4055, 5). */
static const struct {
    const char *bytes;
    size_t length;
    enum signature_scheme scheme;
    enum hash hash;
} ALGORITHMS[] = {
    {"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10, SIGNATURE_ECDSA, HASH_SHA256},
    {"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 10, SIGNATURE_ECDSA, HASH_SHA384},
    {"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", 10, SIGNATURE_ECDSA, HASH_SHA512},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00", 13, SIGNATURE_RSASSA, HASH_SHA256},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00", 13, SIGNATURE_RSASSA, HASH_SHA384},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00", 13, SIGNATURE_RSASSA, HASH_SHA512},
};

/* 2.16.840.1.101.3.4.2.n */
static const struct {
    const char *oid;
    enum hash hash;
} DIGESTS[] = {
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x01", HASH_SHA256},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x02", HASH_SHA384},
    {"\x60\x86\x48\x01\x65\x03\x04\x02\x03", HASH_SHA512},
};
#define DIGEST_OID_SIZE 9

/* A digest's AlgorithmIdentifier: RFC 4055, 2.1 wants both absent parameters and NULL to be taken. */
static bool read_digest(struct reader *r, enum hash *out)
{
    slice content, oid;
    if (!der_read(r, DER_SEQUENCE, &content))
        return false;
    struct reader a = reader_of(content);
    if (!der_read(&a, DER_OID, &oid))
        return false;
    if (a.left.len && !(slice_equal(a.left, S("\x05\x00"))))
        return false;
    for (size_t i = 0; i < sizeof DIGESTS / sizeof *DIGESTS; i++)
        if (slice_equal(oid, slice_of(DIGESTS[i].oid, DIGEST_OID_SIZE))) {
            *out = DIGESTS[i].hash;
            return true;
        }
    return false;
}

static bool read_mgf1(struct reader *r, enum hash *out)
{
    slice content, oid;
    if (!der_read(r, DER_SEQUENCE, &content))
        return false;
    struct reader a = reader_of(content);
    return der_read(&a, DER_OID, &oid) && slice_equal(oid, OID_MGF1) && read_digest(&a, out) && read_done(&a);
}

/* The field [n] of RSASSA-PSS-params. Left out means SHA-1 or a salt of 20, which are not taken. */
static bool open_field(struct reader *r, uint8_t n, struct reader *out)
{
    slice content;
    bool good = der_read(r, DER_CONTEXT(n), &content);
    *out = reader_of(content);
    return good;
}

static bool read_pss(slice parameters, enum hash *hash)
{
    struct reader outer = reader_of(parameters), field;
    slice content;
    enum hash mask;
    uint64_t salt = 0, trailer = 1;
    if (!der_read(&outer, DER_SEQUENCE, &content) || !read_done(&outer))
        return false;
    struct reader r = reader_of(content);
    if (!open_field(&r, 0, &field) || !read_digest(&field, hash) || !read_done(&field))
        return false;
    if (!open_field(&r, 1, &field) || !read_mgf1(&field, &mask) || !read_done(&field))
        return false;
    if (!open_field(&r, 2, &field) || !der_read_u64(&field, &salt) || !read_done(&field))
        return false;
    /* DER would leave the default out; AMD writes it. */
    if (r.left.len && (!open_field(&r, 3, &field) || !der_read_u64(&field, &trailer) || !read_done(&field)))
        return false;
    return read_done(&r) && mask == *hash && salt == hash_size(*hash) && trailer == 1;
}

bool algorithm_read(slice identifier, enum signature_scheme *scheme, enum hash *hash)
{
    struct reader outer = reader_of(identifier);
    slice content, oid;
    if (!der_read(&outer, DER_SEQUENCE, &content) || !read_done(&outer))
        return false;
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++)
        if (slice_equal(content, slice_of(ALGORITHMS[i].bytes, ALGORITHMS[i].length))) {
            *scheme = ALGORITHMS[i].scheme;
            *hash = ALGORITHMS[i].hash;
            return true;
        }
    struct reader r = reader_of(content);
    *scheme = SIGNATURE_RSAPSS;
    return der_read(&r, DER_OID, &oid) && slice_equal(oid, OID_RSASSA_PSS) && read_pss(r.left, hash);
}

/* RFC 3279, 2.2.3 */
static bool split_ecdsa(slice signature, struct raw_signature *out)
{
    struct reader outer = reader_of(signature);
    slice content;
    if (!der_read(&outer, DER_SEQUENCE, &content) || !read_done(&outer))
        return false;
    struct reader r = reader_of(content);
    return der_read_unsigned(&r, &out->r) && der_read_unsigned(&r, &out->s) && read_done(&r);
}

result algorithm_verify(const struct public_key *key, enum signature_scheme scheme, enum hash hash, slice signature,
                        slice message)
{
    struct raw_signature raw = {.scheme = scheme, .hash = hash, .bytes = signature};
    ENSURE(signature_fits(key, scheme), X509_WEAK);
    ENSURE(scheme != SIGNATURE_ECDSA || split_ecdsa(signature, &raw), X509_SIGNATURE);
    result verified = signature_verify(key, &raw, message);
    return verified.reason == SIGNATURE_INVALID ? FAIL(X509_SIGNATURE) : verified;
}
