/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and revocation lists that lie in files: which item each is, is told by the names inside. That proves
 * nothing, and need not: whoever takes an item has it judged.
 */
#include "core/collateral/offline_internal.h"

#include "lib/x509/der.h"
#include "lib/x509/x509.h"

#define PEM_MAX 16 /* certificates in one text */

#define BEGIN_LIST S("-----BEGIN X509 CRL-----")
#define END_LIST S("-----END X509 CRL-----")

bool offline_is_der(slice bytes)
{
    return bytes.len > 4 && bytes.ptr[0] == DER_SEQUENCE && bytes.ptr[1] >= 0x80;
}

static size_t find(slice in, slice what)
{
    const uint8_t *hit = in.len ? memmem(in.ptr, in.len, what.ptr, what.len) : NULL;
    return hit ? (size_t)(hit - in.ptr) : in.len;
}

bool offline_is_pem(slice bytes)
{
    return find(slice_sub(bytes, 0, 4096), S("-----BEGIN ")) < bytes.len && find(bytes, S("-----BEGIN ")) < bytes.len &&
           bytes.ptr[0] != '{';
}

/* The common name of a Name (RFC 5280, 4.1.2.4); empty where there is none. */
static slice common_name(slice name)
{
    static const uint8_t cn[] = {0x55, 0x04, 0x03};
    slice sequence = NO_SLICE, set, pair, oid, text;
    struct reader names = reader_of(name);
    (void)der_read(&names, DER_SEQUENCE, &sequence);
    names = reader_of(sequence);
    while (names.left.len && der_read(&names, DER_SET, &set)) {
        struct reader one = reader_of(set);
        if (!der_read(&one, DER_SEQUENCE, &pair))
            break;
        one = reader_of(pair);
        if (!der_read(&one, DER_OID, &oid) || !slice_equal(oid, slice_of(cn, sizeof cn)))
            continue;
        if (der_read(&one, one.left.len ? one.left.ptr[0] : DER_NULL, &text))
            return text;
    }
    return NO_SLICE;
}

/* --- AMD's chip certificates --- */

/* 1.3.6.1.4.1.3704.1 and what follows it */
static bool amd_extension(const struct certificate *c, uint8_t first, uint8_t second, slice *value)
{
    uint8_t oid[11] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01, first, second};
    return certificate_extension(c, slice_of(oid, second ? 10 : 9), value);
}

static bool svn(const struct certificate *c, uint8_t which, uint64_t *out)
{
    slice value;
    if (!amd_extension(c, 3, which, &value))
        return false;
    struct reader r = reader_of(value);
    return der_read_u64(&r, out) && *out <= 255;
}

/* "Milan-B0": the product is what stands before the stepping. */
static slice product_of(const struct certificate *c)
{
    slice value, text;
    if (!amd_extension(c, 2, 0, &value))
        return NO_SLICE;
    struct reader r = reader_of(value);
    return der_read(&r, DER_IA5_STRING, &text) ? slice_sub(text, 0, slice_find(text, '-')) : NO_SLICE;
}

/* The octets stand bare, or with tag and length. */
static slice hardware_id(const struct certificate *c)
{
    slice value = NO_SLICE, inner;
    if (!amd_extension(c, 4, 0, &value) || value.len == 64 || value.len == 8)
        return value;
    struct reader r = reader_of(value);
    return der_read(&r, DER_OCTET_STRING, &inner) ? inner : NO_SLICE;
}

bool vcek_key(struct arena *a, slice der, slice folder, slice *key)
{
    struct certificate c;
    uint64_t bl, tee, snp, ucode, fmc;
    if (FAILED(certificate_read(der, &c)))
        return false;
    slice product = product_of(&c), id = hardware_id(&c);
    if (!svn(&c, 1, &bl) || !svn(&c, 2, &tee) || !svn(&c, 3, &snp) || !svn(&c, 8, &ucode) || !id.len)
        return false;
    bool has_fmc = svn(&c, 9, &fmc);
    struct text t = text_begin(a);
    text_add(&t, product);
    text_lit(&t, "/");
    if (folder.len)
        text_add(&t, folder);
    else
        text_hex(&t, id);
    const uint64_t numbers[] = {bl, tee, snp, ucode, fmc};
    for (size_t i = 0; i < (has_fmc ? 5u : 4u); i++) {
        text_add(&t, i ? S("-") : S("/"));
        text_u64(&t, numbers[i]);
    }
    *key = text_end(&t);
    return key->ptr && collateral_is_name(S("amd/vcek"), *key);
}

/* --- revocation lists --- */

static slice list_issuer(slice der)
{
    slice outer = NO_SLICE, tbs = NO_SLICE, name = NO_SLICE, skipped;
    struct reader r = reader_of(der);
    (void)der_read(&r, DER_SEQUENCE, &outer);
    r = reader_of(outer);
    (void)der_read(&r, DER_SEQUENCE, &tbs);
    r = reader_of(tbs);
    if (der_next_is(&r, DER_INTEGER))
        (void)der_skip(&r);
    (void)der_read(&r, DER_SEQUENCE, &skipped);
    return der_read_whole(&r, DER_SEQUENCE, &name, NULL) ? common_name(name) : NO_SLICE;
}

static result add_amd_crl(struct offline_items *to, slice der, slice product)
{
    static const char *const leaves[] = {"vcek", "vlek"};
    for (size_t i = 0; i < 2; i++) {
        struct collateral_item item = {.kind = S("amd/crl"), .bytes = der};
        item.key = arena_printf(to->arena, "%.*s/%s", SLICE_ARG(product), leaves[i]);
        TRY(items_add(to, &item, false));
    }
    return OK;
}

result offline_add_crl(struct offline_items *to, slice der, const struct collateral_item *as, bool alone)
{
    slice issuer = list_issuer(der);
    struct collateral_item item = *as;
    item.bytes = der;
    if (slice_starts(issuer, S("ARK-")) && !as->kind.len)
        return add_amd_crl(to, der, slice_sub(issuer, 4, issuer.len));
    if (slice_equal(issuer, S("Intel SGX PCK Platform CA")))
        item.kind = S("intel/pck-crl"), item.key = S("platform");
    else if (slice_equal(issuer, S("Intel SGX PCK Processor CA")))
        item.kind = S("intel/pck-crl"), item.key = S("processor");
    else if (slice_equal(issuer, S("Intel SGX Root CA")))
        item.kind = S("intel/root-crl"), item.key = S("root");
    return item.kind.len ? items_add(to, &item, alone) : OK;
}

/* --- DER --- */

result offline_read_der(struct offline_items *to, slice der, bool alone)
{
    struct certificate c;
    struct collateral_item item = {.kind = S("amd/vcek"), .bytes = der};
    if (FAILED(certificate_read(der, &c)))
        return offline_add_crl(to, der, &(struct collateral_item){0}, alone);
    /* Without a name of its own it can still be the certificate of the one report that it was named with. */
    bool named = vcek_key(to->arena, der, NO_SLICE, &item.key);
    bool amd = named || slice_equal(common_name(c.subject), S("SEV-VCEK"));
    return amd ? items_add(to, &item, alone) : OK;
}

/* --- PEM --- */

struct block {
    slice text, der, name;
};

static result read_blocks(struct offline_items *to, slice pem, struct block at[PEM_MAX], size_t *count)
{
    *count = 0;
    slice rest = pem;
    while (*count < PEM_MAX) {
        struct certificate c;
        slice before = slice_sub(rest, find(rest, S("-----BEGIN ")), rest.len);
        uint8_t *room = arena_alloc(to->arena, X509_CERTIFICATE_MAX, 1);
        ENSURE(room, NO_MEMORY);
        struct block *b = &at[*count];
        if (FAILED(pem_next_certificate(&rest, room, X509_CERTIFICATE_MAX, &b->der)))
            return items_refuse(to, "it has a PEM block that is no certificate");
        to->arena->used -= X509_CERTIFICATE_MAX - b->der.len; /* it is the last that was taken */
        if (!b->der.len)
            return OK;
        b->text = slice_sub(before, 0, before.len - rest.len);
        b->name = FAILED(certificate_read(b->der, &c)) ? NO_SLICE : common_name(c.subject);
        ++*count;
    }
    return OK;
}

static result add_amd_chain(struct offline_items *to, const struct block *ca, slice product, slice leaf,
                            const struct block *roots, size_t count)
{
    struct arena *a = to->arena;
    slice root = arena_printf(a, "ARK-%.*s", SLICE_ARG(product));
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(roots[i].name, root))
            continue;
        struct collateral_item item = {.kind = S("amd/ca-chain")};
        item.key = arena_printf(a, "%.*s/%.*s", SLICE_ARG(product), SLICE_ARG(leaf));
        item.bytes = arena_printf(a, "%.*s%.*s", SLICE_ARG(ca->text), SLICE_ARG(roots[i].text));
        ENSURE(item.bytes.ptr, NO_MEMORY);
        return items_add(to, &item, false);
    }
    return OK;
}

static result add_amd_blocks(struct offline_items *to, const struct block *blocks, size_t count, bool alone)
{
    for (size_t i = 0; i < count; i++) {
        slice name = blocks[i].name;
        if (slice_equal(name, S("SEV-VCEK")))
            TRY(offline_read_der(to, blocks[i].der, alone));
        else if (slice_starts(name, S("SEV-VLEK-")))
            TRY(add_amd_chain(to, &blocks[i], slice_sub(name, 9, name.len), S("vlek"), blocks, count));
        else if (slice_starts(name, S("SEV-")))
            TRY(add_amd_chain(to, &blocks[i], slice_sub(name, 4, name.len), S("vcek"), blocks, count));
    }
    return OK;
}

result offline_add_pck(struct offline_items *to, slice pem)
{
    struct block blocks[PEM_MAX];
    size_t count;
    TRY(read_blocks(to, pem, blocks, &count));
    if (!count)
        return items_refuse(to, "its PCK certificate chain has no certificate");
    struct collateral_item item = {.kind = S("intel/pck"), .bytes = blocks[0].text};
    size_t rest = count > 1 ? (size_t)(blocks[1].text.ptr - pem.ptr) : pem.len;
    item.chain = slice_sub(pem, rest, pem.len);
    return items_add(to, &item, true);
}

bool offline_pck_is_processor(struct arena *a, slice pem)
{
    struct certificate c;
    slice der = NO_SLICE;
    size_t used = a->used;
    uint8_t *room = arena_alloc(a, X509_CERTIFICATE_MAX, 1);
    bool is = room && !FAILED(pem_next_certificate(&pem, room, X509_CERTIFICATE_MAX, &der)) &&
              !FAILED(certificate_read(der, &c)) && slice_equal(common_name(c.issuer), S("Intel SGX PCK Processor CA"));
    a->used = used;
    return is;
}

static result read_pem_list(struct offline_items *to, slice pem, const struct collateral_item *as, bool alone)
{
    size_t start = find(pem, BEGIN_LIST) + BEGIN_LIST.len, end = find(pem, END_LIST), used = 0, length;
    uint8_t *room = arena_alloc(to->arena, pem.len, 1);
    ENSURE(room, NO_MEMORY);
    for (size_t i = start; i < end; i++)
        if (pem.ptr[i] > ' ')
            room[used++] = pem.ptr[i];
    if (end >= pem.len || !base64_decode(room, used, slice_of(room, used), &length))
        return items_refuse(to, "it has a revocation list whose PEM is broken");
    return offline_add_crl(to, slice_of(room, length), as, alone);
}

result offline_read_list(struct offline_items *to, slice text, const struct collateral_item *as, bool alone)
{
    slice der;
    if (find(text, BEGIN_LIST) < text.len)
        return read_pem_list(to, text, as, alone);
    if (!offline_unhex(to->arena, text, &der))
        return items_refuse(to, "a revocation list is neither hex nor PEM");
    return offline_add_crl(to, der, as, alone);
}

result offline_read_pem(struct offline_items *to, slice pem, bool alone)
{
    struct block blocks[PEM_MAX];
    size_t count;
    if (find(pem, BEGIN_LIST) < pem.len)
        return read_pem_list(to, pem, &(struct collateral_item){0}, alone);
    TRY(read_blocks(to, pem, blocks, &count));
    if (!count)
        return OK;
    if (slice_equal(blocks[0].name, S("Intel SGX TCB Signing")))
        to->tcb_chain = pem;
    else if (slice_equal(blocks[0].name, S("Intel SGX PCK Platform CA")))
        to->pck_chain[0] = pem;
    else if (slice_equal(blocks[0].name, S("Intel SGX PCK Processor CA")))
        to->pck_chain[1] = pem;
    else if (alone && slice_equal(blocks[0].name, S("Intel SGX PCK Certificate")))
        return offline_add_pck(to, pem);
    return add_amd_blocks(to, blocks, count, alone);
}
