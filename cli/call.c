/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the service. libcurl stops here.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "core/crypto/jose.h"

#define ANSWER_MAX (32u << 20)
#define TOKEN_LIFE 60u

result admin_token(struct cli *c, unsigned life, const char *role, slice *out)
{
    slice pem;
    struct jws_signer *signer = NULL;
    char path[4096];
    ENSURE(c->admin_key.len && c->admin_key.len < sizeof path, ADMIN_MISSING);
    memcpy(path, c->admin_key.ptr, c->admin_key.len);
    path[c->admin_key.len] = 0;
    ENSURE(read_input(path, 65536, &c->secret, &pem), ADMIN_MISSING);
    TRY(jws_signer_from_pem(pem, &signer));
    long long now = (long long)time(NULL);
    slice header = arena_printf(&c->arena, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", jws_signer_alg(signer));
    struct text t = text_begin(&c->arena);
    text_lit(&t, "{\"iss\":\"trusteectl\",\"sub\":\"trusteectl\",\"aud\":[\"kbs\"],\"role\":");
    text_json(&t, slice_text(role));
    text_lit(&t, ",\"iat\":");
    text_i64(&t, now);
    text_lit(&t, ",\"exp\":");
    text_i64(&t, now + life);
    text_lit(&t, "}");
    slice payload = text_end(&t);
    result r = jws_sign(signer, &c->arena, header, payload, out);
    jws_signer_free(signer);
    return r;
}

struct receiving {
    struct arena *arena;
    uint8_t *start;
    size_t size;
    bool full;
};

static size_t receive(char *bytes, size_t one, size_t count, void *user)
{
    struct receiving *r = user;
    size_t n = one * count;
    uint8_t *room = r->size + n <= ANSWER_MAX ? arena_alloc(r->arena, n, 1) : NULL;
    if (!room) {
        r->full = true;
        return 0;
    }
    if (!r->start)
        r->start = room;
    memcpy(room, bytes, n);
    r->size += n;
    return n;
}

static struct curl_slist *headers(struct cli *c, const char *content_type)
{
    slice token;
    struct curl_slist *list = NULL;
    if (c->admin_key.len && !FAILED(admin_token(c, TOKEN_LIFE, c_text(c, c->role), &token))) {
        slice line = arena_printf(&c->arena, "Authorization: Bearer %.*s", SLICE_ARG(token));
        list = curl_slist_append(list, (const char *)line.ptr);
    }
    slice type = arena_printf(&c->arena, "Content-Type: %s", content_type ? content_type : "application/json");
    list = curl_slist_append(list, (const char *)type.ptr);
    return curl_slist_append(list, "Expect:");
}

static const char *unreachable_remedy(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_CONNECT:
        return "is trusteed running there? --url, or url in trusteectl.ini, says where it is";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "--url, or url in trusteectl.ini, names a host that is not known";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the service's certificate is not of the authority given with --ca, or ca in trusteectl.ini (init makes "
               "tls/ca.pem), or is for another name";
    case CURLE_SSL_CACERT_BADFILE:
        return "--ca, or ca in trusteectl.ini, takes a PEM file of certificates";
    case CURLE_SSL_CONNECT_ERROR:
        return "does the service speak TLS there? else say --url http://…";
    case CURLE_OPERATION_TIMEDOUT:
        return "it did not answer in 60 seconds; see its log";
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return "expected a URL such as https://127.0.0.1:8080";
    default:
        return "see the service's log";
    }
}

int call(struct cli *c, const char *method, const char *path, slice body, const char *content_type, struct answer *out)
{
    CURL *curl = curl_easy_init();
    if (!curl)
        return say(EXIT_FAILURE, "out of memory");
    char error[CURL_ERROR_SIZE] = "";
    const char *url = c_text(c, c->url);
    slice whole = arena_printf(&c->arena, "%s%s", url, path);
    struct curl_slist *list = headers(c, content_type);
    struct receiving receiving = {.arena = &c->arena};
    curl_easy_setopt(curl, CURLOPT_URL, (const char *)whole.ptr);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* ".." is a name here, and no way to another endpoint */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiving);
    if (body.ptr) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body.ptr);
    }
    if (c->ca.len)
        curl_easy_setopt(curl, CURLOPT_CAINFO, c_text(c, c->ca));
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    out->body = slice_of(receiving.start, receiving.size);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    if (code == CURLE_OK)
        return 0;
    return say(EXIT_UNREACHABLE, "%s: %s; %s", url, error[0] ? error : curl_easy_strerror(code),
               unreachable_remedy(code));
}

const json *answer_json(struct cli *c, const struct answer *a)
{
    const json *v;
    if (!FAILED(json_parse(&c->arena, a->body, &v)))
        return v;
    say(0, "the service answered something that is not JSON");
    return NULL;
}

static const char *remedy(long status)
{
    switch (status) {
    case 401:
        return "; does the service know our key? see [admin-key …] in its INI and admin_key in trusteectl.ini";
    case 503:
        return "; try again in a moment, and look at /readyz";
    default:
        return "";
    }
}

/* The service's own reason, where the answer names one ("protocol/policy.id"). */
static enum reason reason_of(slice named)
{
    size_t at = slice_find(named, '/');
    slice id = slice_sub(named, at + 1, named.len);
    unsigned i = REASON_OK + 1;
    while (i < REASON_COUNT && !slice_equal(id, slice_text(reason_id((enum reason)i))))
        i++;
    return at < named.len && i < REASON_COUNT ? (enum reason)i : REASON_OK;
}

static void say_refusal(const char *what, long status, slice detail, slice named)
{
    enum reason why = reason_of(named);
    bool told = why == POLICY_REFUSED || why == POLICY_LIMIT; /* the detail has line and column */
    if (status == 409)
        why = RESOURCE_CONFLICT;
    if (status == 404 && strstr(what, " /kbs/v0/resource/"))
        why = RELEASE_NOT_FOUND;
    if (why != REASON_OK && !told)
        say(0, "%s: %ld: %s; %s [%.*s]", what, status, reason_text(why), reason_remedy(why), SLICE_ARG(named));
    else
        say(0, "%s: %ld: %.*s%s%.*s%s%s", what, status, SLICE_ARG(detail), named.len ? " [" : "", SLICE_ARG(named),
            named.len ? "]" : "", remedy(status));
}

int call_ok(struct cli *c, const char *method, const char *path, slice body, const char *content_type,
            struct answer *out)
{
    int code = call(c, method, path, body, content_type, out);
    if (code || out->status == 200)
        return code;
    const json *v = NULL;
    if (FAILED(json_parse(&c->arena, out->body, &v)))
        v = NULL;
    slice detail = json_text(json_get(v, S("detail"))), reason = json_text(json_get(v, S("reason")));
    slice id = json_text(json_get(v, S("id")));
    slice what = arena_printf(&c->arena, "%s %s", method, path);
    if (!detail.ptr)
        detail = out->body.len ? slice_trim(slice_sub(out->body, 0, 200)) : S("no reason given");
    say_refusal((const char *)what.ptr, out->status, detail, reason);
    /* Reading leaves no record. */
    if (id.ptr && (out->status == 401 || strcmp(method, "GET") != 0))
        fprintf(stderr, "            trusteectl explain %.*s tells more\n", SLICE_ARG(id));
    return out->status == 404 ? EXIT_NOT_FOUND : EXIT_REFUSED;
}
