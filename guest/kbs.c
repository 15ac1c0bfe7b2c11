/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/kbs.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock/clock.h"
#include "lib/json/json.h"

#define REPLY_MAX ((size_t)8 << 20) /* bytes */
#define CONNECT_MAX_MS 10000
#define WAIT_SLICE_MS 50
#define RETRY_AFTER_DEFAULT 1 /* seconds, where a busy service names none */

struct kbs_client {
    CURL *curl;
    const struct settings *settings;
    const atomic_bool *stopping;
    char error[CURL_ERROR_SIZE];
};

result kbs_start(void)
{
    ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, INTERNAL);
    return OK;
}

result kbs_client_new(const struct settings *s, const atomic_bool *stopping, struct kbs_client **out)
{
    struct kbs_client *c = calloc(1, sizeof *c);
    *out = NULL;
    ENSURE(c, NO_MEMORY);
    *c = (struct kbs_client){.curl = curl_easy_init(), .settings = s, .stopping = stopping};
    if (!c->curl) {
        free(c);
        return FAIL(NO_MEMORY);
    }
    *out = c;
    return OK;
}

void kbs_client_free(struct kbs_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    free(c);
}

/* --- one transfer ------------------------------------------------------------------------------------------------ */

static size_t take_body(char *bytes, size_t size, size_t count, void *to)
{
    struct text *t = to;
    if (t->arena->used - t->start + size * count > REPLY_MAX)
        return 0;
    text_add(t, slice_of(bytes, size * count));
    return t->failed ? 0 : size * count;
}

static int check_stopping(void *client, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(((struct kbs_client *)client)->stopping);
}

static void set_connection(struct kbs_client *c, const char *url, uint64_t left_ms)
{
    CURL *h = c->curl;
    slice pem = c->settings->ca_pem;
    bool https = slice_starts(slice_text(url), S("https:"));
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, https ? "https" : "http");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)left_ms);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < CONNECT_MAX_MS ? left_ms : CONNECT_MAX_MS));
    curl_easy_setopt(h, CURLOPT_USERAGENT, "trustee-agent/" TRUSTEE_VERSION);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, check_stopping);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
    if (pem.len) {
        struct curl_blob blob = {.data = (void *)(uintptr_t)pem.ptr, .len = pem.len, .flags = CURL_BLOB_NOCOPY};
        curl_easy_setopt(h, CURLOPT_CAINFO_BLOB, &blob);
        curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
    }
}

static bool add_header(struct curl_slist **list, const char *header)
{
    struct curl_slist *longer = curl_slist_append(*list, header);
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* Cookies of the handle live from auth to attest; a request that is not to carry them starts without. */
static result set_message(struct kbs_client *c, const struct kbs_request *q, struct arena *secret,
                          struct curl_slist **headers)
{
    CURL *h = c->curl;
    curl_easy_setopt(h, CURLOPT_COOKIEFILE, "");
    if (!q->keep_cookies)
        curl_easy_setopt(h, CURLOPT_COOKIELIST, "ALL");
    if (q->body.ptr) {
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, (const char *)q->body.ptr);
        ENSURE(add_header(headers, "Content-Type: application/json") && add_header(headers, "Expect:"), NO_MEMORY);
    } else {
        curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
    }
    if (q->bearer.len) {
        slice header = arena_printf(secret, "Authorization: Bearer %.*s", SLICE_ARG(q->bearer));
        ENSURE(header.ptr && add_header(headers, (const char *)header.ptr), NO_MEMORY);
    }
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, *headers);
    return OK;
}

static enum reason transfer_reason(CURLcode code)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return AGENT_TLS;
    case CURLE_WRITE_ERROR:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return AGENT_ANSWER;
    case CURLE_OUT_OF_MEMORY:
        return NO_MEMORY;
    default:
        return AGENT_UNREACHABLE;
    }
}

static result transfer(struct kbs_client *c, const struct kbs_request *q, uint64_t left_ms, struct kbs_memory memory,
                       struct kbs_reply *out, struct failure *why)
{
    struct curl_slist *headers = NULL;
    slice url = arena_printf(memory.plain, "%.*s%s", SLICE_ARG(c->settings->url), q->path);
    ENSURE(url.ptr, NO_MEMORY);
    set_connection(c, (const char *)url.ptr, left_ms);
    result r = set_message(c, q, memory.secret, &headers);
    struct text body = text_begin(memory.plain);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &body);
    c->error[0] = 0;
    CURLcode code = FAILED(r) ? CURLE_OUT_OF_MEMORY : curl_easy_perform(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    out->body = text_end(&body);
    if (code != CURLE_OK)
        return failure_set(why, transfer_reason(code), q->step, "%s: %s", reason_text(transfer_reason(code)),
                           c->error[0] ? c->error : curl_easy_strerror(code));
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &out->status);
    return OK;
}

/* --- what a refusal says ----------------------------------------------------------------------------------------- */

static void copy_name(char *to, size_t room, slice from)
{
    if (from.len >= room || !slice_is_name(from, "-_.:/"))
        return;
    memcpy(to, from.ptr, from.len);
    to[from.len] = 0;
}

static void take_refusal(const struct kbs_reply *reply, struct arena *a, struct failure *why)
{
    const json *document = NULL;
    why->status = reply->status;
    why->type[0] = why->reason[0] = why->id[0] = 0;
    if (reply->status < 400 || FAILED(json_parse(a, reply->body, &document)))
        return;
    slice type = json_text(json_get(document, S("type"))), part;
    while (slice_split(&type, '/', &part))
        copy_name(why->type, sizeof why->type, part);
    copy_name(why->reason, sizeof why->reason, json_text(json_get(document, S("reason"))));
    copy_name(why->id, sizeof why->id, json_text(json_get(document, S("id"))));
}

static void take_retry_after(struct kbs_client *c, struct failure *why)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &seconds);
    why->retry_after = seconds <= 0 ? RETRY_AFTER_DEFAULT : seconds > 3600 ? 3600 : (unsigned)seconds;
}

/* --- patience ---------------------------------------------------------------------------------------------------- */

static uint64_t time_left(uint64_t deadline_ms)
{
    uint64_t now = clock_monotonic_ms();
    return now < deadline_ms ? deadline_ms - now : 0;
}

static bool is_busy(const struct kbs_reply *reply)
{
    return reply->status == 429 || reply->status == 503;
}

/* False when the service is to be waited for longer than there is time, or the agent stops. */
static bool wait_for_service(struct kbs_client *c, unsigned seconds, uint64_t deadline_ms)
{
    uint64_t until = clock_monotonic_ms() + (uint64_t)seconds * 1000;
    if (until >= deadline_ms)
        return false;
    while (time_left(until) > 0 && !atomic_load(c->stopping)) {
        struct timespec pause = {.tv_nsec = WAIT_SLICE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    return !atomic_load(c->stopping);
}

static result call_once(struct kbs_client *c, const struct kbs_request *q, uint64_t deadline_ms,
                        struct kbs_memory memory, struct kbs_reply *out, struct failure *why)
{
    uint64_t left = time_left(deadline_ms);
    *out = (struct kbs_reply){0};
    why->retry_after = 0;
    take_refusal(out, memory.plain, why);
    if (left == 0)
        return failure_set(why, AGENT_UNREACHABLE, q->step, "no time was left for the service");
    TRY(transfer(c, q, left, memory, out, why));
    take_refusal(out, memory.plain, why);
    if (is_busy(out))
        take_retry_after(c, why);
    return OK;
}

result kbs_call(struct kbs_client *c, const struct kbs_request *q, uint64_t deadline_ms, struct kbs_memory memory,
                struct kbs_reply *out, struct failure *why)
{
    TRY(call_once(c, q, deadline_ms, memory, out, why));
    if (is_busy(out) && wait_for_service(c, why->retry_after, deadline_ms))
        TRY(call_once(c, q, deadline_ms, memory, out, why));
    if (is_busy(out))
        return failure_set(why, AGENT_BUSY, q->step, "the service answers %ld: it is busy", out->status);
    return OK;
}
