/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/fetcher.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "core/log/log.h"

#define HEADERS_MAX ((size_t)256 << 10) /* bytes of an answer's headers, all together */
#define CONNECT_MS 5000L
#define SLOW_BYTES 16L /* a second, over SLOW_SECONDS: slower is no answer */
#define SLOW_SECONDS 5L
#define IDLE_CONNECTIONS 4L

/* libcurl and what it brings along cost 3.8 MiB and 2.8 ms of every start, measured; most services never fetch. */
struct curl {
    void *library;
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_multi_init) *multi_init;
    __typeof__(curl_multi_setopt) *multi_setopt;
    __typeof__(curl_multi_add_handle) *multi_add_handle;
    __typeof__(curl_multi_remove_handle) *multi_remove_handle;
    __typeof__(curl_multi_socket_action) *multi_socket_action;
    __typeof__(curl_multi_info_read) *multi_info_read;
    __typeof__(curl_multi_assign) *multi_assign;
    __typeof__(curl_multi_cleanup) *multi_cleanup;
};

struct fetcher {
    uv_loop_t *loop;
    const struct fetcher_settings *settings;
    struct curl curl;
    CURLM *multi;
    uv_timer_t timer;
    struct transfer *transfers;
    bool stopped;
};

struct transfer {
    struct transfer *next, **at;
    struct fetcher *fetcher;
    CURL *easy;
    void (*done)(void *user, const struct fetched *got);
    void *user;
    size_t limit, size, used, header_bytes;
    uint8_t *body;
    uint8_t *chain;
    size_t chain_size;
    bool doubled, too_large;
    char error[CURL_ERROR_SIZE];
};

struct watch {
    uv_poll_t poll;
    struct fetcher *fetcher;
    curl_socket_t socket;
};

/* --- the library -------------------------------------------------------------------------------------------------- */

static bool load(struct curl *c)
{
    c->library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct {
        const char *name;
        void *to;
    } functions[] = {
        {"curl_global_init", &c->global_init},
        {"curl_easy_init", &c->easy_init},
        {"curl_easy_setopt", &c->easy_setopt},
        {"curl_easy_getinfo", &c->easy_getinfo},
        {"curl_easy_cleanup", &c->easy_cleanup},
        {"curl_easy_strerror", &c->easy_strerror},
        {"curl_multi_init", &c->multi_init},
        {"curl_multi_setopt", &c->multi_setopt},
        {"curl_multi_add_handle", &c->multi_add_handle},
        {"curl_multi_remove_handle", &c->multi_remove_handle},
        {"curl_multi_socket_action", &c->multi_socket_action},
        {"curl_multi_info_read", &c->multi_info_read},
        {"curl_multi_assign", &c->multi_assign},
        {"curl_multi_cleanup", &c->multi_cleanup},
    };
    bool whole = c->library != NULL;
    for (size_t i = 0; whole && i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(c->library, functions[i].name);
        memcpy(functions[i].to, &function, sizeof function);
        whole = function != NULL;
    }
    return whole && c->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* --- libcurl's sockets and timer on the loop -----------------------------------------------------------------------
 */

static void take_ended(struct fetcher *f);

static void act(struct fetcher *f, curl_socket_t socket, int events)
{
    int running = 0;
    (void)f->curl.multi_socket_action(f->multi, socket, events, &running);
    take_ended(f);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) |
                (status < 0 ? CURL_CSELECT_ERR : 0);
    act(w->fetcher, w->socket, flags);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *user)
{
    struct fetcher *f = user;
    (void)multi;
    if (ms < 0)
        (void)uv_timer_stop(&f->timer);
    else
        (void)uv_timer_start(&f->timer, on_timer, ms > 0 ? (uint64_t)ms : 0, 0);
    return 0;
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *watch_new(struct fetcher *f, curl_socket_t socket)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w || uv_poll_init(f->loop, &w->poll, socket) != 0) {
        free(w);
        return NULL;
    }
    w->fetcher = f;
    w->socket = socket;
    w->poll.data = w;
    (void)f->curl.multi_assign(f->multi, socket, w);
    return w;
}

static int want_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *about)
{
    struct fetcher *f = user;
    struct watch *w = about;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            (void)uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, free_watch);
        }
        (void)f->curl.multi_assign(f->multi, socket, NULL);
        return 0;
    }
    if (!w)
        w = watch_new(f, socket);
    if (!w)
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)uv_poll_start(&w->poll, events, on_socket);
    return 0;
}

/* --- one answer ----------------------------------------------------------------------------------------------------
 */

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *t = user;
    size_t length = size * count;
    if (length > t->limit - t->used) {
        t->too_large = true;
        return 0;
    }
    if (t->used + length > t->size) {
        size_t larger = t->size ? t->size * 2 : 16384;
        while (larger < t->used + length)
            larger *= 2;
        uint8_t *body = realloc(t->body, larger);
        if (!body)
            return 0;
        t->body = body;
        t->size = larger;
    }
    memcpy(t->body + t->used, bytes, length);
    t->used += length;
    return length;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *t = user;
    slice line = slice_of(bytes, size * count);
    t->header_bytes += line.len;
    if (t->header_bytes > HEADERS_MAX) {
        t->too_large = true;
        return 0;
    }
    while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    size_t colon = slice_find(line, ':');
    slice value = slice_trim(slice_sub(line, colon + 1, line.len));
    if (colon == line.len || !answer_is_chain_header(slice_sub(line, 0, colon)))
        return size * count;
    t->doubled = t->chain != NULL;
    free(t->chain);
    t->chain = malloc(value.len + 1);
    t->chain_size = t->chain ? value.len : 0;
    if (!t->chain)
        return 0;
    memcpy(t->chain, value.ptr ? value.ptr : (const uint8_t *)"", value.len);
    return size * count;
}

static void transfer_free(struct transfer *t)
{
    struct fetcher *f = t->fetcher;
    *t->at = t->next;
    if (t->next)
        t->next->at = t->at;
    if (t->easy) {
        (void)f->curl.multi_remove_handle(f->multi, t->easy);
        f->curl.easy_cleanup(t->easy);
    }
    free(t->body);
    free(t->chain);
    free(t);
}

static void ended(struct transfer *t, CURLcode code)
{
    struct curl *c = &t->fetcher->curl;
    struct fetched got = {.answer = {.body = slice_of(t->body, t->used),
                                     .chain = slice_of(t->chain, t->chain_size),
                                     .doubled = t->doubled}};
    long status = 0;
    curl_off_t wait = 0;
    if (code == CURLE_OK) {
        (void)c->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)c->easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
    } else {
        got.error = t->error[0] ? t->error : c->easy_strerror(code);
    }
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
        got.error = "the answer is larger than is taken";
    got.answer.status = (unsigned)status;
    got.retry_after = wait > 0 ? (uint64_t)wait : 0;
    t->done(t->user, &got);
    transfer_free(t);
}

static void take_ended(struct fetcher *f)
{
    int left;
    for (CURLMsg *m; !f->stopped && (m = f->curl.multi_info_read(f->multi, &left)) != NULL;) {
        if (m->msg != CURLMSG_DONE)
            continue;
        for (struct transfer *t = f->transfers; t; t = t->next)
            if (t->easy == m->easy_handle) {
                ended(t, m->data.result);
                break;
            }
    }
}

/* --- transfers -----------------------------------------------------------------------------------------------------
 */

static void set_limits(const struct curl *c, const struct transfer *t)
{
    CURL *h = t->easy;
    unsigned timeout = t->fetcher->settings->timeout_ms;
    (void)c->easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)timeout);
    (void)c->easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_MS ? (long)timeout : CONNECT_MS);
    (void)c->easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    (void)c->easy_setopt(h, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
    (void)c->easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->limit);
    (void)c->easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
}

/* One scheme, no redirects, no cookies, no credentials, identity encoding. */
static bool set_request(const struct curl *c, struct transfer *t, const char *url)
{
    CURL *h = t->easy;
    const struct fetcher_settings *s = t->fetcher->settings;
    bool https = slice_starts(slice_text(url), S("https://"));
    bool good = c->easy_setopt(h, CURLOPT_URL, url) == CURLE_OK &&
                c->easy_setopt(h, CURLOPT_PROTOCOLS_STR, https ? "https" : "http") == CURLE_OK &&
                c->easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                c->easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                c->easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                c->easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                (!s->ca || c->easy_setopt(h, CURLOPT_CAINFO, s->ca) == CURLE_OK) &&
                (!s->proxy || c->easy_setopt(h, CURLOPT_PROXY, s->proxy) == CURLE_OK);
    (void)c->easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)c->easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)c->easy_setopt(h, CURLOPT_USERAGENT, "trusteed/" TRUSTEE_VERSION);
    (void)c->easy_setopt(h, CURLOPT_ERRORBUFFER, t->error);
    (void)c->easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
    (void)c->easy_setopt(h, CURLOPT_WRITEDATA, t);
    (void)c->easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    (void)c->easy_setopt(h, CURLOPT_HEADERDATA, t);
    return good;
}

static bool begin(struct fetcher *f)
{
    if (f->multi)
        return true;
    if (!f->curl.library && !load(&f->curl)) {
        log_error("collateral", "libcurl.so.4 cannot be loaded: %s", dlerror());
        return false;
    }
    f->multi = f->curl.multi_init ? f->curl.multi_init() : NULL;
    if (!f->multi)
        return false;
    (void)f->curl.multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    (void)f->curl.multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    (void)f->curl.multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    (void)f->curl.multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    (void)f->curl.multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
    return true;
}

struct transfer *fetcher_get(struct fetcher *f, const char *url, size_t limit,
                             void (*done)(void *user, const struct fetched *got), void *user, const char **error)
{
    *error = "libcurl cannot be loaded; install it";
    if (!begin(f))
        return NULL;
    *error = "out of memory, or libcurl lacks an option";
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (struct transfer){.next = f->transfers,
                           .at = &f->transfers,
                           .fetcher = f,
                           .done = done,
                           .user = user,
                           .limit = limit,
                           .easy = f->curl.easy_init()};
    if (t->next)
        t->next->at = &t->next;
    f->transfers = t;
    if (!t->easy || !set_request(&f->curl, t, url)) {
        transfer_free(t);
        return NULL;
    }
    set_limits(&f->curl, t);
    if (f->curl.multi_add_handle(f->multi, t->easy) != CURLM_OK) {
        transfer_free(t);
        return NULL;
    }
    return t;
}

void fetcher_cancel(struct transfer *t)
{
    transfer_free(t);
}

result fetcher_new(uv_loop_t *loop, const struct fetcher_settings *settings, struct fetcher **out)
{
    struct fetcher *f = calloc(1, sizeof *f);
    ENSURE(f, NO_MEMORY);
    f->loop = loop;
    f->settings = settings;
    (void)uv_timer_init(loop, &f->timer);
    f->timer.data = f;
    *out = f;
    return OK;
}

void fetcher_stop(struct fetcher *f)
{
    f->stopped = true;
    while (f->transfers)
        transfer_free(f->transfers);
    if (f->multi)
        (void)f->curl.multi_cleanup(f->multi);
    f->multi = NULL;
    uv_close((uv_handle_t *)&f->timer, NULL);
}

void fetcher_free(struct fetcher *f)
{
    free(f);
}
