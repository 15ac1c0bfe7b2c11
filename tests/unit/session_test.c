/* SPDX-License-Identifier: Apache-2.0
 *
 * Challenges in their cookies, and the store of answered ones.
 */
#include "core/session/sessions.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/jose.h"
#include "core/session/challenge.h"

#define NOW INT64_C(1800000000)

static struct arena arena;
static struct sealer *sealer;
static const uint8_t key_one[32] = {1}, key_two[32] = {2};

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(sealer_new(slice_of(key_one, 32), NO_SLICE, &sealer)));
}

static void teardown(void)
{
    sealer_free(sealer);
    arena_unmap(&arena);
}

TestSuite(session, .init = setup, .fini = teardown);

static struct challenge made(int64_t now, unsigned life)
{
    struct challenge c;
    cr_assert(!FAILED(challenge_make(&c, S("az-snp-vtpm"), S("0.4.0"), now, life, &arena)));
    return c;
}

static slice sealed(const struct challenge *c)
{
    slice cookie;
    cr_assert(!FAILED(challenge_seal(c, sealer, &arena, &cookie)));
    return cookie;
}

static enum reason opened_at(slice cookie, int64_t now)
{
    struct challenge c;
    return challenge_open(cookie, sealer, now, &arena, &c).reason;
}

/* --- challenges --- */

Test(session, a_challenge_comes_back_out_of_its_cookie_whole)
{
    struct challenge c = made(NOW, 300), back;
    hash_sha256(S("{\"image\":1}"), c.extra);
    cr_assert(!FAILED(challenge_open(sealed(&c), sealer, NOW + 299, &arena, &back)));
    cr_assert(memcmp(c.id, back.id, sizeof c.id) == 0);
    cr_assert(memcmp(c.extra, back.extra, sizeof c.extra) == 0);
    cr_assert(slice_equal(c.nonce, back.nonce));
    cr_assert(slice_equal(back.tee, S("az-snp-vtpm")));
    cr_assert(slice_equal(back.version, S("0.4.0")));
    cr_assert(back.issued == NOW && back.expiry == NOW + 300);
}

Test(session, a_nonce_is_32_random_bytes_in_base64)
{
    struct challenge a = made(NOW, 300), b = made(NOW, 300);
    uint8_t bytes[64];
    size_t length;
    cr_assert(base64_decode(bytes, sizeof bytes, a.nonce, &length) && length == 32);
    cr_assert_not(slice_equal(a.nonce, b.nonce));
    cr_assert(memcmp(a.id, b.id, sizeof a.id) != 0);
}

Test(session, every_altered_byte_of_a_cookie_is_refused)
{
    struct challenge c = made(NOW, 300);
    slice cookie = sealed(&c);
    for (size_t i = 0; i < cookie.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            size_t mark = arena.used;
            slice copy = arena_copy(&arena, cookie);
            uint8_t *bytes = arena.base + (copy.ptr - arena.base);
            bytes[i] ^= (uint8_t)(1u << bit);
            cr_assert_eq(opened_at(copy, NOW), SESSION_COOKIE);
            arena.used = mark;
        }
}

Test(session, a_shortened_or_lengthened_cookie_is_refused)
{
    struct challenge c = made(NOW, 300);
    slice cookie = sealed(&c);
    for (size_t n = 0; n < cookie.len; n++)
        cr_assert_eq(opened_at(slice_sub(cookie, 0, n), NOW), SESSION_COOKIE);
    cr_assert_eq(opened_at(arena_printf(&arena, "%.*sA", SLICE_ARG(cookie)), NOW), SESSION_COOKIE);
}

Test(session, foreign_texts_are_no_cookies)
{
    static const char *const texts[] = {"",
                                        "../x",
                                        "a/b",
                                        "%2e",
                                        "*",
                                        "a b",
                                        "x\r\ny",
                                        "' OR 1=1",
                                        "\xc3\xa9",
                                        "=",
                                        "00000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(opened_at(slice_text(texts[i]), NOW), SESSION_COOKIE);
}

Test(session, a_cookie_of_another_key_is_refused)
{
    struct challenge c = made(NOW, 300);
    slice cookie = sealed(&c);
    sealer_free(sealer);
    cr_assert(!FAILED(sealer_new(slice_of(key_two, 32), NO_SLICE, &sealer)));
    cr_assert_eq(opened_at(cookie, NOW), SESSION_COOKIE);
}

Test(session, a_retiring_key_still_opens)
{
    struct challenge c = made(NOW, 300);
    slice cookie = sealed(&c);
    sealer_free(sealer);
    cr_assert(!FAILED(sealer_new(slice_of(key_two, 32), slice_of(key_one, 32), &sealer)));
    cr_assert_eq(opened_at(cookie, NOW), REASON_OK);
}

Test(session, a_text_sealed_for_another_purpose_is_no_challenge)
{
    struct challenge c = made(NOW, 300);
    slice cookie, plain;
    cr_assert(!FAILED(unseal(sealer, S(COOKIE_NAME " challenge v2"), sealed(&c), &arena, &plain)));
    cr_assert(!FAILED(seal(sealer, S("another purpose"), plain, &arena, &cookie)));
    cr_assert_eq(opened_at(cookie, NOW), SESSION_COOKIE);
    cr_assert(!FAILED(seal(sealer, S(COOKIE_NAME " challenge v2"), plain, &arena, &cookie)));
    cr_assert_eq(opened_at(cookie, NOW), REASON_OK);
}

Test(session, a_sealed_text_that_is_no_whole_challenge_is_refused)
{
    struct challenge c = made(NOW, 300);
    slice cookie, plain;
    cr_assert(!FAILED(unseal(sealer, S(COOKIE_NAME " challenge v2"), sealed(&c), &arena, &plain)));
    for (size_t n = 0; n < plain.len; n++) {
        cr_assert(!FAILED(seal(sealer, S(COOKIE_NAME " challenge v2"), slice_sub(plain, 0, n), &arena, &cookie)));
        cr_assert_eq(opened_at(cookie, NOW), SESSION_COOKIE, "%zu", n);
    }
    struct text longer = text_begin(&arena);
    text_add(&longer, plain);
    text_lit(&longer, "x");
    slice text = text_end(&longer);
    cr_assert(!FAILED(seal(sealer, S(COOKIE_NAME " challenge v2"), text, &arena, &cookie)));
    cr_assert_eq(opened_at(cookie, NOW), SESSION_COOKIE);
}

Test(session, a_challenge_expires_with_its_skew)
{
    struct challenge c = made(NOW, 300);
    slice cookie = sealed(&c);
    cr_assert_eq(opened_at(cookie, NOW + 304), REASON_OK);
    cr_assert_eq(opened_at(cookie, NOW + 305), SESSION_EXPIRED);
    cr_assert_eq(opened_at(cookie, NOW + 31536000), SESSION_EXPIRED);
}

Test(session, a_challenge_of_the_future_is_refused)
{
    struct challenge c = made(NOW, 300);
    slice cookie = sealed(&c);
    cr_assert_eq(opened_at(cookie, NOW - 5), REASON_OK);
    cr_assert_eq(opened_at(cookie, NOW - 6), SESSION_EXPIRED);
    cr_assert_eq(opened_at(cookie, NOW - 3600), SESSION_EXPIRED);
}

Test(session, times_at_the_ends_of_their_range_do_not_overflow)
{
    struct challenge c = made(NOW, 300);
    c.expiry = INT64_MAX;
    cr_assert_eq(opened_at(sealed(&c), NOW), REASON_OK);
    c.expiry = INT64_MIN;
    cr_assert_eq(opened_at(sealed(&c), NOW), SESSION_EXPIRED);
    c.expiry = c.issued = INT64_MAX;
    cr_assert_eq(opened_at(sealed(&c), NOW), SESSION_EXPIRED);
}

static slice letters(size_t n)
{
    uint8_t *room = arena_alloc(&arena, n, 1);
    memset(room, 'n', n);
    return slice_of(room, n);
}

Test(session, the_largest_challenge_fits_a_cookie_of_512_bytes)
{
    struct challenge c = made(NOW, 300);
    c.nonce = letters(160);
    c.tee = letters(32);
    c.version = letters(16);
    cr_assert_leq(sealed(&c).len, COOKIE_SIZE_MAX);
}

Test(session, a_challenge_that_fits_no_cookie_is_not_sealed)
{
    struct challenge c = made(NOW, 300);
    slice cookie;
    c.nonce = letters(255);
    c.tee = letters(255);
    cr_assert_eq(challenge_seal(&c, sealer, &arena, &cookie).reason, INTERNAL);
    c.tee = letters(256);
    cr_assert(FAILED(challenge_seal(&c, sealer, &arena, &cookie)));
}

Test(session, a_cookie_over_512_bytes_is_refused_unseen)
{
    cr_assert_eq(opened_at(letters(513), NOW), SESSION_COOKIE);
    cr_assert_eq(opened_at(letters(1000000), NOW), SESSION_COOKIE);
}

Test(session, the_set_cookie_header_has_its_attributes)
{
    slice header;
    cr_assert(!FAILED(challenge_set_cookie(S("value"), 784111777, true, &arena, &header)));
    cr_assert(slice_equal(header, S("kbs-session-id=value; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Path=/kbs; HttpOnly; "
                                    "SameSite=Strict; Secure")));
    cr_assert(!FAILED(challenge_set_cookie(S("value"), 784111777, false, &arena, &header)));
    cr_assert_not(slice_ends(header, S("Secure")));
}

/* --- sessions --- */

static struct sessions *store;

static void with_store(size_t capacity, size_t bytes)
{
    cr_assert(!FAILED(sessions_new(capacity, bytes, &store)));
}

static void id_of(uint64_t n, uint8_t id[16])
{
    uint64_t z = n + UINT64_C(0x9e3779b97f4a7c15);
    for (int half = 0; half < 2; half++) {
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(id + 8 * half, &z, 8);
    }
}

static enum reason put(uint64_t n, uint8_t binding, slice token, uint64_t now, uint64_t until, slice *out)
{
    uint8_t id[16], who[16] = {binding};
    id_of(n, id);
    return sessions_put(store, id, who, token, now, until, &arena, out).reason;
}

static enum session_found get(uint64_t n, uint64_t now, slice *token)
{
    uint8_t id[16];
    enum session_found found;
    id_of(n, id);
    cr_assert(!FAILED(sessions_get(store, id, now, &arena, &found, NULL, token)));
    return found;
}

Test(session, what_was_put_is_found_under_its_id_alone)
{
    slice token;
    uint8_t id[16], binding[16];
    enum session_found found;
    with_store(100, 0);
    cr_assert_eq(get(1, 0, &token), SESSION_ABSENT);
    cr_assert_eq(put(1, 7, S("token"), 0, 1000, &token), REASON_OK);
    cr_assert(slice_equal(token, S("token")));
    cr_assert_eq(get(2, 0, &token), SESSION_ABSENT);
    cr_assert_null(token.ptr);
    id_of(1, id);
    cr_assert(!FAILED(sessions_get(store, id, 0, &arena, &found, binding, &token)));
    cr_assert(found == SESSION_TOKEN && binding[0] == 7 && slice_equal(token, S("token")));
    sessions_free(store);
}

Test(session, the_same_binding_again_gets_the_stored_token)
{
    slice token;
    with_store(100, 0);
    cr_assert_eq(put(1, 7, S("first"), 0, 1000, &token), REASON_OK);
    cr_assert_eq(put(1, 7, S("second"), 0, 1000, &token), REASON_OK);
    cr_assert(slice_equal(token, S("first")));
    cr_assert_eq(sessions_count(store), 1);
    sessions_free(store);
}

Test(session, another_binding_is_refused_as_consumed)
{
    slice token;
    with_store(100, 0);
    cr_assert_eq(put(1, 7, S("first"), 0, 1000, &token), REASON_OK);
    cr_assert_eq(put(1, 8, S("second"), 0, 1000, &token), SESSION_CONSUMED);
    cr_assert_eq(get(1, 0, &token), SESSION_TOKEN);
    cr_assert(slice_equal(token, S("first")));
    sessions_free(store);
}

Test(session, an_entry_is_gone_when_its_time_is_over)
{
    slice token;
    with_store(100, 0);
    cr_assert_eq(put(1, 7, S("token"), 0, 1000, &token), REASON_OK);
    cr_assert_eq(get(1, 999, &token), SESSION_TOKEN);
    cr_assert_eq(get(1, 1000, &token), SESSION_ABSENT);
    cr_assert_eq(sessions_count(store), 0);
    cr_assert_eq(put(1, 8, S("other"), 1000, 2000, &token), REASON_OK);
    sessions_free(store);
}

Test(session, a_full_store_refuses_and_forgets_nobody)
{
    slice token;
    with_store(16, 0);
    for (uint64_t n = 0; n < 16; n++)
        cr_assert_eq(put(n, 1, S("t"), 0, 1000 + n, &token), REASON_OK);
    cr_assert_eq(put(99, 1, S("t"), 0, 1000, &token), SESSION_FULL);
    cr_assert_eq(put(3, 1, S("t"), 0, 1000, &token), REASON_OK);
    for (uint64_t n = 0; n < 16; n++)
        cr_assert_eq(get(n, 999, &token), SESSION_TOKEN);
    cr_assert_eq(put(99, 1, S("t"), 1000, 2000, &token), REASON_OK);
    cr_assert_eq(put(100, 1, S("t"), 1000, 2000, &token), SESSION_FULL);
    sessions_free(store);
}

Test(session, a_token_that_left_the_ring_leaves_its_id_behind)
{
    slice token, long_token = letters(30000);
    with_store(100, 65536);
    cr_assert_eq(put(1, 7, S("first"), 0, 1000, &token), REASON_OK);
    for (uint64_t n = 2; n < 5; n++)
        cr_assert_eq(put(n, 7, long_token, 0, 1000, &token), REASON_OK);
    cr_assert_eq(get(1, 0, &token), SESSION_GONE);
    cr_assert_eq(get(2, 0, &token), SESSION_GONE);
    cr_assert_eq(get(3, 0, &token), SESSION_TOKEN);
    cr_assert(slice_equal(token, long_token));
    cr_assert_eq(put(1, 8, S("other"), 0, 1000, &token), SESSION_CONSUMED);
    cr_assert_eq(put(1, 7, S("afresh"), 0, 1000, &token), REASON_OK);
    cr_assert(slice_equal(token, S("afresh")));
    sessions_free(store);
}

Test(session, tokens_that_lie_across_the_ends_of_the_ring_are_whole)
{
    slice token;
    with_store(1000, 65536);
    for (uint64_t n = 0; n < 200; n++) {
        size_t mark = arena.used;
        slice wanted = arena_printf(&arena, "%llu %.*s %llu", (unsigned long long)n, 997,
                                    (const char *)letters(997).ptr, (unsigned long long)n);
        cr_assert_eq(put(n, 7, wanted, 0, 1000, &token), REASON_OK);
        cr_assert_eq(get(n, 0, &token), SESSION_TOKEN);
        cr_assert(slice_equal(token, wanted));
        arena.used = mark;
    }
    sessions_free(store);
}

Test(session, a_token_larger_than_the_ring_is_refused)
{
    slice token;
    with_store(16, 65536);
    cr_assert_eq(put(1, 7, letters(65537), 0, 1000, &token), SESSION_FULL);
    cr_assert_eq(get(1, 0, &token), SESSION_ABSENT);
    sessions_free(store);
}

/* Against the simplest model: entry n lives from put to until. 200,000 ids come and go through a growing index. */
Test(session, growth_and_removal_agree_with_a_simple_model)
{
    enum { COUNT = 200000, LIFE = 30000 };
    slice token;
    with_store(65536, 1 << 20);
    for (uint64_t now = 0; now < COUNT; now++) {
        size_t mark = arena.used;
        cr_assert_eq(put(now, 1, S("t"), now, now + LIFE, &token), REASON_OK);
        if (now % 97 == 0) {
            uint64_t probe = now * 31 % (now + 1);
            cr_assert_eq(get(probe, now, &token) != SESSION_ABSENT, probe + LIFE > now, "%llu at %llu",
                         (unsigned long long)probe, (unsigned long long)now);
            cr_assert_eq(get(COUNT + now, now, &token), SESSION_ABSENT);
        }
        arena.used = mark;
    }
    cr_assert_eq(sessions_count(store), LIFE);
    for (uint64_t n = 0; n < COUNT; n++) {
        size_t mark = arena.used;
        cr_assert_eq(get(n, COUNT - 1, &token) != SESSION_ABSENT, n + LIFE > COUNT - 1, "%llu", (unsigned long long)n);
        arena.used = mark;
    }
    cr_assert_eq(get(COUNT - 1, 10 * COUNT, &token), SESSION_ABSENT);
    cr_assert_eq(sessions_count(store), 0);
    sessions_free(store);
}

enum { RACERS = 8, ROUNDS = 500 };
static pthread_barrier_t barrier;
static char winners[RACERS][ROUNDS][16];

static void *race(void *number)
{
    struct arena own;
    size_t me = *(size_t *)number;
    cr_assert(!FAILED(arena_map(&own, 1 << 20, ARENA_PLAIN)));
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint8_t id[16], binding[16] = {1};
        slice out, mine = arena_printf(&own, "token of %zu", me);
        id_of(round, id);
        pthread_barrier_wait(&barrier);
        if (!FAILED(sessions_put(store, id, binding, mine, 0, 1000, &own, &out)))
            memcpy(winners[me][round], out.ptr, out.len);
    }
    arena_unmap(&own);
    return NULL;
}

Test(session, threads_that_race_for_one_id_all_get_one_token)
{
    pthread_t threads[RACERS];
    size_t numbers[RACERS];
    with_store(ROUNDS, 1 << 20);
    pthread_barrier_init(&barrier, NULL, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, race, &numbers[i]);
    }
    for (size_t i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < RACERS; i++)
            cr_assert(winners[0][round][0] && strcmp(winners[i][round], winners[0][round]) == 0);
    cr_assert_eq(sessions_count(store), ROUNDS);
    pthread_barrier_destroy(&barrier);
    sessions_free(store);
}
