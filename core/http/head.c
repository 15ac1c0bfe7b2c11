/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/head.h"

static const slice NAMES[HEADER_KNOWN] = {
    [HEADER_HOST] = TRUSTEE_TEXT("host"),
    [HEADER_COOKIE] = TRUSTEE_TEXT("cookie"),
    [HEADER_AUTHORIZATION] = TRUSTEE_TEXT("authorization"),
    [HEADER_CONTENT_TYPE] = TRUSTEE_TEXT("content-type"),
    [HEADER_TRACEPARENT] = TRUSTEE_TEXT("traceparent"),
    [HEADER_EXPECT] = TRUSTEE_TEXT("expect"),
    [HEADER_CONTENT_ENCODING] = TRUSTEE_TEXT("content-encoding"),
    [HEADER_TRANSFER_ENCODING] = TRUSTEE_TEXT("transfer-encoding"),
    [HEADER_CONTENT_LENGTH] = TRUSTEE_TEXT("content-length"),
};

/* Compares without case, and takes '_' for '-': some gateways map both to one variable, so a name that is known but
 * for its underscores is an attempt to slip past one of them. */
static bool same_name(slice name, slice known, bool *underscore)
{
    *underscore = false;
    for (size_t i = 0; i < known.len; i++) {
        uint8_t c = name.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c | 0x20);
        if (c == '_' && known.ptr[i] == '-')
            *underscore = true;
        else if (c != known.ptr[i])
            return false;
    }
    return true;
}

static enum known_header known_header(slice name, bool *underscore)
{
    for (unsigned i = 0; i < HEADER_KNOWN; i++)
        if (name.len == NAMES[i].len && same_name(name, NAMES[i], underscore))
            return (enum known_header)i;
    return HEADER_KNOWN;
}

static struct refusal take_known(struct head *h, enum known_header which, slice value)
{
    if (!head_has(h, which)) {
        h->seen |= 1u << which;
        h->header[which] = value;
        return NO_REFUSAL;
    }
    /* W3C Trace Context: more than one is as none. */
    if (which != HEADER_TRACEPARENT)
        return REFUSE(400, HTTP_MALFORMED);
    h->header[which] = NO_SLICE;
    return NO_REFUSAL;
}

void head_take_header(struct head *h, unsigned count_limit)
{
    bool underscore;
    slice value = h->value.ptr ? slice_trim(h->value) : NO_SLICE;
    enum known_header which = known_header(h->name, &underscore);
    h->name = h->value = NO_SLICE;
    if (++h->count > count_limit)
        h->bad = REFUSE(431, HTTP_HEAD_TOO_LARGE);
    else if (which == HEADER_KNOWN)
        return;
    else if (underscore)
        h->bad = REFUSE(400, HTTP_MALFORMED);
    else
        h->bad = take_known(h, which, value);
}

/* reg-name, IP literal and port; the rest of RFC 3986's grammar does not matter, as nothing is derived from it. */
static bool host_is_valid(slice host)
{
    return host.len == 0 || slice_is_name(host, "-._~:[]%!$&'()*+,;=");
}

struct refusal head_check(const struct head *h)
{
    if (h->major != 1 || h->minor > 1)
        return REFUSE(505, HTTP_MALFORMED);
    if (h->minor == 1 && !head_has(h, HEADER_HOST))
        return REFUSE(400, HTTP_MALFORMED);
    if (!host_is_valid(h->header[HEADER_HOST]))
        return REFUSE(400, HTTP_MALFORMED);
    /* HTTP/1.0 knows no transfer encoding, and "chunked" alone is the only one of which the end is certain. */
    if (head_has(h, HEADER_TRANSFER_ENCODING) &&
        (h->minor == 0 || !slice_equal_nocase(h->header[HEADER_TRANSFER_ENCODING], S("chunked"))))
        return REFUSE(400, HTTP_MALFORMED);
    if (head_has(h, HEADER_CONTENT_ENCODING) && !slice_equal_nocase(h->header[HEADER_CONTENT_ENCODING], S("identity")))
        return REFUSE(415, HTTP_ENCODING);
    if (head_has(h, HEADER_EXPECT) && h->minor == 1 && !head_expects_continue(h))
        return REFUSE(417, HTTP_EXPECT);
    return NO_REFUSAL;
}

bool head_expects_continue(const struct head *h)
{
    return h->minor == 1 && slice_equal_nocase(h->header[HEADER_EXPECT], S("100-continue"));
}
