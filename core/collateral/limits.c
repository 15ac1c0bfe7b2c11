/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/limits.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/signature/signature.h"

#define ADDRESSES 1024u
#define ABSENT 1024u
#define VERIFIED 4096u
#define WAYS 4u    /* places where a name may stand */
#define RESERVE 4u /* one part in this many is for platforms that were verified before */
#define MINUTE_MS 60000u
#define UNIT UINT64_C(60000) /* one fetch */

/* Fills by one minute's worth in a minute, up to a minute's worth. */
struct bucket {
    uint64_t units, at_ms;
};

struct address {
    uint8_t name[16];
    bool used;
    struct bucket bucket;
};

struct mark {
    uint8_t name[32];
    uint64_t until_ms; /* 0: free */
};

struct limits {
    uint64_t per_address, per_vendor;
    struct bucket vendors[VENDOR_COUNT];
    struct address addresses[ADDRESSES];
    struct mark absent[ABSENT];
    pthread_mutex_t lock; /* of what was verified */
    struct mark verified[VERIFIED];
    uint64_t turn;
};

result limits_new(uint64_t per_address, uint64_t per_vendor, struct limits **out)
{
    struct limits *l = calloc(1, sizeof *l);
    ENSURE(l, NO_MEMORY);
    l->per_address = per_address;
    l->per_vendor = per_vendor;
    for (size_t i = 0; i < VENDOR_COUNT; i++)
        l->vendors[i].units = per_vendor * UNIT;
    pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return OK;
}

void limits_free(struct limits *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void fill(struct bucket *b, uint64_t per_minute, uint64_t now_ms)
{
    uint64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    if (passed > MINUTE_MS)
        passed = MINUTE_MS;
    b->units += passed * per_minute;
    if (b->units > per_minute * UNIT)
        b->units = per_minute * UNIT;
    b->at_ms = now_ms;
}

/* --- addresses --- */

/* One customer has a whole /64 of IPv6. Platforms that were verified before do not share with those that were not. */
static void address_name(slice peer, bool known, uint8_t name[16])
{
    char text[64] = "";
    struct in_addr v4;
    struct in6_addr v6;
    memset(name, 0, 16);
    name[15] = known;
    memcpy(text, peer.ptr ? peer.ptr : (const uint8_t *)"", peer.len < sizeof text ? peer.len : sizeof text - 1);
    if (inet_pton(AF_INET, text, &v4) == 1) {
        name[0] = 4;
        memcpy(name + 1, &v4, sizeof v4);
    } else if (inet_pton(AF_INET6, text, &v6) == 1) {
        name[0] = 6;
        memcpy(name + 1, &v6, 8);
    }
}

static size_t place_of(const uint8_t *name, size_t size, size_t count)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++)
        h = (h ^ name[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32) % (count / WAYS) * WAYS;
}

/* The address's bucket; a stranger takes the place of whoever has the most left of its own. */
static struct bucket *address_bucket(struct limits *l, slice peer, bool known, uint64_t now_ms)
{
    uint8_t name[16];
    address_name(peer, known, name);
    struct address *way = &l->addresses[place_of(name, sizeof name, ADDRESSES)], *best = way;
    for (size_t i = 0; i < WAYS; i++) {
        if (way[i].used && memcmp(way[i].name, name, sizeof name) == 0) {
            fill(&way[i].bucket, l->per_address, now_ms);
            return &way[i].bucket;
        }
        fill(&way[i].bucket, l->per_address, now_ms);
        if (!way[i].used || (best->used && way[i].bucket.units > best->bucket.units))
            best = &way[i];
    }
    *best = (struct address){.used = true, .bucket = {l->per_address * UNIT, now_ms}};
    memcpy(best->name, name, sizeof name);
    return &best->bucket;
}

/* --- names --- */

static bool digest_of(slice kind, slice key, uint8_t out[32])
{
    uint8_t text[COLLATERAL_KIND_MAX + 1 + COLLATERAL_KEY_MAX];
    if (kind.len > COLLATERAL_KIND_MAX || key.len > COLLATERAL_KEY_MAX)
        return false;
    memcpy(text, kind.ptr, kind.len);
    text[kind.len] = 0;
    memcpy(text + kind.len + 1, key.ptr, key.len);
    return !FAILED(sha256(slice_of(text, kind.len + 1 + key.len), out));
}

static struct mark *mark_find(struct mark *marks, size_t count, const uint8_t name[32])
{
    struct mark *way = &marks[place_of(name, 32, count)];
    for (size_t i = 0; i < WAYS; i++)
        if (way[i].until_ms && memcmp(way[i].name, name, 32) == 0)
            return &way[i];
    return NULL;
}

/* Takes the place of the one that ends first. */
static void mark_set(struct mark *marks, size_t count, const uint8_t name[32], uint64_t until_ms)
{
    struct mark *m = mark_find(marks, count, name), *way = &marks[place_of(name, 32, count)];
    for (size_t i = 0; !m && i < WAYS; i++)
        if (!way[i].until_ms)
            m = &way[i];
    if (!m) {
        m = way;
        for (size_t i = 1; i < WAYS; i++)
            if (way[i].until_ms < m->until_ms)
                m = &way[i];
    }
    memcpy(m->name, name, 32);
    m->until_ms = until_ms;
}

void limits_absent(struct limits *l, slice kind, slice key, uint64_t now_ms)
{
    uint8_t name[32];
    if (digest_of(kind, key, name))
        mark_set(l->absent, ABSENT, name, now_ms + NEGATIVE_LIFE_MS);
}

bool limits_is_absent(struct limits *l, slice kind, slice key, uint64_t now_ms)
{
    uint8_t name[32];
    struct mark *m = digest_of(kind, key, name) ? mark_find(l->absent, ABSENT, name) : NULL;
    return m && m->until_ms > now_ms;
}

/* The machine that a key names, whatever its firmware: PRODUCT/CHIP-ID, or QEID. */
static slice platform_of(slice kind, slice key)
{
    size_t end = slice_find(key, '/');
    if (slice_equal(kind, S("amd/vcek")) && end < key.len)
        end += 1 + slice_find(slice_sub(key, end + 1, key.len), '/');
    return slice_sub(key, 0, end);
}

void limits_verified(struct limits *l, slice kind, slice key)
{
    uint8_t name[32];
    if (!digest_of(kind, platform_of(kind, key), name))
        return;
    pthread_mutex_lock(&l->lock);
    mark_set(l->verified, VERIFIED, name, ++l->turn);
    pthread_mutex_unlock(&l->lock);
}

static bool was_verified(struct limits *l, slice kind, slice key)
{
    uint8_t name[32];
    if (!digest_of(kind, platform_of(kind, key), name))
        return false;
    pthread_mutex_lock(&l->lock);
    bool found = mark_find(l->verified, VERIFIED, name) != NULL;
    pthread_mutex_unlock(&l->lock);
    return found;
}

/* --- drawing --- */

static uint64_t until_ms(const struct bucket *b, uint64_t wanted, uint64_t per_minute)
{
    return b->units >= wanted ? 0 : (wanted - b->units + per_minute - 1) / per_minute;
}

bool limits_draw(struct limits *l, const struct collateral_kind *kind, slice key, slice peer, uint64_t now_ms,
                 uint64_t *wait_ms)
{
    *wait_ms = 0;
    if (!kind->platform)
        return true;
    bool known = was_verified(l, kind->name, key);
    struct bucket *vendor = &l->vendors[kind->vendor];
    struct bucket *address = address_bucket(l, peer, known, now_ms);
    fill(vendor, l->per_vendor, now_ms);
    uint64_t reserve = known ? 0 : l->per_vendor * UNIT / RESERVE;
    uint64_t a = until_ms(vendor, reserve + UNIT, l->per_vendor);
    uint64_t b = until_ms(address, UNIT, l->per_address);
    *wait_ms = a > b ? a : b;
    if (*wait_ms)
        return false;
    vendor->units -= UNIT;
    address->units -= UNIT;
    return true;
}
