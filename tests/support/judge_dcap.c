/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/judge_dcap.h"

#define ARENA_SIZE (128u << 20)

void judge_begin(struct judge *j, const trustee_plugin *plugin, const char *tee)
{
    *j = (struct judge){.plugin = plugin, .tee = slice_text(tee)};
    forge_must(!FAILED(arena_map(&j->arena, ARENA_SIZE, ARENA_PLAIN)), "memory");
    forge_dcap_keys_begin(&j->keys, NULL);
    fake_host_begin(&j->host);
    j->host.quiet = true;
    for (size_t i = 0; i < sizeof j->report_data; i++)
        j->report_data[i] = (uint8_t)(0xa0 + i);
}

void judge_end(struct judge *j)
{
    fake_host_end(&j->host);
    forge_dcap_keys_end(&j->keys);
    arena_unmap(&j->arena);
}

/* A plugin without anything cached; options are given anew. */
static void begin_again(struct judge *j)
{
    fake_host_end(&j->host);
    fake_host_begin(&j->host);
    j->host.quiet = true;
    j->loaded = false;
}

/* Options of judge_option() stay. */
static void load_again(struct judge *j)
{
    struct fake_option given[FAKE_OPTIONS_MAX];
    size_t count = j->host.option_count;
    memcpy(given, j->host.options, sizeof given);
    begin_again(j);
    for (size_t i = 0; i < count; i++)
        if (!slice_equal(given[i].name, S("trust_anchor")) && !slice_equal(given[i].name, S("later_versions")))
            j->host.options[j->host.option_count++] = given[i];
}

void judge_default(struct judge *j, int version, enum forge_body body)
{
    begin_again(j);
    j->arena.used = 0;
    j->item_count = 0;
    j->init_data = j->eventlog = j->anchor = NO_SLICE;
    forge_dcap_default(&j->k, version, body, FORGE_NOW);
    forge_dcap_report_data(&j->k, slice_of(j->report_data, sizeof j->report_data));
}

void judge_option(struct judge *j, const char *name, const char *value)
{
    fake_option(&j->host, name, value);
}

/* What forge has for a need; absent bytes: nothing. */
static trustee_collateral answer_to(struct judge *j, const trustee_need *need)
{
    const struct forge_dcap_out *o = &j->out;
    slice pck = j->k.no_pck_chain ? NO_SLICE : forge_pem(&j->arena, o->pck);
    const struct {
        const char *kind;
        slice bytes, chain;
    } all[] = {
        {"intel/tcb-info", o->tcb_answer, o->tcb_chain},
        {"intel/qe-identity", o->qe_answer, o->tcb_chain},
        {"intel/pck-crl", o->pck_crl, o->pck_crl_chain},
        {"intel/root-crl", o->root_crl, NO_SLICE},
        {"intel/pck", pck, o->pck_crl_chain},
    };
    trustee_collateral item = {.kind = need->kind, .key = need->key};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (slice_equal(need->kind, slice_text(all[i].kind))) {
            item.bytes = all[i].bytes;
            item.chain = all[i].chain;
        }
    return item;
}

static bool supply(struct judge *j)
{
    for (size_t i = 0; i < j->host.out.need_count; i++) {
        trustee_collateral item = answer_to(j, &j->host.needs[i]);
        if (!item.bytes.ptr || j->item_count == FORGE_ITEMS_MAX)
            return false;
        item.kind = arena_copy(&j->arena, item.kind);
        item.key = arena_copy(&j->arena, item.key);
        forge_must(item.key.ptr, "memory");
        j->items[j->item_count++] = item;
    }
    return true;
}

static slice evidence_of(struct judge *j, slice quote)
{
    struct text t = text_begin(&j->arena);
    text_lit(&t, "{\"quote\":\"");
    text_base64(&t, quote);
    if (j->eventlog.ptr) {
        text_lit(&t, "\",\"cc_eventlog\":\"");
        text_base64(&t, j->eventlog);
    }
    text_lit(&t, "\"}");
    slice evidence = text_end(&t);
    forge_must(evidence.ptr, "memory");
    return evidence;
}

bool judge_quote(struct judge *j, slice quote)
{
    size_t mark = j->arena.used;
    slice evidence = evidence_of(j, quote);
    j->lacking = false;
    for (j->rounds = 1; j->rounds <= FORGE_ROUNDS_MAX + 1; j->rounds++) {
        trustee_verify_in in = {.report_data = slice_of(j->report_data, sizeof j->report_data),
                                .init_data = j->init_data,
                                .collateral = j->items,
                                .collateral_count = j->item_count,
                                .now = j->k.now};
        j->genuine = fake_verify(&j->host, j->tee, evidence, &in);
        if (j->host.status != TRUSTEE_NEED)
            break;
        j->lacking = !supply(j);
        if (j->lacking)
            break;
        mark = j->arena.used; /* keys of items stay */
    }
    j->arena.used = mark;
    return j->genuine;
}

bool judge_exchange(struct judge *j, const char *kind, slice bytes, slice chain)
{
    for (size_t i = 0; i < j->item_count; i++)
        if (slice_equal(j->items[i].kind, slice_text(kind))) {
            if (bytes.ptr)
                j->items[i].bytes = bytes;
            if (chain.ptr)
                j->items[i].chain = chain;
            return true;
        }
    return false;
}

bool judge_all(struct judge *j)
{
    forge_dcap_make(&j->arena, &j->keys, &j->k, &j->out);
    j->item_count = 0;
    if (j->loaded)
        load_again(j);
    fake_option_bytes(&j->host, "trust_anchor", j->anchor.ptr ? j->anchor : j->out.root_pem);
    if (j->k.body_kind == FORGE_SGX && j->k.version > 3)
        fake_option(&j->host, "later_versions", "yes");
    trustee_status status = fake_load(&j->host, j->plugin);
    j->loaded = status == TRUSTEE_OK;
    forge_must(j->loaded, "loading the plugin");
    return judge_quote(j, j->out.quote);
}

slice judge_reason(const struct judge *j)
{
    if (j->genuine)
        return S("");
    if (j->host.status == TRUSTEE_NEED)
        return S("need");
    slice name = j->host.reason;
    bool prefixed = slice_starts(name, j->tee) && name.len > j->tee.len && name.ptr[j->tee.len] == '.';
    return prefixed ? slice_sub(name, j->tee.len + 1, name.len) : name;
}

static bool is_one_of(slice name, slice names)
{
    slice one;
    while (slice_split(&names, '|', &one))
        if (slice_equal(name, one))
            return true;
    return false;
}

bool judge_case(struct judge *j, const struct forge_dcap_case *c, int version, enum forge_body body)
{
    judge_default(j, version, body);
    if (c->apply)
        c->apply(&j->k);
    bool genuine = judge_all(j);
    if (genuine != !c->reason)
        return false;
    if (genuine)
        return !c->status || slice_equal(fake_claim(&j->host, "/tcb_status"), slice_text(c->status));
    return is_one_of(judge_reason(j), slice_text(c->reason));
}
