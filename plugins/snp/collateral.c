/* SPDX-License-Identifier: Apache-2.0
 *
 * What AMD's key distribution service gives: certificates of chips, the CAs above them, revocation lists. Keys are of
 * the forms of <trustee/verifier.h>.
 */
#include "plugins/snp/snp.h"

#define KIND_VCEK S("amd/vcek")
#define KIND_CA_CHAIN S("amd/ca-chain")
#define KIND_CRL S("amd/crl")
#define CACHE_CLASS "snp/crl"
#define TURIN_CHIP_ID_SIZE 8 /* of 64, the rest zero: as AMD's service wants it */

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

static slice vcek_key(struct arena *arena, const struct snp_generation *g, slice chip_id, const struct snp_tcb *tcb)
{
    const uint8_t levels[] = {tcb->bootloader, tcb->tee, tcb->snp, tcb->microcode};
    bool turin = g->layout == SNP_TCB_TURIN;
    struct text t = text_begin(arena);
    text_add(&t, snp_generation_name(g));
    text_lit(&t, "/");
    text_hex(&t, turin ? slice_sub(chip_id, 0, TURIN_CHIP_ID_SIZE) : chip_id);
    for (size_t i = 0; i < sizeof levels; i++) {
        text_add(&t, i ? S("-") : S("/"));
        text_u64(&t, levels[i]);
    }
    if (turin) {
        text_lit(&t, "-");
        text_u64(&t, tcb->fmc);
    }
    return text_end(&t);
}

static slice kind_key(struct arena *arena, slice generation, enum snp_vek_kind kind)
{
    struct text t = text_begin(arena);
    text_add(&t, generation);
    text_lit(&t, "/");
    text_add(&t, snp_vek_kind_name(kind));
    return text_end(&t);
}

/* --- what was handed over, and what is asked for -------------------------------------------------------------------
 */

/* NULL: not asked for yet. Without bytes: it could not be had. */
static const trustee_collateral *answer_for(const struct appraisal *a, slice kind, slice key)
{
    for (uint64_t i = 0; i < a->in->collateral_count; i++)
        if (slice_equal(a->in->collateral[i].kind, kind) && slice_equal(a->in->collateral[i].key, key))
            return &a->in->collateral[i];
    return NULL;
}

static slice handed_over(const struct appraisal *a, slice kind, slice key)
{
    const trustee_collateral *item = answer_for(a, kind, key);
    return item ? item->bytes : NO_SLICE;
}

static bool ask_with(struct appraisal *a, slice kind, slice key, uint64_t flags)
{
    if (!key.ptr || a->out->need_count == TRUSTEE_NEEDS_MAX)
        return snp_fault(a, TRUSTEE_E_NOMEM);
    a->out->needs[a->out->need_count++] = (trustee_need){kind, key, flags};
    return snp_fault(a, TRUSTEE_NEED);
}

static bool ask_for(struct appraisal *a, slice kind, slice key)
{
    return ask_with(a, kind, key, 0);
}

/* Both at once where both are missing. */
static void ask_for_crl_too(struct appraisal *a)
{
    if (a->snp->crl != SNP_CRL_REQUIRED)
        return;
    slice key = kind_key(&a->arena, snp_generation_name(a->generation), SNP_VCEK);
    if (!handed_over(a, KIND_CRL, key).ptr)
        ask_for(a, KIND_CRL, key);
}

/* A report of version 2 names no processor. On Turin and later only the first bytes of the chip's identity are used;
 * what is left are generations with the other layout. */
static bool may_be(const struct appraisal *a, const struct snp_generation *g)
{
    slice tail = slice_sub(a->report.chip_id, TURIN_CHIP_ID_SIZE, SNP_CHIP_ID_SIZE);
    bool short_id = true;
    for (size_t i = 0; i < tail.len; i++)
        short_id = short_id && tail.ptr[i] == 0;
    return a->generation ? g == a->generation : short_id == (g->layout == SNP_TCB_TURIN);
}

static slice vcek_key_of_report(struct appraisal *a, const struct snp_generation *g)
{
    struct snp_tcb reported;
    if (FAILED(snp_tcb_read(a->report.reported_tcb, g->layout, &reported)))
        return NO_SLICE;
    return vcek_key(&a->arena, g, a->report.chip_id, &reported);
}

bool snp_find_vcek(struct appraisal *a)
{
    const struct snp_generations *all = &a->snp->generations;
    slice keys[SNP_GENERATIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        slice key = may_be(a, &all->list[i]) ? vcek_key_of_report(a, &all->list[i]) : NO_SLICE;
        a->vek_der = key.ptr ? handed_over(a, KIND_VCEK, key) : NO_SLICE;
        if (a->vek_der.ptr)
            return true;
        if (key.ptr)
            keys[count++] = key;
    }
    if (count == 0)
        return snp_check(a, REFUSED_TCB_FORM, false, S("a version that some generation may have"), S("none"));
    /* Of several at most one exists. Once none of them could be had, none is optional any more. */
    uint64_t flags = count > 1 && !answer_for(a, KIND_VCEK, keys[0]) ? TRUSTEE_NEED_OPTIONAL : 0;
    for (size_t i = 0; i < count && i < TRUSTEE_NEEDS_MAX - 1; i++)
        ask_with(a, KIND_VCEK, keys[i], flags);
    if (a->generation)
        ask_for_crl_too(a);
    return false;
}

slice snp_find_issuer(struct appraisal *a, slice generation, enum snp_vek_kind kind)
{
    struct certificate c;
    slice issuer, pem = handed_over(a, KIND_CA_CHAIN, kind_key(&a->arena, generation, kind));
    if (!pem.ptr)
        return NO_SLICE;
    uint8_t *room = a->host->arena_alloc(a->req, X509_CERTIFICATE_MAX, 1);
    if (!room || FAILED(snp_ca_chain_read(a->snp->anchors, generation, kind, pem, room, &issuer, &c)))
        return NO_SLICE;
    return issuer;
}

bool snp_ask_for_issuer(struct appraisal *a)
{
    slice key = kind_key(&a->arena, a->facts->generation, a->facts->kind);
    if (handed_over(a, KIND_CA_CHAIN, key).ptr ||
        !snp_anchors_lack_issuer(a->snp->anchors, a->facts->generation, a->facts->kind))
        return false;
    ask_for(a, KIND_CA_CHAIN, key);
    return true;
}

/* --- revocation lists ----------------------------------------------------------------------------------------------
 */

static void drop_crl(void *crl)
{
    crl_free(crl);
}

static bool read_crl(struct appraisal *a, slice der)
{
    uint8_t digest[32];
    slice name = slice_of(digest, sizeof digest);
    result r = sha256(der, digest);
    if (FAILED(r))
        return snp_library_fault(a, r);
    a->crl = a->host->cache_get(a->req, S(CACHE_CLASS), name);
    if (a->crl)
        return true;
    r = snp_crl_new(a->snp->anchors, snp_generation_name(a->generation), der, &a->fresh_crl);
    if (snp_is_fault(r))
        return snp_library_fault(a, r);
    a->crl = a->fresh_crl;
    if (!snp_check(a, REFUSED_CRL, !FAILED(r), S("a list of the ARK"), slice_text(reason_id(r.reason))))
        return false;
    int64_t not_after = crl_next_update(a->crl);
    if (a->host->cache_put(a->req, S(CACHE_CLASS), name, a->fresh_crl, drop_crl, not_after) == TRUSTEE_OK)
        a->fresh_crl = NULL;
    return true;
}

bool snp_find_crl(struct appraisal *a)
{
    slice key = kind_key(&a->arena, snp_generation_name(a->generation), a->facts->kind);
    const trustee_collateral *list = answer_for(a, KIND_CRL, key);
    if (list && list->bytes.ptr)
        return read_crl(a, list->bytes);
    if (a->snp->crl == SNP_CRL_REQUIRED)
        return ask_for(a, KIND_CRL, key);
    /* Used where it is at hand: asked for once, and never waited for. */
    return list != NULL || ask_with(a, KIND_CRL, key, TRUSTEE_NEED_LATER);
}

/* --- judging what the service wants to keep ------------------------------------------------------------------------
 */

struct judgement {
    const struct snp *snp;
    trustee_request *req;
    const trustee_collateral *item;
    int64_t now;
    struct arena *arena;
    trustee_collateral_facts *out;
};

static trustee_status refuse(const struct judgement *j, enum snp_reason name)
{
    j->snp->host->reject(j->req, snp_reasons[name].id, snp_reasons[name].text);
    return TRUSTEE_REJECT;
}

static trustee_status refuse_result(const struct judgement *j, result r)
{
    if (snp_is_fault(r))
        return r.reason == NO_MEMORY ? TRUSTEE_E_NOMEM : TRUSTEE_E_INTERNAL;
    return refuse(j, REFUSED_COLLATERAL);
}

static trustee_status accept_item(const struct judgement *j, int64_t issued, int64_t not_after, uint64_t number)
{
    if (issued > j->now)
        return refuse(j, REFUSED_COLLATERAL_FUTURE);
    j->out->issued = issued;
    j->out->not_after = not_after;
    j->out->number = number;
    return TRUSTEE_OK;
}

/* PRODUCT/REST, of a generation that is known. */
static const struct snp_generation *generation_of_key(const struct judgement *j, slice *rest)
{
    slice product;
    *rest = j->item->key;
    return slice_split(rest, '/', &product) ? snp_generation_of_name(&j->snp->generations, product) : NULL;
}

static bool read_kind(slice text, enum snp_vek_kind *out)
{
    *out = slice_equal(text, S("vlek")) ? SNP_VLEK : SNP_VCEK;
    return slice_equal(text, snp_vek_kind_name(*out));
}

/* The key is made anew from what the certificate says. Which versions it names is thereby proven. */
static trustee_status judge_vcek(const struct judgement *j)
{
    struct snp_vek *vek;
    slice rest;
    const struct snp_generation *g = generation_of_key(j, &rest);
    if (!g)
        return refuse(j, REFUSED_COLLATERAL_KEY);
    result r = snp_vek_new(j->snp->anchors, j->item->bytes, NO_SLICE, &vek);
    if (FAILED(r))
        return refuse_result(j, r);
    const struct snp_vek_facts *facts = snp_vek_facts(vek);
    const struct certificate *c = x509_path_certificate(snp_vek_path(vek), 0);
    bool same = facts->kind == SNP_VCEK && slice_equal(facts->generation, snp_generation_name(g)) &&
                slice_equal(vcek_key(j->arena, g, facts->chip_id, &facts->tcb), j->item->key);
    trustee_status status =
        same ? accept_item(j, c->not_before, x509_path_not_after(snp_vek_path(vek)), 0) : refuse(j, REFUSED_COLLATERAL);
    snp_vek_free(vek);
    return status;
}

static trustee_status judge_ca_chain(const struct judgement *j)
{
    uint8_t room[X509_CERTIFICATE_MAX];
    struct certificate c;
    enum snp_vek_kind kind;
    slice rest, issuer;
    const struct snp_generation *g = generation_of_key(j, &rest);
    if (!g || !read_kind(rest, &kind))
        return refuse(j, REFUSED_COLLATERAL_KEY);
    result r = snp_ca_chain_read(j->snp->anchors, snp_generation_name(g), kind, j->item->bytes, room, &issuer, &c);
    return FAILED(r) ? refuse_result(j, r) : accept_item(j, c.not_before, c.not_after, 0);
}

static trustee_status judge_crl(const struct judgement *j)
{
    enum snp_vek_kind kind;
    struct crl *crl;
    slice rest;
    const struct snp_generation *g = generation_of_key(j, &rest);
    if (!g || !read_kind(rest, &kind))
        return refuse(j, REFUSED_COLLATERAL_KEY);
    result r = snp_crl_new(j->snp->anchors, snp_generation_name(g), j->item->bytes, &crl);
    if (FAILED(r))
        return refuse_result(j, r);
    trustee_status status = accept_item(j, crl_this_update(crl), crl_next_update(crl), crl_number(crl));
    crl_free(crl);
    return status;
}

trustee_status snp_judge_collateral(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                                    trustee_collateral_facts *out)
{
    const struct snp *snp = instance;
    uint8_t text[512];
    struct arena arena = {.base = text, .size = sizeof text};
    struct judgement j = {snp, req, item, now, &arena, out};
    if (slice_equal(item->kind, KIND_VCEK))
        return judge_vcek(&j);
    if (slice_equal(item->kind, KIND_CA_CHAIN))
        return judge_ca_chain(&j);
    if (slice_equal(item->kind, KIND_CRL))
        return judge_crl(&j);
    return TRUSTEE_E_NOTSUP;
}
