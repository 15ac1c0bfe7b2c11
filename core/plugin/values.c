/* SPDX-License-Identifier: Apache-2.0
 *
 * How a verifier reads its evidence: by JSON pointer, with the type said by the function.
 */
#include "core/plugin/internal.h"

#define POINTER_MAX 1024

static trustee_status find(const trustee_value *from, slice pointer, const trustee_value **out)
{
    *out = NULL;
    if (!from || !slice_is_sane(pointer, POINTER_MAX))
        return TRUSTEE_NOT_FOUND;
    *out = pointer.len ? json_at(from, pointer) : from;
    return *out ? TRUSTEE_OK : TRUSTEE_NOT_FOUND;
}

static trustee_status value_get(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                const trustee_value **out)
{
    (void)req;
    return find(from, pointer, out);
}

static trustee_status value_text(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                 trustee_slice *out)
{
    const trustee_value *v;
    (void)req;
    *out = NO_SLICE;
    trustee_status status = find(from, pointer, &v);
    if (status != TRUSTEE_OK)
        return status;
    *out = json_text(v);
    return out->ptr ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_i64(trustee_request *req, const trustee_value *from, trustee_slice pointer, int64_t *out)
{
    const trustee_value *v;
    (void)req;
    *out = 0;
    trustee_status status = find(from, pointer, &v);
    if (status != TRUSTEE_OK)
        return status;
    return json_i64(v, out) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_u64(trustee_request *req, const trustee_value *from, trustee_slice pointer, uint64_t *out)
{
    const trustee_value *v;
    (void)req;
    *out = 0;
    trustee_status status = find(from, pointer, &v);
    if (status != TRUSTEE_OK)
        return status;
    return json_u64(v, out) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

static trustee_status value_bool(trustee_request *req, const trustee_value *from, trustee_slice pointer, uint32_t *out)
{
    const trustee_value *v;
    bool truth = false;
    (void)req;
    *out = 0;
    trustee_status status = find(from, pointer, &v);
    if (status != TRUSTEE_OK)
        return status;
    bool good = json_bool(v, &truth);
    *out = good && truth;
    return good ? TRUSTEE_OK : TRUSTEE_REJECT;
}

typedef bool decode_fn(uint8_t *out, size_t room, slice in, size_t *length);

/* A text of the evidence, decoded into the arena. */
static trustee_status decode(trustee_request *req, slice text, size_t room, decode_fn *decoder, trustee_slice *out)
{
    uint8_t *bytes = arena_alloc(req->scratch, room, 1);
    size_t length = 0;
    *out = NO_SLICE;
    if (!bytes)
        return TRUSTEE_E_NOMEM;
    if (!decoder(bytes, room, text, &length))
        return TRUSTEE_REJECT;
    *out = slice_of(bytes, length);
    return TRUSTEE_OK;
}

static trustee_status value_base64(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                   uint32_t alphabet, trustee_slice *out)
{
    slice text;
    *out = NO_SLICE;
    if (alphabet > TRUSTEE_BASE64_URL)
        return TRUSTEE_E_INVAL;
    trustee_status status = value_text(req, from, pointer, &text);
    if (status != TRUSTEE_OK)
        return status;
    return decode(req, text, BASE64_DECODED_MAX(text.len),
                  alphabet == TRUSTEE_BASE64_URL ? base64url_decode : base64_decode, out);
}

static trustee_status value_hex(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                trustee_slice *out)
{
    slice text;
    *out = NO_SLICE;
    trustee_status status = value_text(req, from, pointer, &text);
    if (status != TRUSTEE_OK)
        return status;
    return decode(req, text, text.len / 2, hex_decode, out);
}

static trustee_status value_bytes(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                  trustee_slice *out)
{
    const trustee_value *v;
    uint64_t number;
    size_t at = 0;
    *out = NO_SLICE;
    trustee_status status = find(from, pointer, &v);
    if (status != TRUSTEE_OK)
        return status;
    if (json_type(v) != TRUSTEE_NODE_ARRAY)
        return TRUSTEE_REJECT;
    size_t count = json_count(v);
    uint8_t *bytes = arena_alloc(req->scratch, count, 1);
    if (!bytes)
        return TRUSTEE_E_NOMEM;
    for (const trustee_value *item = json_next(v, NULL, NULL); item && at < count; item = json_next(v, item, NULL)) {
        if (!json_u64(item, &number) || number > 255)
            return TRUSTEE_REJECT;
        bytes[at++] = (uint8_t)number;
    }
    *out = slice_of(bytes, at);
    return TRUSTEE_OK;
}

static uint32_t value_type(const trustee_value *value)
{
    return json_type(value);
}

static uint64_t value_count(const trustee_value *value)
{
    return value ? json_count(value) : 0;
}

static const trustee_value *value_next(const trustee_value *container, const trustee_value *last, trustee_slice *key)
{
    return container ? json_next(container, last, key) : NULL;
}

void host_fill_values(trustee_host *host)
{
    host->value_get = value_get;
    host->value_type = value_type;
    host->value_text = value_text;
    host->value_i64 = value_i64;
    host->value_u64 = value_u64;
    host->value_bool = value_bool;
    host->value_base64 = value_base64;
    host->value_hex = value_hex;
    host->value_bytes = value_bytes;
    host->value_count = value_count;
    host->value_next = value_next;
}
