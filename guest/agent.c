/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/agent.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

struct agent {
    const struct settings *settings;
    const struct attester *attester;
    atomic_bool stopping;
    pthread_mutex_t lock;   /* guards everything below */
    pthread_cond_t changed; /* a handshake has ended */
    struct session *current;
    bool busy;      /* a handshake is under way */
    uint64_t ended; /* how many have ended */
    result last;    /* how the last one did */
    struct failure last_failure;
};

static void agent_locks(struct agent *a)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&a->lock, NULL);
}

result agent_new(const struct settings *s, struct agent **out, struct failure *why)
{
    const struct attester *attester;
    *out = NULL;
    TRY(attester_find(s->tee, &s->attester, &attester, why));
    struct agent *a = calloc(1, sizeof *a);
    ENSURE(a, NO_MEMORY);
    a->settings = s;
    a->attester = attester;
    agent_locks(a);
    *out = a;
    return OK;
}

void agent_free(struct agent *a)
{
    if (!a)
        return;
    session_release(a->current);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void agent_stop(struct agent *a)
{
    atomic_store(&a->stopping, true);
    pthread_mutex_lock(&a->lock);
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

const struct settings *agent_settings(const struct agent *a)
{
    return a->settings;
}

const char *agent_tee(const struct agent *a)
{
    return a->attester->tee;
}

/* --- one handshake for all --------------------------------------------------------------------------------------- */

/* One request of the workload: its connection, memory and time. */
struct errand {
    struct agent *agent;
    struct kbs_client *client;
    struct kbs_memory memory;
    uint64_t deadline_ms;
    struct failure *why;
};

static struct session *fresh_session(struct agent *a)
{
    bool fresh = a->current && clock_monotonic_ms() < a->current->use_until_ms;
    return fresh ? session_hold(a->current) : NULL;
}

static result attest_now(struct errand *e, struct session **out)
{
    struct agent *a = e->agent;
    struct handshake h = {
        .settings = a->settings,
        .attester = a->attester,
        .client = e->client,
        .deadline_ms = e->deadline_ms,
        .memory = e->memory,
    };
    result r = handshake_run(&h, out, e->why);
    if (FAILED(r))
        log_warn("agent", "attestation failed: %s: %s", reason_id(r.reason), e->why->text);
    else
        log_info("agent", "attested as %s", a->attester->tee);
    return r;
}

/* With the lock held, which it lets go for the time of the handshake. */
static result lead_handshake(struct errand *e, struct session **out)
{
    struct agent *a = e->agent;
    a->busy = true;
    pthread_mutex_unlock(&a->lock);
    struct session *fresh = NULL;
    result r = attest_now(e, &fresh);
    pthread_mutex_lock(&a->lock);
    a->busy = false;
    a->ended++;
    a->last = r;
    a->last_failure = *e->why;
    if (!FAILED(r)) {
        session_release(a->current);
        a->current = session_hold(fresh);
    }
    pthread_cond_broadcast(&a->changed);
    *out = fresh;
    return r;
}

/* With the lock held: waits until the handshake under way has ended, and tells how it did. */
static result await_handshake(struct errand *e)
{
    struct agent *a = e->agent;
    uint64_t before = a->ended;
    struct timespec until = {
        .tv_sec = (time_t)(e->deadline_ms / 1000),
        .tv_nsec = (long)(e->deadline_ms % 1000) * 1000000L,
    };
    while (a->ended == before && !atomic_load(&a->stopping))
        if (pthread_cond_timedwait(&a->changed, &a->lock, &until) != 0)
            break;
    if (a->ended == before)
        return failure_set(e->why, AGENT_UNREACHABLE, "attest", "the attestation under way did not end in time");
    if (FAILED(a->last))
        *e->why = a->last_failure;
    return a->last;
}

static result session_acquire(struct errand *e, struct session **out)
{
    struct agent *a = e->agent;
    result r = OK;
    pthread_mutex_lock(&a->lock);
    while ((*out = fresh_session(a)) == NULL && !FAILED(r)) {
        if (a->busy) {
            r = await_handshake(e);
            continue;
        }
        r = lead_handshake(e, out);
        break;
    }
    pthread_mutex_unlock(&a->lock);
    return *out ? OK : r;
}

/* The service does not take this token: nobody shall use it again. */
static void session_reject(struct agent *a, struct session *s)
{
    pthread_mutex_lock(&a->lock);
    if (a->current == s) {
        a->current = NULL;
        session_release(s);
    }
    pthread_mutex_unlock(&a->lock);
}

static result errand_begin(struct errand *e, struct agent *a, struct kbs_memory memory, struct failure *why)
{
    *e = (struct errand){.agent = a, .memory = memory, .why = why};
    e->deadline_ms = clock_monotonic_ms() + (uint64_t)a->settings->timeout_s * 1000;
    return kbs_client_new(a->settings, &a->stopping, &e->client);
}

/* --- resources --------------------------------------------------------------------------------------------------- */

bool resource_path_valid(slice path)
{
    slice segment;
    size_t count = 0;
    while (slice_split(&path, '/', &segment)) {
        if (!slice_is_name(segment, "-_.") || segment.len > 255)
            return false;
        if (slice_equal(segment, S(".")) || slice_equal(segment, S("..")))
            return false;
        count++;
    }
    return count == 3;
}

/* Upstream's service answers 401 for whatever went wrong; only its type tells whether attesting again may help. */
static bool attesting_again_helps(long status, const struct failure *why)
{
    static const char *const lasting[] = {"PolicyDeny", "PolicyEngineError", "PluginInternalError", "JweError"};
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        if (slice_equal(slice_text(why->type), slice_text(lasting[i])))
            return false;
    return status == 401;
}

static result judge_resource(long status, struct failure *why)
{
    slice type = slice_text(why->type);
    if (status == 200)
        return OK;
    if (status == 403 || (status == 401 && slice_equal(type, S("PolicyDeny"))))
        return failure_set(why, AGENT_DENIED, "resource", "the service's policy denies this resource to this guest");
    if (status == 404)
        return failure_set(why, AGENT_NOT_FOUND, "resource", "the service has no such resource");
    if (status == 401 && slice_equal(type, S("PluginInternalError")))
        return failure_set(why, AGENT_SERVICE, "resource",
                           "the service cannot read the resource: it does not exist, or its storage failed");
    if (status == 401 && !attesting_again_helps(status, why))
        return failure_set(why, AGENT_SERVICE, "resource", "the service failed to release the resource (%s)",
                           why->type);
    if (status == 401)
        return failure_set(why, AGENT_REFUSED, "resource", "the service does not take the token it gave (%s)",
                           why->type);
    if (status >= 500)
        return failure_set(why, AGENT_SERVICE, "resource", "the service failed with %ld %s", status, why->type);
    return failure_set(why, AGENT_ANSWER, "resource", "the service answers %ld, which the protocol does not have",
                       status);
}

static result fetch(struct errand *e, const char *path, struct session *s, slice *plaintext)
{
    struct kbs_reply reply;
    struct kbs_request q = {.step = "resource", .path = path, .bearer = s->token};
    TRY(kbs_call(e->client, &q, e->deadline_ms, e->memory, &reply, e->why));
    TRY(judge_resource(reply.status, e->why));
    result r = jwe_decrypt(s->key, reply.body, e->memory.plain, e->memory.secret, plaintext);
    if (FAILED(r) && r.reason != NO_MEMORY)
        return failure_set(e->why, AGENT_ANSWER, "resource", "the service's answer cannot be decrypted (%s)",
                           reason_id(r.reason));
    return r;
}

/* Two attempts at most: the second with a token made after the first was refused. */
static result fetch_attested(struct errand *e, const char *path, slice *plaintext)
{
    for (int attempt = 0;; attempt++) {
        struct session *s;
        TRY(session_acquire(e, &s));
        result r = fetch(e, path, s, plaintext);
        bool stale = FAILED(r) && attesting_again_helps(e->why->status, e->why);
        if (stale)
            session_reject(e->agent, s);
        session_release(s);
        if (!stale || attempt > 0)
            return r;
    }
}

result agent_resource(struct agent *a, slice path, struct kbs_memory memory, slice *plaintext, struct failure *why)
{
    struct errand e;
    *plaintext = NO_SLICE;
    if (!resource_path_valid(path))
        return failure_set(why, AGENT_REQUEST, "resource", "the path must be repository/type/tag");
    slice full = arena_printf(memory.plain, "/kbs/v0/resource/%.*s", SLICE_ARG(path));
    ENSURE(full.ptr, NO_MEMORY);
    TRY(errand_begin(&e, a, memory, why));
    result r = fetch_attested(&e, (const char *)full.ptr, plaintext);
    kbs_client_free(e.client);
    return r;
}

/* --- token and evidence ------------------------------------------------------------------------------------------ */

static result token_json(const struct session *s, struct arena *secret, slice *out)
{
    slice pem;
    TRY(jwe_private_pem(s->key, secret, &pem));
    struct text t = text_begin(secret);
    text_lit(&t, "{\"token\":");
    text_json(&t, s->token);
    text_lit(&t, ",\"tee_keypair\":");
    text_json(&t, pem);
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

result agent_token(struct agent *a, struct kbs_memory memory, slice *out, struct failure *why)
{
    struct errand e;
    struct session *s;
    *out = NO_SLICE;
    TRY(errand_begin(&e, a, memory, why));
    result r = session_acquire(&e, &s);
    kbs_client_free(e.client);
    TRY(r);
    r = token_json(s, memory.secret, out);
    session_release(s);
    return r;
}

result agent_evidence(struct agent *a, slice report_data, struct arena *arena, slice *out, struct failure *why)
{
    const struct settings *s = a->settings;
    struct attester_query q = {
        .options = &s->attester,
        .report_data = report_data,
        .init_data_digest = slice_of(s->init_data.digest, s->init_data.digest_size),
    };
    return attester_gather(a->attester, &q, arena, out, why);
}
