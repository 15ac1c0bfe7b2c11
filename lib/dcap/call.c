/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/call.h"

#include "lib/dcap/date.h"

struct dcap_call dcap_call_begin(const struct dcap_verifier *v, trustee_request *req, int64_t now)
{
    return (struct dcap_call){.verifier = v, .host = v->host, .req = req, .now = now, .status = TRUSTEE_OK};
}

static bool cache_takes(struct dcap_call *c, size_t n)
{
    slice digest = slice_of(c->owned[n].digest, sizeof c->owned[n].digest);
    return c->host->cache_put(c->req, c->owned[n].cls, digest, c->owned[n].value, c->owned[n].drop, INT64_MAX) ==
           TRUSTEE_OK;
}

void dcap_call_end(struct dcap_call *c)
{
    bool worth_it = c->status == TRUSTEE_OK || c->status == TRUSTEE_NEED;
    digester_end(&c->hasher);
    for (size_t n = 0; n < c->owned_count; n++)
        if (!worth_it || !cache_takes(c, n))
            c->owned[n].drop(c->owned[n].value);
    c->owned_count = 0;
}

/* --- the record
 * --------------------------------------------------------------------------------------------------------- */

bool dcap_fault(struct dcap_call *c, trustee_status status)
{
    c->status = status;
    return false;
}

bool dcap_check(struct dcap_call *c, unsigned check, bool passed, slice expected, slice actual)
{
    const trustee_reason *reason = &c->verifier->reasons[check];
    c->host->check(c->req, reason->id, passed, expected, actual);
    if (passed)
        return true;
    c->host->reject(c->req, reason->id, reason->text);
    return dcap_fault(c, TRUSTEE_REJECT);
}

bool dcap_library_fault(struct dcap_call *c, result r)
{
    return dcap_fault(c, r.reason == NO_MEMORY ? TRUSTEE_E_NOMEM : TRUSTEE_E_INTERNAL);
}

bool dcap_check_result(struct dcap_call *c, unsigned check, result r)
{
    if (dcap_is_fault(r))
        return dcap_library_fault(c, r);
    return dcap_check(c, check, !FAILED(r), S("holds"), FAILED(r) ? slice_text(reason_id(r.reason)) : S("holds"));
}

slice dcap_hex(struct dcap_call *c, slice bytes)
{
    uint8_t *text = c->host->arena_alloc(c->req, HEX_SIZE(bytes.len), 1);
    return text ? slice_of(text, hex_encode(text, bytes)) : NO_SLICE;
}

static slice kept(struct dcap_call *c, const uint8_t *bytes, size_t length)
{
    uint8_t *copy = c->host->arena_alloc(c->req, length, 1);
    if (!copy)
        return NO_SLICE;
    memcpy(copy, bytes, length);
    return slice_of(copy, length);
}

slice dcap_decimal(struct dcap_call *c, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (uint8_t)('0' + number % 10);
    while (number /= 10);
    return kept(c, digits + at, sizeof digits - at);
}

slice dcap_date(struct dcap_call *c, int64_t unix_seconds)
{
    uint8_t text[DCAP_DATE_SIZE];
    return dcap_date_format(unix_seconds, text) ? kept(c, text, sizeof text) : S("no date");
}

slice dcap_text(struct dcap_call *c, const char *before, slice text)
{
    struct arena a = dcap_scratch(c, strlen(before) + (size_t)text.len + 1);
    return a.base ? arena_printf(&a, "%s%.*s", before, SLICE_ARG(text)) : NO_SLICE;
}

struct arena dcap_scratch(struct dcap_call *c, size_t size)
{
    uint8_t *block = c->host->arena_alloc(c->req, size, 64);
    return (struct arena){.base = block, .size = block ? size : 0};
}

/* --- what outlives the request
 * ------------------------------------------------------------------------------------------ */

bool dcap_digest(struct dcap_call *c, slice a, slice b, uint8_t out[32])
{
    result r = c->hasher.context ? OK : digester_begin(&c->hasher, DIGEST_SHA256);
    if (!FAILED(r))
        r = digester_of(&c->hasher, a, b, out);
    return !FAILED(r) || dcap_library_fault(c, r);
}

bool dcap_digest_pair(struct dcap_call *c, slice a, slice b, uint8_t out[32])
{
    return dcap_digest(c, a, NO_SLICE, out) && dcap_digest(c, slice_of(out, 32), b, out);
}

const void *dcap_cached(struct dcap_call *c, slice cls, const uint8_t digest[32])
{
    for (size_t n = 0; n < c->owned_count; n++)
        if (slice_equal(c->owned[n].cls, cls) && memcmp(c->owned[n].digest, digest, 32) == 0)
            return c->owned[n].value;
    return c->host->cache_get(c->req, cls, slice_of(digest, 32));
}

bool dcap_keep(struct dcap_call *c, slice cls, const uint8_t digest[32], void *value, void (*drop)(void *value))
{
    if (c->owned_count == DCAP_OWNED_MAX) {
        drop(value);
        return dcap_fault(c, TRUSTEE_E_INTERNAL);
    }
    size_t n = c->owned_count++;
    c->owned[n].cls = cls;
    memcpy(c->owned[n].digest, digest, sizeof c->owned[n].digest);
    c->owned[n].value = value;
    c->owned[n].drop = drop;
    return true;
}
