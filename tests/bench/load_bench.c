/* SPDX-License-Identifier: Apache-2.0
 *
 * A workload in a loop: keeps connections to the service alive, and measures how much CPU time the service takes for
 * each operation, beside the bare cryptography of one in the same minute.
 * Usage: load_bench MODE PORT PID CONNECTIONS SECONDS OPERATIONS TEE
 *   MODE        handshake (auth, attest, get), attest (auth, attest), get, auth, healthz
 *   OPERATIONS  how many at most; 0: as many as fit into SECONDS
 *   TEE         sample, or tpm (quotes of a TPM in software, signed with RSA-2048)
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto/jose.h"
#include "tests/support/test_tpm.h"

#define CONNECTIONS_MAX 64
#define SLICES_MAX 4096
#define SLICE_NS 250000000
#define REPLY_MAX 65536

static void need(bool worked, const char *what)
{
    if (worked)
        return;
    fprintf(stderr, "load_bench: %s failed\n", what);
    exit(1);
}

/* --- bare cryptography: what a release cannot do without ---------------------------------------------------------- */
struct bare {
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign;
    EC_GROUP *group;
    EC_POINT *peer, *point;
    BIGNUM *secret;
    BN_CTX *ctx;
};

static void bare_open(struct bare *b)
{
    b->key = EVP_EC_gen("P-256");
    b->sign = EVP_PKEY_CTX_new_from_pkey(NULL, b->key, NULL);
    b->group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid("P-256"));
    b->peer = EC_POINT_new(b->group);
    b->point = EC_POINT_new(b->group);
    b->secret = BN_new();
    b->ctx = BN_CTX_new();
    need(EVP_PKEY_sign_init(b->sign) == 1 && BN_rand_range(b->secret, EC_GROUP_get0_order(b->group)) == 1 &&
             EC_POINT_mul(b->group, b->peer, b->secret, NULL, NULL, b->ctx) == 1,
         "preparing the bare cryptography");
}

static double cpu_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds of an ES256 signature, and of an ECDH-ES key pair with its shared secret. */
static void bare_measure(struct bare *b, double *sign, double *agree)
{
    static const uint8_t digest[32] = {1};
    uint8_t out[256];
    const int times = 400;
    double start = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < times; i++) {
        size_t size = sizeof out;
        need(EVP_PKEY_sign(b->sign, out, &size, digest, sizeof digest) == 1, "signing");
    }
    double middle = cpu_us(CLOCK_THREAD_CPUTIME_ID);
    BN_set_flags(b->secret, BN_FLG_CONSTTIME);
    for (int i = 0; i < times; i++)
        need(BN_priv_rand_range(b->secret, EC_GROUP_get0_order(b->group)) == 1 &&
                 EC_POINT_mul(b->group, b->point, b->secret, NULL, NULL, b->ctx) == 1 &&
                 EC_POINT_mul(b->group, b->point, NULL, b->peer, b->secret, b->ctx) == 1 &&
                 EC_POINT_get_affine_coordinates(b->group, b->point, b->secret, NULL, b->ctx) == 1,
             "agreeing on a key");
    *sign = (middle - start) / times;
    *agree = (cpu_us(CLOCK_THREAD_CPUTIME_ID) - middle) / times;
}

/* --- one connection ----------------------------------------------------------------------------------------------- */
struct client {
    pthread_t thread;
    const struct plan *plan;
    int fd;
    struct arena arena;
    struct jwe_private *key;
    const json *public_key;
    struct arena kept;
    EVP_PKEY *ak;
    slice ak_der;
    char cookie[1024];
    uint8_t reply[REPLY_MAX];
    slice body;
};

struct plan {
    const char *mode, *tee;
    uint16_t port;
    long operations;
    atomic_long started, done, errors;
    atomic_bool stop;
};

static void dial(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(c->plan->port)};
    int on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(c->fd >= 0 && connect(c->fd, (const struct sockaddr *)&to, sizeof to) == 0, "connecting");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void take_cookie(struct client *c, slice head)
{
    const char *at = memmem(head.ptr, head.len, "kbs-session-id=", 15);
    if (!at)
        return;
    size_t length = slice_find(slice_of((const uint8_t *)at, head.len - (size_t)((const uint8_t *)at - head.ptr)), ';');
    (void)snprintf(c->cookie, sizeof c->cookie, "Cookie: %.*s\r\n", (int)length, at);
}

static size_t body_size(slice head)
{
    uint64_t size = 0;
    const uint8_t *at = memmem(head.ptr, head.len, "content-length: ", 16);
    if (at)
        for (at += 16; *at >= '0' && *at <= '9'; at++)
            size = size * 10 + (uint64_t)(*at - '0');
    return (size_t)size;
}

/* The status; 0 when the connection broke. */
static int receive(struct client *c)
{
    size_t length = 0, head = 0, whole = SIZE_MAX;
    while (length < whole) {
        ssize_t n = recv(c->fd, c->reply + length, REPLY_MAX - 1 - length, 0);
        if (n <= 0)
            return 0;
        length += (size_t)n;
        c->reply[length] = 0;
        const uint8_t *end = head ? NULL : memmem(c->reply, length, "\r\n\r\n", 4);
        if (end) {
            head = (size_t)(end - c->reply) + 4;
            whole = head + body_size(slice_of(c->reply, head));
        }
    }
    take_cookie(c, slice_of(c->reply, head));
    c->body = slice_of(c->reply + head, length - head);
    return (c->reply[9] - '0') * 100 + (c->reply[10] - '0') * 10 + (c->reply[11] - '0');
}

static bool call(struct client *c, const char *method, const char *path, slice body)
{
    slice request = arena_printf(&c->arena, "%s %s HTTP/1.1\r\nHost: bench\r\n%sContent-Length: %zu\r\n\r\n%.*s",
                                 method, path, c->cookie, (size_t)body.len, SLICE_ARG(body));
    need(request.ptr && send(c->fd, request.ptr, request.len, MSG_NOSIGNAL) == (ssize_t)request.len, "sending");
    return receive(c) == 200;
}

/* --- evidence ----------------------------------------------------------------------------------------------------- */
static void key_open(struct client *c)
{
    slice jwk;
    need(!FAILED(arena_map(&c->arena, 1u << 20, ARENA_PLAIN)) && !FAILED(arena_map(&c->kept, 1u << 16, ARENA_PLAIN)) &&
             !FAILED(jwe_private_generate(S("ECDH-ES+A256KW-P256"), &c->key)) &&
             !FAILED(jwe_private_jwk(c->key, &c->kept, &jwk)) && !FAILED(json_parse(&c->kept, jwk, &c->public_key)),
         "making a key");
}

/* One attestation key for all: making an RSA key takes a while. */
static void ak_open(struct client *clients, size_t count)
{
    uint8_t *der = NULL;
    EVP_PKEY *ak = EVP_RSA_gen(2048);
    int size = ak ? i2d_PUBKEY(ak, &der) : 0;
    need(size > 0, "making an attestation key");
    for (size_t i = 0; i < count; i++) {
        clients[i].ak = ak;
        clients[i].ak_der = slice_of(der, (size_t)size);
    }
}

static slice sample_evidence(struct client *c, const uint8_t digest[48])
{
    struct text t = text_begin(&c->arena);
    text_lit(&t, "{\"svn\":\"1\",\"report_data\":\"");
    text_base64(&t, slice_of(digest, 48));
    text_lit(&t, "\"}");
    return text_end(&t);
}

static slice tpm_evidence(struct client *c, const uint8_t digest[48])
{
    struct test_quote quote = test_quote_good(slice_of(digest, 32));
    struct test_scheme scheme = test_scheme_of(c->ak);
    struct test_evidence e = {.ak = c->ak_der,
                              .message = test_attest(&c->arena, &quote),
                              .pcrs = (const uint8_t(*)[32])quote.pcrs,
                              .pcr_count = TEST_PCRS};
    e.signature = test_sign(&c->arena, c->ak, &scheme, e.message);
    return test_evidence(&c->arena, &e);
}

static slice runtime_data(struct client *c, slice nonce, const char *first)
{
    struct text t = text_begin(&c->arena);
    text_add(&t, slice_text(first));
    text_lit(&t, "\"nonce\":");
    text_json(&t, nonce);
    text_lit(&t, ",\"tee-pubkey\":");
    need(!FAILED(json_canonical(&t, c->public_key)), "writing a key");
    text_lit(&t, "}");
    return text_end(&t);
}

static bool auth(struct client *c)
{
    c->cookie[0] = 0;
    slice body = arena_printf(&c->arena, "{\"version\":\"0.4.0\",\"tee\":\"%s\",\"extra-params\":{}}", c->plan->tee);
    return call(c, "POST", "/kbs/v0/auth", body);
}

static bool attest(struct client *c)
{
    uint8_t digest[48];
    const json *challenge;
    if (!auth(c) || FAILED(json_parse(&c->arena, c->body, &challenge)))
        return false;
    slice nonce = json_text(json_get(challenge, S("nonce")));
    hash_sha384(runtime_data(c, nonce, "{\"additional-evidence\":\"\","), digest);
    slice evidence = strcmp(c->plan->tee, "tpm") == 0 ? tpm_evidence(c, digest) : sample_evidence(c, digest);
    slice runtime = runtime_data(c, nonce, "{");
    slice body = arena_printf(&c->arena,
                              "{\"init-data\":null,\"runtime-data\":%.*s,\"tee-evidence\":{\"primary_evidence\":"
                              "%.*s,\"additional_evidence\":\"\"}}",
                              SLICE_ARG(runtime), SLICE_ARG(evidence));
    return call(c, "POST", "/kbs/v0/attest", body);
}

static bool get(struct client *c)
{
    return call(c, "GET", "/kbs/v0/resource/default/bench/key", NO_SLICE);
}

static bool operation(struct client *c)
{
    const char *mode = c->plan->mode;
    c->arena.used = 0;
    if (strcmp(mode, "healthz") == 0)
        return call(c, "GET", "/healthz", NO_SLICE);
    if (strcmp(mode, "auth") == 0)
        return auth(c);
    if (strcmp(mode, "get") == 0)
        return get(c);
    return attest(c) && (strcmp(mode, "attest") == 0 || get(c));
}

static void *work(void *context)
{
    struct client *c = context;
    struct plan *plan = (struct plan *)(uintptr_t)c->plan;
    while (!atomic_load(&plan->stop)) {
        if (plan->operations && atomic_fetch_add(&plan->started, 1) >= plan->operations)
            break;
        if (operation(c))
            atomic_fetch_add(&plan->done, 1);
        else if (atomic_fetch_add(&plan->errors, 1) == 0)
            fprintf(stderr, "load_bench: %.400s\n", c->reply);
    }
    return NULL;
}

/* --- the measurement: the median of slices, so that what else runs on the machine counts little
 * ------------------------ */
static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct figures {
    double slices[SLICES_MAX];
    size_t count;
    double seconds, cpu;
};

static void watch(struct plan *plan, clockid_t server, double seconds, struct figures *f)
{
    const struct timespec pause = {.tv_nsec = SLICE_NS};
    double start = cpu_us(CLOCK_MONOTONIC), cpu_start = cpu_us(server), cpu = cpu_start;
    long done = 0;
    for (;;) {
        nanosleep(&pause, NULL);
        double cpu_now = cpu_us(server);
        long done_now = atomic_load(&plan->done);
        if (done_now > done && f->count < SLICES_MAX)
            f->slices[f->count++] = (cpu_now - cpu) / (double)(done_now - done);
        cpu = cpu_now;
        done = done_now;
        f->seconds = (cpu_us(CLOCK_MONOTONIC) - start) / 1e6;
        if ((plan->operations && done + atomic_load(&plan->errors) >= plan->operations) ||
            (!plan->operations && f->seconds >= seconds))
            break;
    }
    f->cpu = cpu - cpu_start;
    qsort(f->slices, f->count, sizeof *f->slices, by_value);
}

int main(int argc, char **argv)
{
    static struct client clients[CONNECTIONS_MAX];
    static struct figures f;
    struct bare bare;
    double sign[2], agree[2];
    clockid_t server;
    need(argc == 8, "MODE PORT PID CONNECTIONS SECONDS OPERATIONS TEE: reading them");
    struct plan plan = {.mode = argv[1],
                        .tee = argv[7],
                        .port = (uint16_t)strtoul(argv[2], NULL, 10),
                        .operations = strtol(argv[6], NULL, 10)};
    size_t count = strtoul(argv[4], NULL, 10);
    need(count > 0 && count <= CONNECTIONS_MAX, "1 to 64 CONNECTIONS: reading them");
    need(clock_getcpuclockid((pid_t)strtol(argv[3], NULL, 10), &server) == 0, "finding the service by PID");
    bare_open(&bare);
    bare_measure(&bare, &sign[0], &agree[0]);
    ak_open(clients, count);
    bool first = strcmp(plan.mode, "get") == 0;
    for (size_t i = 0; i < count; i++) {
        clients[i].plan = &plan;
        key_open(&clients[i]);
        dial(&clients[i]);
        need(!first || attest(&clients[i]), "attesting");
        need(pthread_create(&clients[i].thread, NULL, work, &clients[i]) == 0, "starting a thread");
    }
    watch(&plan, server, strtod(argv[5], NULL), &f);
    atomic_store(&plan.stop, true);
    for (size_t i = 0; i < count; i++)
        pthread_join(clients[i].thread, NULL);
    bare_measure(&bare, &sign[1], &agree[1]);
    printf("{\"operations\": %ld, \"errors\": %ld, \"seconds\": %.3f, \"cpu_us\": %.2f, \"cpu_us_median\": %.2f, "
           "\"cpu_us_best\": %.2f, \"sign_us\": %.2f, \"agree_us\": %.2f}\n",
           plan.done, plan.errors, f.seconds, f.cpu / (double)(plan.done ? plan.done : 1),
           f.count ? f.slices[f.count / 2] : 0, f.count ? f.slices[0] : 0, (sign[0] + sign[1]) / 2,
           (agree[0] + agree[1]) / 2);
    return plan.errors != 0;
}
