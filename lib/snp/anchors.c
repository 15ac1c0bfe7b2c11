/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/snp/vek.h"

#include <stdlib.h>

#include "lib/snp/name.h"
#include "lib/snp/roots.h"

#define CHAIN_MAX 3 /* ARK, ASK, ASVK */

struct anchor {
    struct anchor *next;
    const struct anchor *ark;       /* of an ASK or ASVK; an ARK's own */
    struct certificate certificate; /* views into der */
    struct snp_name name;
    struct public_key *key;
    uint8_t der[];
};

struct snp_anchors {
    struct anchor *first;
    struct x509_trust *trust; /* all of them */
};

struct snp_vek {
    struct x509_path *path;
    struct snp_vek_facts facts; /* views into the path */
};

/* --- making them ---------------------------------------------------------------------------------------------------
 */

static void anchor_free(struct anchor *a)
{
    if (!a)
        return;
    public_key_free(a->key);
    free(a);
}

void snp_anchors_free(struct snp_anchors *anchors)
{
    if (!anchors)
        return;
    while (anchors->first) {
        struct anchor *next = anchors->first->next;
        anchor_free(anchors->first);
        anchors->first = next;
    }
    x509_trust_free(anchors->trust);
    free(anchors);
}

static bool may_issue(const struct certificate *c)
{
    return c->is_ca && c->has_key_usage && (c->key_usage & KEY_USAGE_CERT_SIGN) && !c->unknown_critical;
}

static result anchor_read(slice der, struct anchor *a)
{
    memcpy(a->der, der.ptr, der.len);
    TRY(certificate_read(slice_of(a->der, der.len), &a->certificate));
    a->name = snp_name_read(a->certificate.subject);
    ENSURE(may_issue(&a->certificate), X509_CA);
    return public_key_new(a->certificate.spki, &a->key);
}

static result anchor_new(slice der, struct anchor **out)
{
    *out = NULL;
    ENSURE(der.len > 0 && der.len <= X509_CERTIFICATE_MAX, X509_FORM);
    struct anchor *a = calloc(1, sizeof *a + der.len);
    ENSURE(a, NO_MEMORY);
    result read = anchor_read(der, a);
    if (FAILED(read)) {
        anchor_free(a);
        return read;
    }
    *out = a;
    return OK;
}

/* One ARK and at most one each of what is below it; owned by the caller until they are taken over. */
struct set {
    struct anchor *ark, *ask, *asvk;
};

static void set_free(struct set *s)
{
    anchor_free(s->ark);
    anchor_free(s->ask);
    anchor_free(s->asvk);
}

static result set_add(struct set *s, slice der)
{
    struct anchor *a;
    TRY(anchor_new(der, &a));
    struct anchor **place = a->name.role == SNP_ROLE_ARK    ? &s->ark
                            : a->name.role == SNP_ROLE_ASK  ? &s->ask
                            : a->name.role == SNP_ROLE_ASVK ? &s->asvk
                                                            : NULL;
    if (!place || *place) {
        anchor_free(a);
        return FAIL(AMD_VEK_NAME);
    }
    *place = a;
    return OK;
}

/* That the issuer's key, name and generation are the ARK's. */
static result check_below(const struct anchor *a, const struct anchor *ark)
{
    if (!a)
        return OK;
    ENSURE(slice_equal(a->certificate.issuer, ark->certificate.subject), AMD_VEK_NAME);
    ENSURE(slice_equal(a->name.generation, ark->name.generation), AMD_VEK_NAME);
    return certificate_verify(&a->certificate, ark->key);
}

static result set_check(const struct set *s)
{
    ENSURE(s->ark, AMD_VEK_NAME);
    TRY(check_below(s->ark, s->ark));
    TRY(check_below(s->ask, s->ark));
    return check_below(s->asvk, s->ark);
}

static result take_one(struct snp_anchors *anchors, struct anchor **a, const struct anchor *ark)
{
    if (!*a)
        return OK;
    TRY(x509_trust_add_der(anchors->trust, (*a)->certificate.der));
    (*a)->ark = ark;
    (*a)->next = anchors->first;
    anchors->first = *a;
    *a = NULL;
    return OK;
}

static result take_over(struct snp_anchors *anchors, struct set *s)
{
    const struct anchor *ark = s->ark;
    TRY(take_one(anchors, &s->ark, ark));
    TRY(take_one(anchors, &s->ask, ark));
    return take_one(anchors, &s->asvk, ark);
}

static result add_roots(struct snp_anchors *anchors, const struct snp_roots *roots)
{
    struct set s = {0};
    const slice ders[CHAIN_MAX] = {roots->ark, roots->ask, roots->asvk};
    result done = OK;
    for (size_t i = 0; i < CHAIN_MAX && !FAILED(done); i++)
        done = set_add(&s, ders[i]);
    if (!FAILED(done))
        done = set_check(&s);
    if (!FAILED(done))
        done = take_over(anchors, &s);
    set_free(&s);
    return done;
}

static result add_amd(struct snp_anchors *anchors)
{
    TRY(add_roots(anchors, &snp_milan_roots));
    TRY(add_roots(anchors, &snp_genoa_roots));
    return add_roots(anchors, &snp_turin_roots);
}

result snp_anchors_new(bool amd, struct snp_anchors **out)
{
    *out = NULL;
    struct snp_anchors *anchors = calloc(1, sizeof *anchors);
    ENSURE(anchors, NO_MEMORY);
    result made = x509_trust_new(&anchors->trust);
    if (!FAILED(made) && amd)
        made = add_amd(anchors);
    if (FAILED(made)) {
        snp_anchors_free(anchors);
        return made;
    }
    *out = anchors;
    return OK;
}

static result read_set(slice pem, struct set *s)
{
    uint8_t room[X509_CERTIFICATE_MAX];
    for (;;) {
        slice der;
        TRY(pem_next_certificate(&pem, room, sizeof room, &der));
        if (der.len == 0)
            return OK;
        TRY(set_add(s, der));
    }
}

result snp_anchors_add_pem(struct snp_anchors *anchors, slice pem)
{
    struct set s = {0};
    result done = read_set(pem, &s);
    if (!FAILED(done))
        done = set_check(&s);
    if (!FAILED(done))
        done = take_over(anchors, &s);
    set_free(&s);
    return done;
}

bool snp_anchors_has_ark(const struct snp_anchors *anchors, slice der)
{
    struct certificate c;
    for (const struct anchor *a = anchors->first; a; a = a->next)
        if (a->ark == a && slice_equal(a->certificate.der, der))
            return true;
    if (der.len > X509_CERTIFICATE_MAX || FAILED(certificate_read(der, &c)))
        return false;
    for (const struct anchor *a = anchors->first; a; a = a->next)
        if (a->ark == a && slice_equal(a->certificate.subject, c.subject) && slice_equal(a->certificate.spki, c.spki))
            return !FAILED(certificate_verify(&c, a->key));
    return false;
}

bool snp_anchors_lack_issuer(const struct snp_anchors *anchors, slice generation, enum snp_vek_kind kind)
{
    enum snp_role role = kind == SNP_VLEK ? SNP_ROLE_ASVK : SNP_ROLE_ASK;
    bool ark = false, issuer = false;
    for (const struct anchor *a = anchors->first; a; a = a->next) {
        if (!slice_equal(a->name.generation, generation))
            continue;
        ark = ark || a->ark == a;
        issuer = issuer || a->name.role == role;
    }
    return ark && !issuer;
}

/* --- keys below them -----------------------------------------------------------------------------------------------
 */

/* The names say what the signatures do not: which generation, and that the issuer issues this kind of key. */
static result check_names(const struct snp_vek *vek)
{
    const struct certificate *issuer = x509_path_certificate(vek->path, 1);
    struct snp_name own = snp_name_read(issuer->subject), above = snp_name_read(issuer->issuer);
    ENSURE(own.role == (vek->facts.kind == SNP_VLEK ? SNP_ROLE_ASVK : SNP_ROLE_ASK), AMD_VEK_NAME);
    ENSURE(above.role == SNP_ROLE_ARK, AMD_VEK_NAME);
    ENSURE(slice_equal(own.generation, vek->facts.generation), AMD_VEK_NAME);
    ENSURE(slice_equal(above.generation, vek->facts.generation), AMD_VEK_NAME);
    ENSURE(public_key_type(snp_vek_key(vek)) == KEY_P384, SIGNATURE_SCHEME);
    return OK;
}

result snp_vek_new(const struct snp_anchors *anchors, slice der, slice issuer, struct snp_vek **out)
{
    struct x509_chain chain = {.certificates = {der, issuer}, .count = issuer.len ? 2 : 1};
    *out = NULL;
    struct snp_vek *vek = calloc(1, sizeof *vek);
    ENSURE(vek, NO_MEMORY);
    result made = x509_path_new(anchors->trust, &chain, &vek->path);
    if (!FAILED(made))
        made = snp_vek_read(x509_path_certificate(vek->path, 0), &vek->facts);
    if (!FAILED(made))
        made = check_names(vek);
    if (FAILED(made)) {
        snp_vek_free(vek);
        return made;
    }
    *out = vek;
    return OK;
}

void snp_vek_free(struct snp_vek *vek)
{
    if (!vek)
        return;
    x509_path_free(vek->path);
    free(vek);
}

const struct snp_vek_facts *snp_vek_facts(const struct snp_vek *vek)
{
    return &vek->facts;
}

const struct public_key *snp_vek_key(const struct snp_vek *vek)
{
    return x509_path_leaf_key(vek->path);
}

const struct x509_path *snp_vek_path(const struct snp_vek *vek)
{
    return vek->path;
}

/* --- collateral ----------------------------------------------------------------------------------------------------
 */

result snp_crl_new(const struct snp_anchors *anchors, slice generation, slice der, struct crl **out)
{
    result failure = FAIL(AMD_VEK_NAME);
    *out = NULL;
    for (const struct anchor *a = anchors->first; a; a = a->next) {
        if (a->ark != a || !slice_equal(a->name.generation, generation))
            continue;
        failure = crl_new(der, &a->certificate, out);
        if (!FAILED(failure))
            return OK;
    }
    return failure;
}

/* The ARK above the path's ASK or ASVK: in the path, or known since the ASK was trusted. */
static const struct certificate *ark_of(const struct snp_anchors *anchors, const struct x509_path *path)
{
    if (x509_path_length(path) > 2)
        return x509_path_certificate(path, 2);
    for (const struct anchor *a = anchors->first; a; a = a->next)
        if (slice_equal(a->certificate.der, x509_path_certificate(path, 1)->der))
            return &a->ark->certificate;
    return NULL;
}

result snp_vek_check_revocation(const struct snp_anchors *anchors, const struct snp_vek *vek, const struct crl *crl,
                                int64_t now)
{
    const struct certificate *ark = ark_of(anchors, vek->path);
    ENSURE(ark && crl && crl_is_of(crl, ark), X509_NO_CRL);
    ENSURE(crl_this_update(crl) <= now && now <= crl_next_update(crl), X509_CRL_VALIDITY);
    ENSURE(!crl_lists(crl, x509_path_certificate(vek->path, 1)->serial), X509_IS_REVOKED);
    return OK;
}

static result check_ca_chain(const struct snp_anchors *anchors, slice generation, const struct anchor *issuer,
                             const struct set *s)
{
    ENSURE(issuer && s->ark && slice_equal(s->ark->name.generation, generation), AMD_VEK_NAME);
    ENSURE(snp_anchors_has_ark(anchors, s->ark->certificate.der), X509_UNTRUSTED);
    return check_below(issuer, s->ark);
}

result snp_ca_chain_read(const struct snp_anchors *anchors, slice generation, enum snp_vek_kind kind, slice pem,
                         uint8_t room[X509_CERTIFICATE_MAX], slice *issuer, struct certificate *certificate)
{
    struct set s = {0};
    result done = read_set(pem, &s);
    const struct anchor *found = kind == SNP_VLEK ? s.asvk : s.ask;
    if (!FAILED(done))
        done = check_ca_chain(anchors, generation, found, &s);
    if (!FAILED(done)) {
        *issuer = slice_of(room, found->certificate.der.len);
        memcpy(room, found->certificate.der.ptr, found->certificate.der.len);
        done = certificate_read(*issuer, certificate);
    }
    set_free(&s);
    return done;
}
