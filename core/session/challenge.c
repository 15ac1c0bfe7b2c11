/* SPDX-License-Identifier: Apache-2.0 */
#include "core/session/challenge.h"

#include <time.h>

#include "core/crypto/jose.h"

#define PURPOSE S(COOKIE_NAME " challenge v2")

result challenge_make(struct challenge *c, slice tee, slice version, int64_t now, unsigned life, struct arena *a)
{
    uint8_t nonce[NONCE_SIZE];
    *c = (struct challenge){.tee = tee, .version = version, .issued = now, .expiry = now + life};
    TRY(random_bytes(c->id, sizeof c->id));
    TRY(random_bytes(nonce, sizeof nonce));
    struct text t = text_begin(a);
    text_base64(&t, slice_of(nonce, sizeof nonce));
    c->nonce = text_end(&t);
    ENSURE(c->nonce.ptr, NO_MEMORY);
    hash_sha256(CHALLENGE_NO_EXTRA, c->extra);
    return OK;
}

static void put_u64(struct text *t, uint64_t n)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (56 - 8 * i));
    text_add(t, slice_of(bytes, sizeof bytes));
}

static void put_short(struct text *t, slice s)
{
    uint8_t length = (uint8_t)s.len;
    if (s.len > UINT8_MAX)
        t->failed = true;
    text_add(t, slice_of(&length, 1));
    text_add(t, s);
}

result challenge_seal(const struct challenge *c, const struct sealer *s, struct arena *a, slice *cookie)
{
    struct text t = text_begin(a);
    text_add(&t, slice_of(c->id, sizeof c->id));
    put_u64(&t, (uint64_t)c->issued);
    put_u64(&t, (uint64_t)c->expiry);
    put_short(&t, c->nonce);
    put_short(&t, c->tee);
    put_short(&t, c->version);
    text_add(&t, slice_of(c->extra, sizeof c->extra));
    slice plain = text_end(&t);
    ENSURE(plain.ptr, NO_MEMORY);
    TRY(seal(s, PURPOSE, plain, a, cookie));
    ENSURE(cookie->len <= COOKIE_SIZE_MAX, INTERNAL);
    return OK;
}

static bool take_short(struct reader *r, slice *out)
{
    uint8_t length;
    return read_u8(r, &length) && read_bytes(r, length, out);
}

result challenge_open(slice cookie, const struct sealer *s, int64_t now, struct arena *a, struct challenge *out)
{
    slice plain, id, extra;
    uint64_t issued, expiry;
    ENSURE(cookie.len <= COOKIE_SIZE_MAX, SESSION_COOKIE);
    TRY(unseal(s, PURPOSE, cookie, a, &plain));
    struct reader r = reader_of(plain);
    bool whole = read_bytes(&r, sizeof out->id, &id) && read_u64be(&r, &issued) && read_u64be(&r, &expiry) &&
                 take_short(&r, &out->nonce) && take_short(&r, &out->tee) && take_short(&r, &out->version) &&
                 read_bytes(&r, sizeof out->extra, &extra) && read_done(&r);
    ENSURE(whole, SESSION_COOKIE);
    memcpy(out->id, id.ptr, sizeof out->id);
    memcpy(out->extra, extra.ptr, sizeof out->extra);
    out->issued = (int64_t)issued;
    out->expiry = (int64_t)expiry;
    ENSURE(out->issued <= now + CHALLENGE_SKEW, SESSION_EXPIRED);
    ENSURE(out->expiry > now - CHALLENGE_SKEW, SESSION_EXPIRED);
    return OK;
}

result challenge_set_cookie(slice cookie, int64_t expiry, bool tls, struct arena *a, slice *out)
{
    char date[40];
    time_t when = (time_t)expiry;
    struct tm tm;
    gmtime_r(&when, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    *out = arena_printf(a, COOKIE_NAME "=%.*s; Expires=%s; Path=/kbs; HttpOnly; SameSite=Strict%s", SLICE_ARG(cookie),
                        date, tls ? "; Secure" : "");
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}
