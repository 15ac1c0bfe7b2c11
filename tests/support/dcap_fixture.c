/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/dcap_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/json/json.h"

#define ARENA_SIZE (64u << 20)
#define FILE_MAX (8u << 20)
#define ROUNDS_MAX 4

void dcap_fixture_begin(struct dcap_fixture *f, const char *tee, const trustee_plugin *plugin)
{
    *f = (struct dcap_fixture){.tee = tee, .plugin = plugin};
    fake_host_begin(&f->host);
    if (FAILED(arena_map(&f->arena, ARENA_SIZE, ARENA_PLAIN)))
        abort();
}

void dcap_fixture_end(struct dcap_fixture *f)
{
    fake_host_end(&f->host);
    arena_unmap(&f->arena);
}

void dcap_fixture_anchor(struct dcap_fixture *f, slice file)
{
    fake_option_bytes(&f->host, "trust_anchor", arena_copy(&f->arena, file));
}

/* --- collateral
 * ----------------------------------------------------------------------------------------------------- */

static slice member(const json *object, const char *name)
{
    return json_text(json_get(object, slice_text(name)));
}

static slice unhexed(struct dcap_fixture *f, slice hex)
{
    size_t length;
    uint8_t *room = arena_alloc(&f->arena, hex.len / 2 + 1, 1);
    return hex.ptr && room && hex_decode(room, hex.len / 2 + 1, hex, &length) ? slice_of(room, length) : NO_SLICE;
}

/* As the service answers: the signed text with its signature beside it. */
static slice answer(struct dcap_fixture *f, const char *name, slice text, slice signature)
{
    if (!text.ptr)
        return NO_SLICE;
    return arena_printf(&f->arena, "{\"%s\":%.*s,\"signature\":\"%.*s\"}", name, SLICE_ARG(text), SLICE_ARG(signature));
}

bool dcap_fixture_collateral(struct dcap_fixture *f, slice text)
{
    const json *o;
    struct dcap_items *i = &f->items;
    if (FAILED(json_parse(&f->arena, text, &o)))
        return false;
    *i = (struct dcap_items){0};
    i->tcb_info.bytes = answer(f, "tcbInfo", member(o, "tcb_info"), member(o, "tcb_info_signature"));
    i->tcb_info.chain = member(o, "tcb_info_issuer_chain");
    i->qe_identity.bytes = answer(f, "enclaveIdentity", member(o, "qe_identity"), member(o, "qe_identity_signature"));
    i->qe_identity.chain = member(o, "qe_identity_issuer_chain");
    i->pck_crl.bytes = unhexed(f, member(o, "pck_crl"));
    i->pck_crl.chain = member(o, "pck_crl_issuer_chain");
    i->root_crl.bytes = unhexed(f, member(o, "root_ca_crl"));
    i->pck.bytes = member(o, "pck_certificate_chain");
    return true;
}

static const trustee_collateral *item_of(const struct dcap_fixture *f, slice kind)
{
    const struct {
        slice kind;
        const trustee_collateral *item;
    } kinds[] = {
        {S("intel/tcb-info"), &f->items.tcb_info}, {S("intel/qe-identity"), &f->items.qe_identity},
        {S("intel/pck-crl"), &f->items.pck_crl},   {S("intel/root-crl"), &f->items.root_crl},
        {S("intel/pck"), &f->items.pck},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_equal(kinds[i].kind, kind) && kinds[i].item->bytes.ptr)
            return kinds[i].item;
    return NULL;
}

/* --- judging
 * -------------------------------------------------------------------------------------------------------- */

static const char *text_of(struct dcap_fixture *f, const char *what, slice s)
{
    slice text = arena_printf(&f->arena, "%s%.*s", what, SLICE_ARG(s));
    return text.ptr ? (const char *)text.ptr : "no memory";
}

static const char *status_text(struct dcap_fixture *f, trustee_status status)
{
    slice text = arena_printf(&f->arena, "status %d", status);
    return text.ptr ? (const char *)text.ptr : "no memory";
}

static const char *load(struct dcap_fixture *f)
{
    if (f->loaded)
        return NULL;
    f->loaded = true;
    trustee_status status = fake_load(&f->host, f->plugin);
    return status == TRUSTEE_OK ? NULL : status_text(f, status);
}

/* Remembers what was asked for, with the answer to it. NULL: everything can be had. */
static const char *fetch(struct dcap_fixture *f)
{
    for (uint64_t i = 0; i < f->host.out.need_count; i++) {
        const trustee_need *need = &f->host.needs[i];
        const trustee_collateral *item = item_of(f, need->kind);
        if (!item || f->given_count == sizeof f->given / sizeof *f->given)
            return text_of(f, "need ", need->kind);
        trustee_collateral *given = &f->given[f->given_count++];
        *given = *item;
        given->kind = arena_copy(&f->arena, need->kind);
        given->key = arena_copy(&f->arena, need->key);
    }
    return NULL;
}

const char *dcap_fixture_judge_json(struct dcap_fixture *f, slice evidence)
{
    const char *trouble = load(f);
    f->given_count = 0;
    for (f->rounds = 1; !trouble && f->rounds <= ROUNDS_MAX; f->rounds++) {
        trustee_verify_in in = f->in;
        in.collateral = f->given;
        in.collateral_count = f->given_count;
        if (fake_verify(&f->host, slice_text(f->tee), evidence, &in))
            return NULL;
        if (f->host.status == TRUSTEE_REJECT)
            return text_of(f, "", f->host.reason);
        trouble = f->host.status == TRUSTEE_NEED ? fetch(f) : status_text(f, f->host.status);
    }
    return trouble ? trouble : "too many rounds";
}

slice dcap_fixture_evidence(struct dcap_fixture *f, slice quote)
{
    struct text t = text_begin(&f->arena);
    text_lit(&t, "{\"quote\":\"");
    text_base64(&t, quote);
    if (f->eventlog.ptr) {
        text_lit(&t, "\",\"cc_eventlog\":\"");
        text_base64(&t, f->eventlog);
    }
    text_lit(&t, "\"}");
    return text_end(&t);
}

const char *dcap_fixture_judge(struct dcap_fixture *f, slice quote)
{
    size_t used = f->arena.used;
    const char *said = dcap_fixture_judge_json(f, dcap_fixture_evidence(f, quote));
    /* Thousands of quotes are judged by one test; a refusal's text is looked at before the next. */
    if (!said && f->arena.used > ARENA_SIZE / 2)
        f->arena.used = used;
    return said;
}

const char *dcap_fixture_judge_item(struct dcap_fixture *f, const trustee_collateral *item,
                                    trustee_collateral_facts *facts)
{
    const char *trouble = load(f);
    if (trouble)
        return trouble;
    const trustee_verifier *v = f->plugin->interfaces[0].vtable;
    fake_request(&f->host);
    trustee_status status = v->judge_collateral(f->host.instance, fake_handle(&f->host), item, f->in.now, facts);
    if (status == TRUSTEE_OK)
        return NULL;
    return status == TRUSTEE_REJECT ? text_of(f, "", f->host.reason) : status_text(f, status);
}

slice vector_file(struct arena *a, const char *name)
{
    char path[512];
    const char *folder = getenv("TRUSTEE_VECTORS");
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return NO_SLICE;
    FILE *file = fopen(path, "rb");
    if (!file)
        return NO_SLICE;
    size_t used = a->used;
    uint8_t *room = arena_alloc(a, FILE_MAX, 64);
    size_t length = room ? fread(room, 1, FILE_MAX, file) : 0;
    fclose(file);
    a->used = room ? used + (size_t)(room - (a->base + used)) + length : used;
    return room ? slice_of(room, length) : NO_SLICE;
}
