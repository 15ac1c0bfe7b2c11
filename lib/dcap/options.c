/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/options.h"

#include "lib/dcap/collateral.h"
#include "lib/dcap/date.h"

struct source {
    const trustee_host *host;
    const trustee_conf *conf;
    slice name; /* of the plugin */
};

static trustee_status bad_option(const struct source *s, slice why)
{
    uint8_t room[256];
    struct arena a = {.base = room, .size = sizeof room};
    slice line = arena_printf(&a, "%.*s: %.*s", SLICE_ARG(s->name), SLICE_ARG(why));
    s->host->log(s->host->ctx, TRUSTEE_LOG_ERROR, line.ptr ? line : why);
    return TRUSTEE_E_CONFIG;
}

static bool read_statuses(slice list, uint32_t *out)
{
    slice part;
    *out = 0;
    while (slice_split(&list, ',', &part)) {
        enum tcb_status status;
        if (!tcb_status_from(slice_trim(part), &status) || status == TCB_REVOKED)
            return false;
        *out |= UINT32_C(1) << status;
    }
    return *out != 0;
}

static trustee_status load_accepted(const struct source *s, struct dcap_options *out)
{
    slice text;
    if (s->host->conf_text(s->conf, S("accepted_tcb"), &text) != TRUSTEE_OK || !read_statuses(text, &out->accepted))
        return bad_option(s, S("accepted_tcb: a list of TCB statuses other than Revoked is wanted, such as UpToDate"));
    return TRUSTEE_OK;
}

static trustee_status load_expired(const struct source *s, struct dcap_options *out)
{
    slice text;
    trustee_status found = s->host->conf_text(s->conf, S("expired_collateral"), &text);
    out->expired_is_claim = found == TRUSTEE_OK && slice_equal(text, S("claim"));
    if (found == TRUSTEE_OK && (out->expired_is_claim || slice_equal(text, S("refuse"))))
        return TRUSTEE_OK;
    return bad_option(s, S("expired_collateral: refuse or claim is wanted"));
}

static trustee_status load_minimums(const struct source *s, struct dcap_options *out)
{
    slice text;
    uint32_t debug = 0;
    trustee_status found = s->host->conf_text(s->conf, S("minimum_tcb_date"), &text);
    if (found == TRUSTEE_OK && !dcap_date_parse(text, &out->minimum_tcb_date))
        return bad_option(s, S("minimum_tcb_date: a date like 2024-03-13 is wanted"));
    if (s->host->conf_u64(s->conf, S("minimum_evaluation_number"), &out->minimum_evaluation_number) != TRUSTEE_OK)
        return bad_option(s, S("minimum_evaluation_number: a number is wanted"));
    if (s->host->conf_bool(s->conf, S("allow_debug"), &debug) != TRUSTEE_OK)
        return bad_option(s, S("allow_debug: yes or no is wanted"));
    out->allow_debug = debug != 0;
    return TRUSTEE_OK;
}

static trustee_status load_anchors(const struct source *s, struct dcap_trust *trust)
{
    slice file;
    if (FAILED(dcap_trust_begin(trust)))
        return TRUSTEE_E_NOMEM;
    for (uint64_t n = 0; s->host->conf_file(s->conf, S("trust_anchor"), n, &file) == TRUSTEE_OK; n++)
        if (FAILED(dcap_trust_add(trust, file)))
            return bad_option(s, S("trust_anchor: CA certificates in DER or PEM are wanted, at most 7"));
    return TRUSTEE_OK;
}

trustee_status dcap_options_load(const trustee_host *host, const trustee_conf *conf, slice name,
                                 struct dcap_options *out, struct dcap_trust *trust)
{
    const struct source s = {host, conf, name};
    *out = (struct dcap_options){0};
    *trust = (struct dcap_trust){0};
    trustee_status loaded = load_accepted(&s, out);
    if (loaded == TRUSTEE_OK)
        loaded = load_expired(&s, out);
    if (loaded == TRUSTEE_OK)
        loaded = load_minimums(&s, out);
    if (loaded == TRUSTEE_OK)
        loaded = load_anchors(&s, trust);
    if (loaded != TRUSTEE_OK)
        dcap_trust_end(trust);
    return loaded;
}
