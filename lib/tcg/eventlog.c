/* SPDX-License-Identifier: Apache-2.0
 *
 * First comes an event of the old form (with a SHA-1 digest), whose data says which algorithms the others have.
 * Everything is little-endian.
 */
#include "lib/tcg/eventlog.h"

#include "lib/tcg/algorithm.h"
#include "lib/tcg/event_types.h"

static const struct log_algorithm ALGORITHMS[] = {
    {TPM_ALG_SHA1, DIGEST_SHA1, TRUSTEE_TEXT("SHA-1")},       {TPM_ALG_SHA256, DIGEST_SHA256, TRUSTEE_TEXT("SHA-256")},
    {TPM_ALG_SHA384, DIGEST_SHA384, TRUSTEE_TEXT("SHA-384")}, {TPM_ALG_SHA512, DIGEST_SHA512, TRUSTEE_TEXT("SHA-512")},
    {TPM_ALG_SM3_256, DIGEST_SM3, TRUSTEE_TEXT("SM3")},
};

const struct log_algorithm *log_algorithm(uint16_t id)
{
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++)
        if (ALGORITHMS[i].id == id)
            return &ALGORITHMS[i];
    return NULL;
}

/* --- the header --- */

static bool lists(const struct eventlog *log, uint16_t algorithm)
{
    for (size_t i = 0; i < log->algorithm_count; i++)
        if (log->algorithms[i] == algorithm)
            return true;
    return false;
}

static result read_algorithms(struct reader *r, struct eventlog *out)
{
    uint32_t count;
    ENSURE(read_u32le(r, &count), EVENTLOG_HEADER);
    ENSURE(count > 0 && count <= EVENT_DIGESTS_MAX, EVENTLOG_ALGORITHM);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t id, size;
        ENSURE(read_u16le(r, &id) && read_u16le(r, &size), EVENTLOG_HEADER);
        const struct log_algorithm *known = log_algorithm(id);
        ENSURE(known && digest_size(known->digest) == size && !lists(out, id), EVENTLOG_ALGORITHM);
        out->algorithms[out->algorithm_count++] = id;
    }
    return OK;
}

/* TCG_EfiSpecIDEvent */
static result read_spec_id(slice data, struct eventlog *out)
{
    struct reader r = reader_of(data);
    slice signature, versions, vendor;
    uint8_t vendor_size = 0;
    ENSURE(read_bytes(&r, 16, &signature) && slice_equal(signature, S("Spec ID Event03\0")), EVENTLOG_HEADER);
    ENSURE(read_bytes(&r, 8, &versions), EVENTLOG_HEADER);
    TRY(read_algorithms(&r, out));
    ENSURE(read_u8(&r, &vendor_size) && read_bytes(&r, vendor_size, &vendor) && read_done(&r), EVENTLOG_HEADER);
    return OK;
}

result eventlog_open(slice bytes, struct eventlog *out)
{
    uint32_t index, type, size;
    slice digest, data;
    ENSURE(bytes.len <= EVENTLOG_SIZE_MAX, EVENTLOG_SIZE);
    *out = (struct eventlog){.bytes = bytes, .events = reader_of(bytes)};
    struct reader *r = &out->events;
    ENSURE(read_u32le(r, &index) && read_u32le(r, &type) && type == EV_NO_ACTION, EVENTLOG_HEADER);
    ENSURE(read_bytes(r, 20, &digest) && read_u32le(r, &size) && read_bytes(r, size, &data), EVENTLOG_HEADER);
    return read_spec_id(data, out);
}

/* --- the events --- */

/* Firmware fills the area behind a log with ones, some with zeros. */
static bool at_padding(slice left)
{
    for (size_t i = 0; i < left.len && i < 8; i++)
        if (left.ptr[i] != left.ptr[0])
            return false;
    return left.len == 0 || left.ptr[0] == 0 || left.ptr[0] == 0xff;
}

static bool is_one_byte_repeated(slice s)
{
    return s.len < 2 || memcmp(s.ptr, s.ptr + 1, s.len - 1) == 0;
}

static result read_digests(struct eventlog *log, struct event *out)
{
    uint32_t count;
    ENSURE(read_u32le(&log->events, &count), EVENTLOG_TRUNCATED);
    ENSURE(count <= log->algorithm_count, EVENTLOG_ALGORITHM);
    for (uint32_t i = 0; i < count; i++) {
        struct event_digest *d = &out->digests[i];
        ENSURE(read_u16le(&log->events, &d->algorithm), EVENTLOG_TRUNCATED);
        ENSURE(lists(log, d->algorithm) && !event_digest_of(out, d->algorithm).ptr, EVENTLOG_ALGORITHM);
        size_t size = digest_size(log_algorithm(d->algorithm)->digest);
        ENSURE(read_bytes(&log->events, size, &d->bytes), EVENTLOG_TRUNCATED);
        out->digest_count++;
    }
    return OK;
}

result eventlog_next(struct eventlog *log, struct event *out, bool *end)
{
    struct reader *r = &log->events;
    uint32_t size;
    *end = at_padding(r->left);
    if (*end)
        return is_one_byte_repeated(r->left) ? OK : FAIL(EVENTLOG_TRAILING);
    out->digest_count = 0;
    ENSURE(read_u32le(r, &out->index) && read_u32le(r, &out->type), EVENTLOG_TRUNCATED);
    TRY(read_digests(log, out));
    ENSURE(read_u32le(r, &size) && read_bytes(r, size, &out->data), EVENTLOG_TRUNCATED);
    return OK;
}

slice event_digest_of(const struct event *e, uint16_t algorithm)
{
    for (size_t i = 0; i < e->digest_count; i++)
        if (e->digests[i].algorithm == algorithm)
            return e->digests[i].bytes;
    return NO_SLICE;
}
