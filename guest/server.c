/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/server.h"

#include <signal.h>

#include "core/http/http.h"
#include "core/log/log.h"
#include "guest/api.h"

#define GRACE_MS 2000

static const struct http_settings LIMITS = {
    .listener_count = 1,
    .workers = 1,
    .slots = 16,
    .secrets = 16,
    .head_limit = (size_t)16 << 10,
    .body_limit = (size_t)16 << 20, /* of a secret arena, too: the largest resource and its base64 */
    .scratch_size = (size_t)32 << 20,
    .write_limit = (size_t)16 << 20,
    .header_count_limit = 64,
    .connections = 64,
    .head_timeout_ms = 10000,
    .body_timeout_ms = 10000,
    .handshake_timeout_ms = 10000,
    .idle_timeout_ms = 60000,
    .write_timeout_ms = 30000,
};

/* Before other threads start, so that they inherit it and sigwait alone gets them. */
static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    return set;
}

static void wait_for_signal(const sigset_t *set)
{
    int signal = 0;
    while (sigwait(set, &signal) != 0)
        ;
    log_info("server", "stopping: signal %d", signal);
}

result server_run(struct agent *a, struct failure *why)
{
    const struct settings *s = agent_settings(a);
    struct http_listener listener = {.address = s->listen_host, .port = s->listen_port};
    struct http_settings settings = LIMITS;
    struct http_server *server;
    char error[256] = "";
    sigset_t signals = block_signals();
    settings.listeners = &listener;
    settings.routes = API_ROUTES;
    settings.route_count = API_ROUTE_COUNT;
    settings.fallback = api_fallback;
    settings.error_body = api_error_body;
    if (FAILED(http_server_start(&settings, a, &server, error, sizeof error)))
        return failure_set(why, AGENT_CONFIG, "configuration", "listen: %s", error);
    log_info("server", "serving the workload on %s:%u as %s", s->listen_host, http_server_port(server, 0),
             agent_tee(a));
    wait_for_signal(&signals);
    agent_stop(a);
    http_server_stop(server, GRACE_MS);
    return OK;
}
