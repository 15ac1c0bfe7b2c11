/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/certificate.h"

#include "lib/x509/algorithm.h"
#include "lib/x509/der.h"

#define VERSION_3 2
#define SERIAL_MAX 20     /* octets: RFC 5280, 4.1.2.2 */
#define EXTENSIONS_MAX 64 /* real certificates have a dozen; bounds the search for doubles */

/* id-ce, 2.5.29 */
#define SUBJECT_KEY_ID S("\x55\x1d\x0e")
#define KEY_USAGE S("\x55\x1d\x0f")
#define BASIC_CONSTRAINTS S("\x55\x1d\x13")
#define AUTHORITY_KEY_ID S("\x55\x1d\x23")
#define EXTENDED_KEY_USAGE S("\x55\x1d\x25")

/* --- extensions: RFC 5280, 4.2 */

bool extension_read(struct reader *r, struct extension *out)
{
    slice content;
    *out = (struct extension){0};
    if (!der_read(r, DER_SEQUENCE, &content))
        return false;
    struct reader e = reader_of(content);
    bool good = der_read(&e, DER_OID, &out->oid) &&
                (!der_next_is(&e, DER_BOOLEAN) || der_read_boolean(&e, &out->critical)) &&
                der_read(&e, DER_OCTET_STRING, &out->value) && read_done(&e);
    r->failed = !good;
    return good;
}

bool certificate_extension(const struct certificate *c, slice oid, slice *value)
{
    struct reader r = reader_of(c->extensions);
    struct extension e;
    *value = NO_SLICE;
    while (r.left.len && extension_read(&r, &e))
        if (slice_equal(e.oid, oid)) {
            *value = e.value;
            return true;
        }
    return false;
}

/* A path length without the CA bit is what RFC 5280, 4.2.1.9 forbids. */
static bool read_constraints(slice value, struct certificate *out)
{
    struct reader outer = reader_of(value);
    slice content;
    uint64_t length;
    if (!der_read(&outer, DER_SEQUENCE, &content) || !read_done(&outer))
        return false;
    struct reader r = reader_of(content);
    if (der_next_is(&r, DER_BOOLEAN) && !der_read_boolean(&r, &out->is_ca))
        return false;
    if (der_next_is(&r, DER_INTEGER)) {
        if (!out->is_ca || !der_read_u64(&r, &length))
            return false;
        out->path_length = length < INT16_MAX ? (int)length : INT16_MAX;
    }
    return read_done(&r);
}

/* A named bit list: bit 0 is the first octet's highest; there are nine of them. */
static bool read_usage(slice value, struct certificate *out)
{
    struct reader r = reader_of(value);
    slice bits;
    if (!der_read(&r, DER_BIT_STRING, &bits) || !read_done(&r))
        return false;
    if (bits.len < 2 || bits.len > 3 || bits.ptr[0] > 7 || (bits.ptr[bits.len - 1] & ((1u << bits.ptr[0]) - 1)))
        return false;
    out->has_key_usage = true;
    for (unsigned n = 0; n < 8 * (unsigned)(bits.len - 1); n++)
        if (bits.ptr[1 + n / 8] & (0x80u >> n % 8))
            out->key_usage |= 1u << n;
    return true;
}

bool authority_key_id_read(slice value, slice *key_id)
{
    struct reader outer = reader_of(value);
    slice content;
    *key_id = NO_SLICE;
    if (!der_read(&outer, DER_SEQUENCE, &content) || !read_done(&outer))
        return false;
    struct reader r = reader_of(content);
    if (der_next_is(&r, DER_CONTEXT_PRIMITIVE(0)) && !der_read(&r, DER_CONTEXT_PRIMITIVE(0), key_id))
        return false;
    while (r.left.len && der_skip(&r)) /* the issuer's names and serial number, which nobody needs */
        ;
    return read_done(&r);
}

static bool read_key_id(slice value, slice *key_id)
{
    struct reader r = reader_of(value);
    return der_read(&r, DER_OCTET_STRING, key_id) && read_done(&r);
}

static bool take_extension(const struct extension *e, struct certificate *out)
{
    if (slice_equal(e->oid, BASIC_CONSTRAINTS))
        return read_constraints(e->value, out);
    if (slice_equal(e->oid, KEY_USAGE))
        return read_usage(e->value, out);
    if (slice_equal(e->oid, EXTENDED_KEY_USAGE))
        return true;
    out->unknown_critical = out->unknown_critical || e->critical;
    if (slice_equal(e->oid, SUBJECT_KEY_ID))
        return read_key_id(e->value, &out->key_id);
    if (slice_equal(e->oid, AUTHORITY_KEY_ID))
        return authority_key_id_read(e->value, &out->authority_key_id);
    return true;
}

static bool is_double(slice extensions, slice oid, size_t before)
{
    struct reader r = reader_of(extensions);
    struct extension e;
    for (size_t i = 0; i < before && extension_read(&r, &e); i++)
        if (slice_equal(e.oid, oid))
            return true;
    return false;
}

static bool read_extensions(slice list, struct certificate *out)
{
    struct reader outer = reader_of(list);
    if (!der_read(&outer, DER_SEQUENCE, &out->extensions) || !read_done(&outer) || out->extensions.len == 0)
        return false;
    struct reader r = reader_of(out->extensions);
    for (size_t n = 0; r.left.len; n++) {
        struct extension e;
        if (n == EXTENSIONS_MAX || !extension_read(&r, &e) || is_double(out->extensions, e.oid, n) ||
            !take_extension(&e, out))
            return false;
    }
    return true;
}

/* --- the certificate: RFC 5280, 4.1 */

static bool read_version(struct reader *r)
{
    slice content;
    uint64_t version = 0;
    if (!der_read(r, DER_CONTEXT(0), &content))
        return false;
    struct reader v = reader_of(content);
    return der_read_u64(&v, &version) && read_done(&v) && version == VERSION_3;
}

static bool read_validity(struct reader *r, struct certificate *out)
{
    slice content;
    if (!der_read(r, DER_SEQUENCE, &content))
        return false;
    struct reader v = reader_of(content);
    return der_read_time(&v, &out->not_before) && der_read_time(&v, &out->not_after) && read_done(&v);
}

/* Unique identifiers, which RFC 5280 tells CAs not to make, are refused. */
static bool read_tbs(slice content, slice algorithm, struct certificate *out)
{
    struct reader r = reader_of(content);
    slice inner, issuer, extensions;
    if (!read_version(&r) || !der_read_unsigned(&r, &out->serial) || out->serial.len > SERIAL_MAX ||
        !der_read_whole(&r, DER_SEQUENCE, &inner, NULL) || !slice_equal(inner, algorithm) ||
        !der_read_whole(&r, DER_SEQUENCE, &out->issuer, &issuer) || issuer.len == 0 || !read_validity(&r, out) ||
        !der_read_whole(&r, DER_SEQUENCE, &out->subject, NULL) || !der_read_whole(&r, DER_SEQUENCE, &out->spki, NULL))
        return false;
    if (r.left.len == 0)
        return true;
    return der_read(&r, DER_CONTEXT(3), &extensions) && read_done(&r) && read_extensions(extensions, out);
}

result certificate_read_trusted(slice der, struct certificate *out)
{
    struct reader outer = reader_of(der);
    slice content, tbs, algorithm;
    *out = (struct certificate){.der = der, .path_length = -1};
    ENSURE(der_read(&outer, DER_SEQUENCE, &content) && read_done(&outer), X509_FORM);
    struct reader r = reader_of(content);
    ENSURE(der_read_whole(&r, DER_SEQUENCE, &out->tbs, &tbs), X509_FORM);
    ENSURE(der_read_whole(&r, DER_SEQUENCE, &algorithm, NULL), X509_FORM);
    ENSURE(der_read_bits(&r, &out->signature) && read_done(&r), X509_FORM);
    ENSURE(read_tbs(tbs, algorithm, out), X509_FORM);
    if (!algorithm_read(algorithm, &out->scheme, &out->hash))
        out->scheme = SIGNATURE_SCHEME_COUNT;
    return OK;
}

result certificate_read(slice der, struct certificate *out)
{
    TRY(certificate_read_trusted(der, out));
    ENSURE(out->scheme != SIGNATURE_SCHEME_COUNT, X509_WEAK);
    return OK;
}

result certificate_verify(const struct certificate *c, const struct public_key *issuer)
{
    ENSURE(c->scheme != SIGNATURE_SCHEME_COUNT, X509_WEAK);
    return algorithm_verify(issuer, c->scheme, c->hash, c->signature, c->tbs);
}
