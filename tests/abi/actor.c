/* SPDX-License-Identifier: Apache-2.0 */
/* Does what its evidence says: {"do": "…", "report_data": base64, "init_data": base64}. */
#include <trustee/abi.h>
#define PLUGIN_NAME "actor"
#define OWN_VERIFY
#define JUDGE judge
#define TEES                                                                                               \
    {TRUSTEE_TEXT("actor"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_PAD, 48},              \
        {TRUSTEE_TEXT("actor-exact"), TRUSTEE_TEXT("gpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_EXACT, 0},  \
        {TRUSTEE_TEXT("actor-pcr"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_TRUNCATE, 32, TRUSTEE_BIND_PCR, 32}, \
        {TRUSTEE_TEXT("actor-echo"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_ECHO, 0},    \
    {                                                                                                      \
        TRUSTEE_TEXT("actor-none"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_NONE, 0       \
    }
#define OPTIONS                                                                                                         \
    {TRUSTEE_TEXT("text"), TRUSTEE_TEXT(""), {NULL, 0}, TRUSTEE_OPTION_TEXT, 0, 0, 0, {NULL, 0}},                       \
        {TRUSTEE_TEXT("truth"), TRUSTEE_TEXT(""), TRUSTEE_TEXT("yes"), TRUSTEE_OPTION_BOOL, 0, 0, 0, {NULL, 0}},        \
        {TRUSTEE_TEXT("size"),                                                                                          \
         TRUSTEE_TEXT(""),                                                                                              \
         TRUSTEE_TEXT("64KiB"),                                                                                         \
         TRUSTEE_OPTION_SIZE,                                                                                           \
         0,                                                                                                             \
         1024,                                                                                                          \
         1048576,                                                                                                       \
         {NULL, 0}},                                                                                                    \
        {TRUSTEE_TEXT("many"), TRUSTEE_TEXT(""), {NULL, 0}, TRUSTEE_OPTION_TEXT, TRUSTEE_OPTION_MANY, 0, 0, {NULL, 0}}, \
        {TRUSTEE_TEXT("anchor"), TRUSTEE_TEXT(""), {NULL, 0}, TRUSTEE_OPTION_FILE, 0, 0, 0, {NULL, 0}},                 \
    {                                                                                                                   \
        TRUSTEE_TEXT("password"), TRUSTEE_TEXT(""), {NULL, 0}, TRUSTEE_OPTION_NUMBER, TRUSTEE_OPTION_SECRET, 0, 0,      \
        {                                                                                                               \
            NULL, 0                                                                                                     \
        }                                                                                                               \
    }
#include "template.h"

#include <string.h>

#define T(literal) ((trustee_slice)TRUSTEE_TEXT(literal))

struct call {
    trustee_request *req;
    const trustee_verify_in *in;
    trustee_verify_out *out;
};

static int equal(trustee_slice a, trustee_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static trustee_status genuine(const struct call *c)
{
    c->out->verdict = TRUSTEE_VERDICT_GENUINE;
    return TRUSTEE_OK;
}

static trustee_status no_verdict(const struct call *c)
{
    (void)c;
    return TRUSTEE_OK;
}

static trustee_status odd_verdict(const struct call *c)
{
    c->out->verdict = 77;
    return TRUSTEE_OK;
}

static trustee_status odd_status(const struct call *c)
{
    c->out->verdict = TRUSTEE_VERDICT_GENUINE;
    return 4711;
}

static trustee_status faulty(const struct call *c)
{
    c->out->verdict = TRUSTEE_VERDICT_GENUINE;
    return TRUSTEE_E_INTERNAL;
}

static trustee_status out_of_memory(const struct call *c)
{
    (void)c;
    return TRUSTEE_E_NOMEM;
}

static trustee_status rejects(const struct call *c)
{
    host->reject(c->req, T("actor.bad"), T("the first"));
    host->reject(c->req, T("actor.bad"), T("the second"));
    return TRUSTEE_REJECT;
}

static trustee_status rejects_silently(const struct call *c)
{
    (void)c;
    return TRUSTEE_REJECT;
}

static trustee_status rejects_as_another(const struct call *c)
{
    host->reject(c->req, T("tdx.quote"), T("not my reason"));
    return TRUSTEE_REJECT;
}

static trustee_status rejects_then_accepts(const struct call *c)
{
    host->reject(c->req, T("actor.bad"), T("no"));
    return genuine(c);
}

static trustee_status lies(const struct call *c)
{
    static const uint8_t zeros[64];
    c->out->report_data.ptr = zeros;
    c->out->report_data.len = 64;
    return genuine(c);
}

static trustee_status dangles(const struct call *c)
{
    c->out->report_data.ptr = NULL;
    return genuine(c);
}

static trustee_status duplicate_key(const struct call *c)
{
    host->put_bool(c->out->claims, T("a"), 1);
    host->put_bool(c->out->claims, T("a"), 0);
    return genuine(c);
}

static trustee_status unclosed(const struct call *c)
{
    host->put_object(c->out->claims, T("a"));
    return genuine(c);
}

static trustee_status closes_the_root(const struct call *c)
{
    host->put_end(c->out->claims);
    return genuine(c);
}

static trustee_status not_utf8(const struct call *c)
{
    host->put_text(c->out->claims, T("a"), T("\xff"));
    return genuine(c);
}

static trustee_status too_deep(const struct call *c)
{
    for (int i = 0; i < 40; i++)
        host->put_object(c->out->claims, T("a"));
    for (int i = 0; i < 40; i++)
        host->put_end(c->out->claims);
    return genuine(c);
}

static trustee_status too_much(const struct call *c)
{
    host->put_array(c->out->claims, T("a"));
    for (int i = 0; i < 1000000; i++)
        host->put_i64(c->out->claims, T(""), i);
    host->put_end(c->out->claims);
    return genuine(c);
}

static trustee_status claim_not_utf8(const struct call *c)
{
    c->out->report_data_claim = T("\xff");
    return genuine(c);
}

static trustee_status expired(const struct call *c)
{
    c->out->not_after = c->in->now;
    return genuine(c);
}

static trustee_status needs(const struct call *c)
{
    host->check(c->req, T("actor.before"), 1, T(""), T(""));
    if (c->in->collateral_count)
        return genuine(c);
    c->out->needs[0] = (trustee_need){T("intel/tcb-info"), T("00806f050000"), 0};
    c->out->need_count = 1;
    return TRUSTEE_NEED;
}

/* Says that what it was given is not enough, for ever. */
static trustee_status needs_again(const struct call *c)
{
    c->out->needs[0] = (trustee_need){T("intel/tcb-info"), T("tdx/00806f050000"), 0};
    c->out->need_count = 1;
    return TRUSTEE_NEED;
}

static trustee_status needs_nothing(const struct call *c)
{
    (void)c;
    return TRUSTEE_NEED;
}

static trustee_status needs_too_much(const struct call *c)
{
    c->out->need_count = 9;
    return TRUSTEE_NEED;
}

static trustee_status needs_nameless(const struct call *c)
{
    c->out->need_count = 1;
    return TRUSTEE_NEED;
}

static const struct act {
    trustee_slice name;
    trustee_status (*play)(const struct call *c);
} acts[] = {
    {TRUSTEE_TEXT("genuine"), genuine},
    {TRUSTEE_TEXT("no_verdict"), no_verdict},
    {TRUSTEE_TEXT("odd_verdict"), odd_verdict},
    {TRUSTEE_TEXT("odd_status"), odd_status},
    {TRUSTEE_TEXT("faulty"), faulty},
    {TRUSTEE_TEXT("out_of_memory"), out_of_memory},
    {TRUSTEE_TEXT("rejects"), rejects},
    {TRUSTEE_TEXT("rejects_silently"), rejects_silently},
    {TRUSTEE_TEXT("rejects_as_another"), rejects_as_another},
    {TRUSTEE_TEXT("rejects_then_accepts"), rejects_then_accepts},
    {TRUSTEE_TEXT("lies"), lies},
    {TRUSTEE_TEXT("dangles"), dangles},
    {TRUSTEE_TEXT("duplicate_key"), duplicate_key},
    {TRUSTEE_TEXT("unclosed"), unclosed},
    {TRUSTEE_TEXT("closes_the_root"), closes_the_root},
    {TRUSTEE_TEXT("not_utf8"), not_utf8},
    {TRUSTEE_TEXT("too_deep"), too_deep},
    {TRUSTEE_TEXT("too_much"), too_much},
    {TRUSTEE_TEXT("claim_not_utf8"), claim_not_utf8},
    {TRUSTEE_TEXT("expired"), expired},
    {TRUSTEE_TEXT("needs"), needs},
    {TRUSTEE_TEXT("needs_again"), needs_again},
    {TRUSTEE_TEXT("needs_nothing"), needs_nothing},
    {TRUSTEE_TEXT("needs_too_much"), needs_too_much},
    {TRUSTEE_TEXT("needs_nameless"), needs_nameless},
};

static trustee_status verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    struct call call = {req, in, out};
    trustee_slice what;
    (void)instance;
    host->value_base64(req, in->evidence, T("/report_data"), TRUSTEE_BASE64_STD, &out->report_data);
    host->value_base64(req, in->evidence, T("/init_data"), TRUSTEE_BASE64_STD, &out->init_data);
    host->put_text(out->claims, T("tee"), in->tee);
    if (host->value_text(req, in->evidence, T("/do"), &what) != TRUSTEE_OK)
        return TRUSTEE_E_INVAL;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (equal(acts[i].name, what))
            return acts[i].play(&call);
    return TRUSTEE_E_INVAL;
}

/* Does what the item's bytes say. */
static trustee_status judge(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                            trustee_collateral_facts *out)
{
    (void)instance;
    out->issued = now - 10;
    out->not_after = now + 10;
    out->number = 7;
    if (!equal(item->kind, T("intel/tcb-info")))
        return TRUSTEE_E_NOTSUP;
    if (equal(item->bytes, T("{\"genuine\":1}")))
        return TRUSTEE_OK;
    if (equal(item->bytes, T("future"))) {
        out->issued = now + 1;
        return TRUSTEE_OK;
    }
    if (equal(item->bytes, T("backwards"))) {
        out->not_after = 1;
        return TRUSTEE_OK;
    }
    if (equal(item->bytes, T("faulty")))
        return TRUSTEE_E_INTERNAL;
    if (equal(item->bytes, T("silent")))
        return TRUSTEE_REJECT;
    host->reject(req, T("actor.bad"), T("it is forged"));
    return equal(item->bytes, T("both")) ? TRUSTEE_OK : TRUSTEE_REJECT;
}
