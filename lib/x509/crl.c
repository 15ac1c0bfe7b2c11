/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/crl.h"

#include <stdlib.h>

#include "lib/x509/algorithm.h"
#include "lib/x509/der.h"

#define VERSION_2 1
#define SERIAL_MAX 20 /* octets: RFC 5280, 4.1.2.2 */
#define ENTRY_EXTENSIONS_MAX 8
#define LIST_EXTENSIONS_MAX 16

/* id-ce, 2.5.29 */
#define CRL_NUMBER S("\x55\x1d\x14")
#define REASON_CODE S("\x55\x1d\x15")
#define INVALIDITY_DATE S("\x55\x1d\x18")
#define DELTA_INDICATOR S("\x55\x1d\x1b")
#define DISTRIBUTION_POINT S("\x55\x1d\x1c")
#define CERTIFICATE_ISSUER S("\x55\x1d\x1d")
#define AUTHORITY_KEY_ID S("\x55\x1d\x23")

struct serial {
    uint8_t length;
    uint8_t octets[SERIAL_MAX];
};

struct crl {
    int64_t this_update, next_update;
    uint64_t number;
    slice issuer_name, issuer_key; /* Name and SubjectPublicKeyInfo, behind the serial numbers */
    size_t count;
    struct serial serials[]; /* sorted */
};

/* The list as views into its bytes. */
struct list {
    slice tbs, issuer, entries, extensions, signature;
    int64_t this_update, next_update;
    uint64_t number;
    slice authority_key_id;
    enum signature_scheme scheme;
    enum hash hash;
    bool version_2; /* may have extensions */
};

/* --- reading: RFC 5280, 5.1 */

static bool is_time(const struct reader *r)
{
    return der_next_is(r, DER_UTC_TIME) || der_next_is(r, DER_GENERALIZED_TIME);
}

static result read_tbs(slice content, slice algorithm, struct list *out)
{
    struct reader r = reader_of(content);
    slice inner, issuer;
    uint64_t version;
    out->version_2 = der_next_is(&r, DER_INTEGER);
    ENSURE(!out->version_2 || (der_read_u64(&r, &version) && version == VERSION_2), X509_FORM);
    ENSURE(der_read_whole(&r, DER_SEQUENCE, &inner, NULL) && slice_equal(inner, algorithm), X509_FORM);
    ENSURE(der_read_whole(&r, DER_SEQUENCE, &out->issuer, &issuer) && issuer.len, X509_FORM);
    ENSURE(der_read_time(&r, &out->this_update), X509_FORM);
    ENSURE(!is_time(&r) || der_read_time(&r, &out->next_update), X509_FORM);
    ENSURE(!der_next_is(&r, DER_SEQUENCE) || der_read(&r, DER_SEQUENCE, &out->entries), X509_FORM);
    ENSURE(r.left.len == 0 || (out->version_2 && der_read(&r, DER_CONTEXT(0), &out->extensions)), X509_FORM);
    ENSURE(read_done(&r), X509_FORM);
    return OK;
}

static result read_list(slice der, struct list *out)
{
    struct reader outer = reader_of(der);
    slice content, tbs, algorithm;
    *out = (struct list){.next_update = 0};
    ENSURE(der.len <= CRL_SIZE_MAX && der_read(&outer, DER_SEQUENCE, &content) && read_done(&outer), X509_FORM);
    struct reader r = reader_of(content);
    ENSURE(der_read_whole(&r, DER_SEQUENCE, &out->tbs, &tbs), X509_FORM);
    ENSURE(der_read_whole(&r, DER_SEQUENCE, &algorithm, NULL), X509_FORM);
    ENSURE(der_read_bits(&r, &out->signature) && read_done(&r), X509_FORM);
    TRY(read_tbs(tbs, algorithm, out));
    ENSURE(algorithm_read(algorithm, &out->scheme, &out->hash), X509_WEAK);
    return OK;
}

/* Whether one of `list` before the n-th has the same name. */
static bool is_double(slice list, slice oid, size_t n)
{
    struct reader r = reader_of(list);
    struct extension e;
    for (size_t i = 0; i < n && extension_read(&r, &e); i++)
        if (slice_equal(e.oid, oid))
            return true;
    return false;
}

/* What makes a list speak of less than all certificates of its issuer is critical by RFC 5280, 5.2.4, 5.2.5 and 5.3.3;
 * it is refused without that mark too. */
static bool is_refused(const struct extension *e)
{
    if (slice_equal(e->oid, DELTA_INDICATOR) || slice_equal(e->oid, DISTRIBUTION_POINT) ||
        slice_equal(e->oid, CERTIFICATE_ISSUER))
        return true;
    return e->critical && !slice_equal(e->oid, CRL_NUMBER) && !slice_equal(e->oid, AUTHORITY_KEY_ID) &&
           !slice_equal(e->oid, REASON_CODE) && !slice_equal(e->oid, INVALIDITY_DATE);
}

/* RFC 5280, 5.2.3: up to 20 octets; what does not fit 64 bits counts as none. */
static bool read_number(slice value, uint64_t *out)
{
    struct reader r = reader_of(value);
    slice number;
    if (!der_read_unsigned(&r, &number) || !read_done(&r))
        return false;
    for (size_t i = 0; i < number.len && number.len <= sizeof *out; i++)
        *out = *out << 8 | number.ptr[i];
    return true;
}

static result read_list_extensions(struct list *l)
{
    struct reader outer = reader_of(l->extensions);
    slice list;
    if (l->extensions.len == 0)
        return OK;
    ENSURE(der_read(&outer, DER_SEQUENCE, &list) && read_done(&outer), X509_FORM);
    struct reader r = reader_of(list);
    for (size_t n = 0; r.left.len; n++) {
        struct extension e;
        ENSURE(n < LIST_EXTENSIONS_MAX && extension_read(&r, &e) && !is_double(list, e.oid, n), X509_FORM);
        ENSURE(!is_refused(&e), X509_REFUSED);
        ENSURE(!slice_equal(e.oid, CRL_NUMBER) || read_number(e.value, &l->number), X509_FORM);
        ENSURE(!slice_equal(e.oid, AUTHORITY_KEY_ID) || authority_key_id_read(e.value, &l->authority_key_id),
               X509_FORM);
    }
    return OK;
}

static result read_entry_extensions(slice list)
{
    struct reader r = reader_of(list);
    for (size_t n = 0; r.left.len; n++) {
        struct extension e;
        ENSURE(n < ENTRY_EXTENSIONS_MAX && extension_read(&r, &e) && !is_double(list, e.oid, n), X509_FORM);
        ENSURE(!is_refused(&e), X509_REFUSED);
    }
    return OK;
}

/* revokedCertificates: serial number, date, extensions. */
static result read_entry(struct reader *r, bool version_2, slice *serial)
{
    slice content, extensions;
    int64_t date;
    ENSURE(der_read(r, DER_SEQUENCE, &content), X509_FORM);
    struct reader e = reader_of(content);
    ENSURE(der_read_unsigned(&e, serial) && serial->len <= SERIAL_MAX && der_read_time(&e, &date), X509_FORM);
    if (e.left.len == 0)
        return OK;
    ENSURE(version_2 && der_read(&e, DER_SEQUENCE, &extensions) && read_done(&e), X509_FORM);
    return read_entry_extensions(extensions);
}

static result count_entries(const struct list *l, size_t *count)
{
    struct reader r = reader_of(l->entries);
    *count = 0;
    while (r.left.len) {
        slice serial;
        TRY(read_entry(&r, l->version_2, &serial));
        ++*count;
    }
    return OK;
}

/* --- the issuer */

static bool may_sign_lists(const struct certificate *issuer)
{
    return !issuer->has_key_usage || (issuer->key_usage & (KEY_USAGE_CERT_SIGN | KEY_USAGE_CRL_SIGN));
}

static result check_signature(const struct list *l, const struct certificate *issuer)
{
    struct public_key *key;
    TRY(public_key_new(issuer->spki, &key));
    result verified = algorithm_verify(key, l->scheme, l->hash, l->signature, l->tbs);
    public_key_free(key);
    return verified;
}

static result check_issuer(const struct list *l, const struct certificate *issuer)
{
    ENSURE(slice_equal(l->issuer, issuer->subject), X509_ORDER);
    ENSURE(l->authority_key_id.len == 0 || issuer->key_id.len == 0 || slice_equal(l->authority_key_id, issuer->key_id),
           X509_ORDER);
    ENSURE(issuer->is_ca && may_sign_lists(issuer), X509_CA);
    return check_signature(l, issuer);
}

/* --- the list that is kept */

static int compare(slice a, slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

static slice serial_of(const struct serial *s)
{
    return slice_of(s->octets, s->length);
}

static int compare_serials(const void *a, const void *b)
{
    return compare(serial_of(a), serial_of(b));
}

/* The entries were read once already, so that reading them again cannot fail. */
static result fill(const struct list *l, struct crl *crl)
{
    struct reader r = reader_of(l->entries);
    for (size_t i = 0; i < crl->count; i++) {
        slice serial;
        TRY(read_entry(&r, l->version_2, &serial));
        crl->serials[i].length = (uint8_t)serial.len;
        memcpy(crl->serials[i].octets, serial.ptr, serial.len);
    }
    qsort(crl->serials, crl->count, sizeof *crl->serials, compare_serials);
    for (size_t i = 1; i < crl->count; i++)
        ENSURE(compare_serials(&crl->serials[i - 1], &crl->serials[i]) != 0, X509_FORM);
    return OK;
}

static slice append(uint8_t **at, slice bytes)
{
    slice copy = slice_of(*at, bytes.len);
    memcpy(*at, bytes.ptr, bytes.len);
    *at += bytes.len;
    return copy;
}

static result make(const struct list *l, const struct certificate *issuer, struct crl *crl)
{
    uint8_t *behind = (uint8_t *)&crl->serials[crl->count];
    crl->this_update = l->this_update;
    crl->next_update = l->next_update;
    crl->number = l->number;
    crl->issuer_name = append(&behind, issuer->subject);
    crl->issuer_key = append(&behind, issuer->spki);
    return fill(l, crl);
}

result crl_new(slice der, const struct certificate *issuer, struct crl **out)
{
    struct list l;
    size_t count;
    *out = NULL;
    TRY(read_list(der, &l));
    TRY(read_list_extensions(&l));
    TRY(check_issuer(&l, issuer));
    TRY(count_entries(&l, &count));
    size_t size = sizeof(struct crl) + count * sizeof(struct serial) + (size_t)(issuer->subject.len + issuer->spki.len);
    struct crl *crl = calloc(1, size);
    ENSURE(crl, NO_MEMORY);
    crl->count = count;
    result made = make(&l, issuer, crl);
    if (FAILED(made)) {
        free(crl);
        return made;
    }
    *out = crl;
    return OK;
}

void crl_free(struct crl *crl)
{
    free(crl);
}

int64_t crl_this_update(const struct crl *crl)
{
    return crl->this_update;
}

int64_t crl_next_update(const struct crl *crl)
{
    return crl->next_update;
}

uint64_t crl_number(const struct crl *crl)
{
    return crl->number;
}

size_t crl_count(const struct crl *crl)
{
    return crl->count;
}

bool crl_is_of(const struct crl *crl, const struct certificate *issuer)
{
    return slice_equal(crl->issuer_name, issuer->subject) && slice_equal(crl->issuer_key, issuer->spki);
}

bool crl_lists(const struct crl *crl, slice serial)
{
    size_t low = 0, high = crl->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(serial, serial_of(&crl->serials[middle]));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}
