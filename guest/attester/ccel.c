/* SPDX-License-Identifier: Apache-2.0
 *
 * TCG PC Client Platform Firmware Profile, section 10.2: first an event of the old form (SHA-1 digest), then events
 * with a list of digests. Firmware fills the rest of the area with ones or zeros.
 */
#include "guest/attester/ccel.h"

static size_t digest_size(uint16_t algorithm)
{
    switch (algorithm) {
    case 0x0004: /* SHA-1 */
        return 20;
    case 0x000b: /* SHA-256 */
    case 0x0012: /* SM3 */
        return 32;
    case 0x000c: /* SHA-384 */
        return 48;
    case 0x000d: /* SHA-512 */
        return 64;
    default:
        return 0;
    }
}

static bool skip_event_data(struct reader *r)
{
    uint32_t size;
    slice data;
    return read_u32le(r, &size) && read_bytes(r, size, &data);
}

static bool skip_header(struct reader *r)
{
    slice fixed; /* register, type, SHA-1 digest */
    return read_bytes(r, 4 + 4 + 20, &fixed) && skip_event_data(r);
}

static bool skip_event(struct reader *r)
{
    uint32_t index, type, digests;
    if (!read_u32le(r, &index) || !read_u32le(r, &type) || !read_u32le(r, &digests) || digests > 16)
        return false;
    for (uint32_t i = 0; i < digests; i++) {
        uint16_t algorithm;
        slice digest;
        if (!read_u16le(r, &algorithm) || digest_size(algorithm) == 0)
            return false;
        if (!read_bytes(r, digest_size(algorithm), &digest))
            return false;
    }
    return skip_event_data(r);
}

static bool at_end_mark(const struct reader *r)
{
    struct reader ahead = *r;
    uint64_t mark;
    return read_u64le(&ahead, &mark) && (mark == 0 || mark == UINT64_MAX);
}

slice ccel_trim(slice area)
{
    struct reader r = reader_of(area);
    if (!skip_header(&r))
        return NO_SLICE;
    while (!at_end_mark(&r))
        if (!skip_event(&r))
            return NO_SLICE;
    return slice_of(area.ptr, area.len - r.left.len);
}
