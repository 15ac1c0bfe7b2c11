/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"
#include "core/net/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

/* A text for people. */
struct complaint {
    char *text;
    size_t size;
};

struct http_server {
    struct worker *workers;
    unsigned worker_count;
    uint16_t *ports;
};

/* Reads "127.0.0.1", "::1" or "[::1]". */
static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *length)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    char plain[PEER_SIZE] = "";
    slice address = slice_text(text);
    if (slice_starts(address, S("[")) && slice_ends(address, S("]")))
        address = slice_sub(address, 1, address.len - 2);
    if (address.len >= sizeof plain || address.len == 0)
        return false;
    memcpy(plain, address.ptr, address.len);
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, plain, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *length = sizeof *v4;
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *length = sizeof *v6;
    return inet_pton(AF_INET6, plain, &v6->sin6_addr) == 1;
}

bool http_address_is_numeric(const char *address)
{
    struct sockaddr_storage room;
    socklen_t length;
    return parse_address(address, 0, &room, &length);
}

static bool share(int fd, bool wanted)
{
    int on = 1;
    return !wanted || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

/* The first socket listens before it is shared, so that whoever holds the port already is noticed, another instance of
 * this service too; the other workers' sockets join it. See docs/decisions/0006. */
static int bound_socket(const struct sockaddr_storage *address, socklen_t length, bool first, bool shared)
{
    int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 && share(fd, shared && !first) &&
        bind(fd, (const struct sockaddr *)address, length) == 0 && listen(fd, BACKLOG) == 0 &&
        share(fd, shared && first))
        return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

/* The port that the kernel chose. */
static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static const char *listen_remedy(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "; another program, or another trusteed, listens there: stop it, or change [http] listen";
    case EADDRNOTAVAIL:
        return "; this machine does not have that address: change [http] listen";
    case EACCES:
        return "; ports below 1024 take a privilege: choose another in [http] listen";
    default:
        return "";
    }
}

/* One socket per worker, all on one port. */
static result bind_listener(struct http_server *s, const struct http_listener *l, size_t index, struct complaint *error)
{
    struct sockaddr_storage address;
    socklen_t length;
    s->ports[index] = l->port;
    for (unsigned i = 0; i < s->worker_count; i++) {
        if (!parse_address(l->address, s->ports[index], &address, &length)) {
            snprintf(error->text, error->size, "%s is not a numeric address", l->address);
            return FAIL(CONFIG_VALUE);
        }
        int fd = bound_socket(&address, length, i == 0, s->worker_count > 1);
        if (fd < 0) {
            int why = errno;
            snprintf(error->text, error->size, "cannot listen on %s port %u: %s%s", l->address, s->ports[index],
                     strerror(why), listen_remedy(why));
            return FAIL(IO);
        }
        s->workers[i].listeners[index].fd = fd;
        s->ports[index] = bound_port(fd);
    }
    return OK;
}

static result server_init(struct http_server *s, const struct http_settings *settings, void *service,
                          struct complaint *error)
{
    s->workers = calloc(settings->workers, sizeof *s->workers);
    s->ports = calloc(settings->listener_count, sizeof *s->ports);
    ENSURE(s->workers && s->ports, NO_MEMORY);
    for (unsigned i = 0; i < settings->workers; i++) {
        s->worker_count = i + 1;
        TRY(worker_init(&s->workers[i], settings, service, i));
    }
    for (size_t i = 0; i < settings->listener_count; i++)
        TRY(bind_listener(s, &settings->listeners[i], i, error));
    for (unsigned i = 0; i < settings->workers; i++)
        TRY(worker_start(&s->workers[i]));
    return OK;
}

result http_server_start(const struct http_settings *settings, void *service, struct http_server **out, char *error,
                         size_t error_size)
{
    struct http_server *s = calloc(1, sizeof *s);
    struct complaint complaint = {error, error_size};
    *out = NULL;
    ENSURE(s, NO_MEMORY);
    snprintf(error, error_size, "not enough memory or descriptors for the workers of the HTTP server");
    result r = server_init(s, settings, service, &complaint);
    if (FAILED(r)) {
        http_server_stop(s, 0);
        return r;
    }
    *out = s;
    return OK;
}

uint16_t http_server_port(const struct http_server *s, size_t listener)
{
    return s->ports[listener];
}

void http_server_stop(struct http_server *s, unsigned grace_ms)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->worker_count; i++)
        if (s->workers[i].started)
            worker_stop(&s->workers[i], grace_ms);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_join(&s->workers[i]);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_free(&s->workers[i]);
    free(s->workers);
    free(s->ports);
    free(s);
}
