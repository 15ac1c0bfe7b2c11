/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/x509/certificate.h"

#define BEGIN_ANY S("-----BEGIN ")
#define BEGIN S("-----BEGIN CERTIFICATE-----")
#define END S("-----END CERTIFICATE-----")
#define CHUNK 256 /* base64 characters decoded at once; a multiple of 4 */

/* Where `what` begins in `in`, or in.len. */
static size_t find(slice in, slice what)
{
    const uint8_t *hit = in.len ? memmem(in.ptr, in.len, what.ptr, what.len) : NULL;
    return hit ? (size_t)(hit - in.ptr) : in.len;
}

static bool is_blank(uint8_t c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* Moves up to CHUNK characters that are not blank into `chunk`. */
static slice take_chunk(slice *body, uint8_t *chunk)
{
    size_t n = 0, i = 0;
    for (; i < body->len && n < CHUNK; i++)
        if (!is_blank(body->ptr[i]))
            chunk[n++] = body->ptr[i];
    *body = slice_of(body->ptr + i, body->len - i);
    return slice_of(chunk, n);
}

static bool decode_body(slice body, uint8_t *room, size_t room_size, slice *der)
{
    uint8_t chunk[CHUNK];
    size_t used = 0, length = 0;
    bool padded = false;
    while (body.len) {
        slice text = take_chunk(&body, chunk);
        if (text.len == 0)
            break;
        if (padded || !base64_decode(room + used, room_size - used, text, &length))
            return false;
        padded = text.ptr[text.len - 1] == '=';
        used += length;
    }
    *der = slice_of(room, used);
    return used > 0;
}

result pem_next_certificate(slice *rest, uint8_t *room, size_t room_size, slice *der)
{
    *der = NO_SLICE;
    slice in = slice_sub(*rest, find(*rest, BEGIN_ANY), rest->len);
    if (in.len == 0) {
        *rest = NO_SLICE;
        return OK;
    }
    ENSURE(slice_starts(in, BEGIN), X509_FORM);
    slice body = slice_sub(in, BEGIN.len, in.len);
    size_t end = find(body, END);
    ENSURE(end < body.len, X509_FORM);
    ENSURE(decode_body(slice_of(body.ptr, end), room, room_size, der), X509_FORM);
    *rest = slice_sub(body, end + END.len, body.len);
    return OK;
}
