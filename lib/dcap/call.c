/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/call.h"

#include "lib/dcap/date.h"

struct dcap_call dcap_call_begin(const struct dcap_verifier *v, trustee_request *req, int64_t now)
{
    return (struct dcap_call){.verifier = v, .host = v->host, .req = req, .now = now, .status = TRUSTEE_OK};
}

void dcap_call_end(struct dcap_call *c)
{
    digester_end(&c->hasher);
    while (c->owned_count > 0) {
        c->owned_count--;
        c->owned[c->owned_count].drop(c->owned[c->owned_count].value);
    }
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
    return c->host->cache_get(c->req, cls, slice_of(digest, 32));
}

bool dcap_keep(struct dcap_call *c, slice cls, const uint8_t digest[32], void *value, void (*drop)(void *value))
{
    if (c->host->cache_put(c->req, cls, slice_of(digest, 32), value, drop, INT64_MAX) == TRUSTEE_OK)
        return true;
    if (c->owned_count == DCAP_OWNED_MAX) {
        drop(value);
        return dcap_fault(c, TRUSTEE_E_INTERNAL);
    }
    c->owned[c->owned_count].value = value;
    c->owned[c->owned_count++].drop = drop;
    return true;
}
