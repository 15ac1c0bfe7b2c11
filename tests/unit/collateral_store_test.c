/* SPDX-License-Identifier: Apache-2.0
 *
 * The store of collateral, against services of our own on loopback and a judge that reads its verdict in the item.
 */
#include "core/collateral/collateral.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/clock/clock.h"
#include "core/collateral/answer.h"
#include "core/collateral/limits.h"
#include "core/collateral/memory.h"
#include "core/collateral/origin.h"
#include "core/log/log.h"

#define CHIP                                                                                                           \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0011223344556677" \
    "8899aabbccddeeff"
#define VCEK_KEY "Milan/" CHIP "/3-0-8-115"
#define VCEK ((trustee_need){TRUSTEE_TEXT("amd/vcek"), TRUSTEE_TEXT(VCEK_KEY), 0})
#define CRL ((trustee_need){TRUSTEE_TEXT("amd/crl"), TRUSTEE_TEXT("Milan/vcek"), 0})
#define DAY 86400

/* --- URLs --------------------------------------------------------------------------------------------------------- */

static const char *url_of(enum origin_service service, const char *base, const char *kind, const char *key)
{
    static char url[ORIGIN_URL_MAX];
    slice text = slice_text(base);
    struct bind_list one = {&text, 1};
    struct collateral_settings c = {0};
    struct origins all;
    char error[512] = "";
    *(service == ORIGIN_PCCS  ? &c.intel_pccs
      : service == ORIGIN_PCS ? &c.intel_pcs
      : service == ORIGIN_KDS ? &c.amd_kds
                              : &c.intel_root_crl) = one;
    cr_assert(!FAILED(origins_read(&c, &all, error, sizeof error)), "%s", error);
    return origin_url(&all, &all.at[0], slice_text(kind), slice_text(key), url) ? url : "";
}

Test(collateral_origin, urls_are_those_of_pcs_pccs_and_kds)
{
    static const char pcs[] = "https://api.example/", pccs[] = "https://pccs:8081/sgx/certification/v4/";
    cr_assert_str_eq(url_of(ORIGIN_PCS, pcs, "intel/tcb-info", "tdx/b0c06f000000"),
                     "https://api.example/tdx/certification/v4/tcb?fmspc=b0c06f000000");
    cr_assert_str_eq(url_of(ORIGIN_PCS, pcs, "intel/tcb-info", "sgx/b0c06f000000"),
                     "https://api.example/sgx/certification/v4/tcb?fmspc=b0c06f000000");
    cr_assert_str_eq(url_of(ORIGIN_PCS, pcs, "intel/qe-identity", "tdx"),
                     "https://api.example/tdx/certification/v4/qe/identity");
    cr_assert_str_eq(url_of(ORIGIN_PCS, pcs, "intel/pck-crl", "platform"),
                     "https://api.example/sgx/certification/v4/pckcrl?ca=platform&encoding=der");
    cr_assert_str_eq(url_of(ORIGIN_PCCS, pccs, "intel/root-crl", "root"),
                     "https://pccs:8081/sgx/certification/v4/rootcacrl");
    cr_assert_str_eq(
        url_of(ORIGIN_PCCS, pccs, "intel/pck",
               "0123456789abcdef0123456789abcdef/000102030405060708090a0b0c0d0e0f/0b00/0000/-"),
        "https://pccs:8081/sgx/certification/v4/pckcert?qeid=0123456789abcdef0123456789abcdef&encrypted_ppid="
        "&cpusvn=000102030405060708090a0b0c0d0e0f&pcesvn=0b00&pceid=0000");
    cr_assert_str_eq(
        url_of(ORIGIN_INTEL_ROOT_CRL, "https://certificates.example/IntelSGXRootCA.der", "intel/root-crl", "root"),
        "https://certificates.example/IntelSGXRootCA.der");
    cr_assert_str_eq(url_of(ORIGIN_KDS, "https://kds.example", "amd/vcek", VCEK_KEY),
                     "https://kds.example/vcek/v1/Milan/" CHIP "?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115");
    cr_assert_str_eq(
        url_of(ORIGIN_KDS, "https://kds.example", "amd/vcek", "Turin/0011223344556677/3-0-8-115-2"),
        "https://kds.example/vcek/v1/Turin/0011223344556677?fmcSPL=02&blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115");
    cr_assert_str_eq(url_of(ORIGIN_KDS, "https://kds.example", "amd/ca-chain", "Genoa/vlek"),
                     "https://kds.example/vlek/v1/Genoa/cert_chain");
    cr_assert_str_eq(url_of(ORIGIN_KDS, "https://kds.example", "amd/crl", "Genoa/vcek"),
                     "https://kds.example/vcek/v1/Genoa/crl");
}

Test(collateral_origin, a_key_of_another_form_never_becomes_a_url)
{
    static const char *const keys[] = {
        "../../etc/passwd",      "tdx/b0c06f00000G", "tdx/b0c06f0000",   "tdx/b0c06f000000/",
        "tdx/b0c06f000000?x=y",  "TDX/b0c06f000000", "tdx/B0C06F000000", "",
        "tdx/%2e%2e%2e%2e%2e%2e"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_assert_str_eq(url_of(ORIGIN_PCS, "https://api.example", "intel/tcb-info", keys[i]), "", "%s", keys[i]);
    cr_assert_str_eq(url_of(ORIGIN_KDS, "https://kds.example", "amd/vcek", "Milan/" CHIP "/3-0-8-256"), "");
    cr_assert_str_eq(url_of(ORIGIN_KDS, "https://kds.example", "amd/vcek", "Mil\\an/" CHIP "/3-0-8-1"), "");
    cr_assert_str_eq(url_of(ORIGIN_PCS, "https://api.example", "amd/crl", "Milan/vcek"), "");
}

Test(collateral_origin, base_urls_with_users_queries_and_other_schemes_are_refused)
{
    static const char *const bad[] = {"file:///etc",       "https://",       "ftp://x",
                                      "https://user@host", "https://h/?a=b", "https://h/#a",
                                      "https://h/ x",      "kds.example",    "gopher://h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        slice text = slice_text(bad[i]);
        struct collateral_settings c = {.amd_kds = {&text, 1}};
        struct origins all;
        char error[512] = "";
        cr_assert_eq(origins_read(&c, &all, error, sizeof error).reason, CONFIG_VALUE, "%s", bad[i]);
        cr_assert(strstr(error, "[collateral] amd_kds = "), "%s", error);
    }
}

Test(collateral_origin, an_origin_that_asks_to_wait_is_left_alone_as_long_as_it_says)
{
    struct origin o = {0};
    origin_failed(&o, 1000, 30, true);
    cr_assert_eq(o.asleep_ms, 31000);
    origin_failed(&o, 1000, 1000000, true);
    cr_assert_eq(o.asleep_ms, 1000 + 3600000, "an hour at most");
}

Test(collateral_origin, one_failure_is_forgiven_and_more_make_longer_and_longer_pauses)
{
    struct origin o = {0};
    uint64_t before = 0;
    origin_failed(&o, 1000, 0, false);
    cr_assert_leq(o.asleep_ms, 1000);
    for (int i = 0; i < 6; i++) {
        o.asleep_ms = 0;
        origin_failed(&o, 1000, 0, false);
        cr_assert_gt(o.asleep_ms, before);
        before = o.asleep_ms;
    }
    o.asleep_ms = 0;
    for (int i = 0; i < 60; i++)
        origin_failed(&o, 1000, 0, false);
    cr_assert_eq(o.asleep_ms, 61000, "a minute at most");
    origin_answered(&o);
    cr_assert_eq(o.failures, 0);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

#define PEM_ESCAPED "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A"
static struct arena arena;

static void map(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)32 << 20, ARENA_PLAIN)));
}

static void unmap(void)
{
    arena_unmap(&arena);
}

TestSuite(collateral_answer, .init = map, .fini = unmap);

static struct collateral_item item;

static const char *refused_answer(const char *kind, slice body, const char *chain)
{
    const char *why = "";
    struct answer a = {.status = 200, .body = body, .chain = slice_text(chain)};
    return answer_to_item(&a, collateral_kind_of(slice_text(kind)), &arena, &item, &why) ? "" : why;
}

Test(collateral_answer, json_is_taken_verbatim_with_its_decoded_chain)
{
    slice body = S("{\"tcbInfo\":{ },\"signature\":\"00\"}");
    cr_assert_str_eq(refused_answer("intel/tcb-info", body, PEM_ESCAPED), "");
    cr_assert(slice_equal(item.bytes, body));
    cr_assert(slice_equal(item.chain, S("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")));
}

Test(collateral_answer, pages_and_halves_are_told_from_collateral)
{
    cr_assert_str_neq(refused_answer("intel/tcb-info", S("<html>log in</html>"), PEM_ESCAPED), "");
    cr_assert_str_neq(refused_answer("intel/tcb-info", S("{\"tcbInfo\":{"), PEM_ESCAPED), "");
    cr_assert_str_neq(refused_answer("intel/tcb-info", S(""), PEM_ESCAPED), "");
    cr_assert_str_neq(refused_answer("amd/vcek", S("<html>log in</html>"), NULL), "");
    cr_assert_str_neq(refused_answer("amd/vcek", S("\x30\x05ab"), NULL), "", "truncated");
    cr_assert_str_neq(refused_answer("amd/vcek",
                                     S("\x30\x02"
                                       "abc"),
                                     NULL),
                      "", "trailing bytes");
    cr_assert_str_neq(refused_answer("amd/vcek", S("\x30\x84\xff\xff\xff\xff"), NULL), "");
    cr_assert_str_neq(refused_answer("amd/ca-chain",
                                     S("\x30\x02"
                                       "ab"),
                                     NULL),
                      "");
}

Test(collateral_answer, a_missing_doubled_or_broken_issuer_chain_refuses)
{
    slice body = S("{}");
    cr_assert_str_neq(refused_answer("intel/tcb-info", body, NULL), "");
    cr_assert_str_neq(refused_answer("intel/tcb-info", body, "-----BEGIN%20CERTIFICATE-----%0"), "");
    cr_assert_str_neq(refused_answer("intel/tcb-info", body, "-----BEGIN%20CERTIFICATE-----%zz"), "");
    cr_assert_str_neq(refused_answer("intel/tcb-info", body, "-----BEGIN%20CERTIFICATE-----%00"), "");
    cr_assert_str_neq(refused_answer("intel/tcb-info", body, "nothing"), "");
    const char *why;
    struct answer a = {.status = 200, .body = body, .chain = S(PEM_ESCAPED), .doubled = true};
    cr_assert(!answer_to_item(&a, collateral_kind_of(S("intel/tcb-info")), &arena, &item, &why));
}

Test(collateral_answer, a_bomb_of_percent_signs_costs_no_more_than_its_size)
{
    size_t length = (size_t)4 << 20, before = arena.used;
    char *bomb = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        bomb[i] = "%25"[i % 3];
    bomb[length] = 0;
    cr_assert_str_neq(refused_answer("intel/tcb-info", S("{}"), bomb), "");
    cr_assert_leq(arena.used - before, length);
    free(bomb);
}

Test(collateral_answer, revocation_lists_come_as_der_as_hex_and_as_pem)
{
    static const char *const forms[] = {"\x30\x02"
                                        "ab",
                                        "30026162", "30026162\n",
                                        "-----BEGIN X509 CRL-----\nMAJhYg==\n-----END X509 CRL-----\n"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cr_assert_str_eq(refused_answer("intel/root-crl", slice_text(forms[i]), NULL), "", "%s", forms[i]);
        cr_assert(slice_equal(item.bytes, S("\x30\x02"
                                            "ab")));
    }
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static struct limits *limits;
static uint64_t wait_ms;

static bool draw(const char *chip, const char *peer, uint64_t now_ms)
{
    char key[512];
    snprintf(key, sizeof key, "Milan/%s/1-2-3-4", chip);
    return limits_draw(limits, collateral_kind_of(S("amd/vcek")), slice_text(key), slice_text(peer), now_ms, &wait_ms);
}

Test(collateral_limits, an_address_has_its_budget_and_gets_it_back_with_time)
{
    cr_assert(!FAILED(limits_new(3, 1000, &limits)));
    for (int i = 0; i < 3; i++)
        cr_assert(draw("aa", "192.0.2.1", 1000));
    cr_assert(!draw("aa", "192.0.2.1", 1000));
    cr_assert(wait_ms > 0 && wait_ms <= 20000);
    cr_assert(draw("aa", "192.0.2.2", 1000), "another address has its own");
    cr_assert(draw("aa", "192.0.2.1", 1000 + 20000));
    limits_free(limits);
}

Test(collateral_limits, a_whole_network_of_ipv6_is_one_address)
{
    cr_assert(!FAILED(limits_new(1, 1000, &limits)));
    cr_assert(draw("aa", "2001:db8::1", 1000));
    cr_assert(!draw("aa", "2001:db8::ffff:2", 1000));
    cr_assert(draw("aa", "2001:db8:0:1::1", 1000));
    limits_free(limits);
}

Test(collateral_limits, strangers_leave_a_quarter_to_platforms_that_were_verified_before)
{
    char peer[32];
    unsigned strangers = 0, known = 0;
    cr_assert(!FAILED(limits_new(1000, 100, &limits)));
    limits_verified(limits, S("amd/vcek"), S("Milan/bb/9-9-9-9"));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(peer, sizeof peer, "10.0.0.%u", i);
        strangers += draw("aa", peer, 1000);
    }
    for (unsigned i = 0; i < 200; i++)
        known += draw("bb", "10.0.0.1", 1000);
    cr_assert_eq(strangers, 75);
    cr_assert_eq(known, 25);
    limits_free(limits);
}

Test(collateral_limits, what_all_platforms_share_draws_on_no_budget)
{
    cr_assert(!FAILED(limits_new(1, 4, &limits)));
    for (int i = 0; i < 50; i++)
        cr_assert(limits_draw(limits, collateral_kind_of(S("amd/crl")), S("Milan/vcek"), S("10.0.0.1"), 1, &wait_ms));
    limits_free(limits);
}

Test(collateral_limits, absence_is_remembered_for_a_minute_and_in_bounded_memory)
{
    char key[64];
    cr_assert(!FAILED(limits_new(1, 4, &limits)));
    limits_absent(limits, S("amd/vcek"), S("x"), 1000);
    cr_assert(limits_is_absent(limits, S("amd/vcek"), S("x"), 60999));
    cr_assert(!limits_is_absent(limits, S("amd/vcek"), S("x"), 61000));
    cr_assert(!limits_is_absent(limits, S("amd/crl"), S("x"), 1000));
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "%d", i);
        limits_absent(limits, S("amd/vcek"), slice_text(key), 2000);
    }
    cr_assert(limits_is_absent(limits, S("amd/vcek"), slice_text(key), 2000));
    limits_free(limits);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static result put(struct memory *m, const char *kind, const char *key, const char *bytes, struct collateral_facts f)
{
    struct collateral_item i = {slice_text(kind), slice_text(key), slice_text(bytes), NO_SLICE};
    return memory_put(m, &i, &f, 1000);
}

Test(collateral_memory, an_item_that_is_pinned_stays_when_a_newer_one_takes_its_place)
{
    struct memory *m;
    cr_assert(!FAILED(memory_new(1 << 20, &m)));
    cr_assert(!FAILED(put(m, "amd/crl", "Milan/vcek", "old", (struct collateral_facts){1, 100, 1})));
    struct entry *old = memory_pin(m, S("amd/crl"), S("Milan/vcek"), 1);
    cr_assert(!FAILED(put(m, "amd/crl", "Milan/vcek", "new", (struct collateral_facts){2, 100, 2})));
    struct entry *new = memory_pin(m, S("amd/crl"), S("Milan/vcek"), 1);
    cr_assert(slice_equal(old->item.bytes, S("old")) && slice_equal(new->item.bytes, S("new")));
    memory_unpin(m, old);
    memory_unpin(m, new);
    memory_free(m);
}

Test(collateral_memory, issue_date_and_number_never_go_back)
{
    struct memory *m;
    cr_assert(!FAILED(memory_new(1 << 20, &m)));
    cr_assert(!FAILED(put(m, "amd/crl", "Milan/vcek", "a", (struct collateral_facts){10, 100, 10})));
    cr_assert_eq(put(m, "amd/crl", "Milan/vcek", "b", (struct collateral_facts){9, 100, 11}).reason, COLLATERAL_OLDER);
    cr_assert_eq(put(m, "amd/crl", "Milan/vcek", "b", (struct collateral_facts){11, 100, 9}).reason, COLLATERAL_OLDER);
    memory_free(m);
}

Test(collateral_memory, it_is_bounded_and_platforms_leave_before_what_they_share)
{
    struct memory *m;
    struct memory_numbers n[COLLATERAL_KINDS];
    char key[64];
    cr_assert(!FAILED(memory_new(65536, &m)));
    cr_assert(!FAILED(put(m, "amd/crl", "Milan/vcek", "crl", (struct collateral_facts){0})));
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "Milan/%08d/1-1-1-1", i);
        cr_assert(!FAILED(put(m, "amd/vcek", key, "certificate", (struct collateral_facts){0})));
    }
    memory_count(m, 0, n);
    cr_assert_eq(n[7].items, 1, "the list is still there");
    cr_assert(n[5].items > 10 && n[5].items < 1000);
    cr_assert(!memory_pin(m, S("amd/vcek"), S("Milan/00000000/1-1-1-1"), 1));
    memory_free(m);
}

/* --- a service ---------------------------------------------------------------------------------------------------- */

static struct {
    int fd;
    pthread_t thread;
    atomic_uint seen;
    atomic_uint delay_ms;
    _Atomic(const char *) script[16]; /* answers in order; then the last one again */
    atomic_uint count;
    char url[64];
} service;

static void pause_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static void serve_one(int fd)
{
    char request[4096];
    if (recv(fd, request, sizeof request, 0) > 0) {
        unsigned n = atomic_fetch_add(&service.seen, 1), count = atomic_load(&service.count);
        pause_ms(atomic_load(&service.delay_ms));
        const char *text = count ? atomic_load(&service.script[n < count ? n : count - 1]) : "";
        (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
    }
    close(fd);
}

static void *serve(void *nothing)
{
    (void)nothing;
    for (int fd; (fd = accept(service.fd, NULL, NULL)) >= 0;)
        serve_one(fd);
    return NULL;
}

static void service_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    service.fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(service.fd, (struct sockaddr *)&address, length) == 0 && listen(service.fd, 64) == 0);
    cr_assert(getsockname(service.fd, (struct sockaddr *)&address, &length) == 0);
    snprintf(service.url, sizeof service.url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    pthread_create(&service.thread, NULL, serve, NULL);
}

static void answers(const char *first, const char *then)
{
    service.script[0] = first;
    service.script[1] = then;
    service.count = then ? 2 : 1;
    service.seen = 0;
}

/* A "DER" item whose text the judge reads: verdict, issued, not_after, number. */
static const char *genuine(char verdict, int64_t issued, int64_t not_after, unsigned number)
{
    static char texts[16][256];
    static unsigned at;
    char *text = texts[at++ % 16];
    char body[64];
    int length =
        snprintf(body, sizeof body, "%c %lld %lld %u", verdict, (long long)issued, (long long)not_after, number);
    snprintf(text, 256, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n\x30%c%s", length + 2,
             length, body);
    return text;
}

#define STATUS(line) "HTTP/1.1 " line "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

static result judge(void *user, const struct collateral_item *i, int64_t now, struct collateral_facts *out, char *why,
                    size_t why_size)
{
    char text[128] = "";
    char verdict = 0;
    long long issued = 0, not_after = 0, number = 0;
    (void)user, (void)now;
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(slice_sub(i->bytes, 2, 100)));
    if (sscanf(text, "%c %lld %lld %lld", &verdict, &issued, &not_after, &number) != 4 || verdict != 'G') {
        snprintf(why, why_size, "forged");
        return FAIL(ATTEST_REFUSED);
    }
    *out = (struct collateral_facts){issued, not_after, (uint64_t)number};
    return OK;
}

/* --- the store ---------------------------------------------------------------------------------------------------- */

static struct collateral_settings settings;
static struct collateral_store *store;
static slice kds, folder_path;
static char folder[64];
static int64_t now;

static void store_open(void)
{
    char error[512] = "";
    cr_assert(!FAILED(collateral_open(&settings, judge, NULL, &store, error, sizeof error)), "%s", error);
}

static void setup(void)
{
    map();
    log_set_level(LOG_ERROR);
    service_start();
    kds = slice_text(service.url);
    now = clock_wall();
    settings = (struct collateral_settings){.network = true,
                                            .amd_kds = {&kds, 1},
                                            .timeout = 2,
                                            .wait = 5,
                                            .item_limit = 65536,
                                            .memory = 1 << 20,
                                            .address_budget = 1000,
                                            .key_budget = 1000,
                                            .refresh = DAY,
                                            .prefetch = DAY};
    store_open();
}

static void teardown(void)
{
    collateral_close(store);
    shutdown(service.fd, SHUT_RDWR);
    close(service.fd);
    pthread_join(service.thread, NULL);
    if (folder[0]) {
        char command[128];
        snprintf(command, sizeof command, "rm -r %s", folder);
        cr_assert_eq(system(command), 0);
    }
    unmap();
}

TestSuite(collateral_store, .init = setup, .fini = teardown, .timeout = 60);

/* Closes it, and opens it with a folder. */
static void with_folder(void)
{
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/collateral-XXXXXX");
        cr_assert(mkdtemp(folder));
    }
    folder_path = slice_text(folder);
    settings.directory = folder_path;
    collateral_close(store);
    store_open();
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    enum collateral_outcome worst;
    unsigned retry_after;
    char why[256];
};

static void on_done(void *user, const struct collateral_end *end)
{
    struct waiting *w = user;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    w->worst = end->worst;
    w->retry_after = end->retry_after;
    snprintf(w->why, sizeof w->why, "%.*s", SLICE_ARG(end->why));
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static void begin(struct waiting *w, const trustee_need *need, unsigned wait)
{
    *w = (struct waiting){.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    struct collateral_want want = {.needs = need,
                                   .count = 1,
                                   .peer = S("192.0.2.1"),
                                   .deadline_ns = clock_monotonic_ns() + wait * UINT64_C(1000000),
                                   .done = on_done,
                                   .user = w};
    cr_assert(!FAILED(collateral_fetch(store, &want)));
}

static enum collateral_outcome end(struct waiting *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->done)
        pthread_cond_wait(&w->told, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return w->worst;
}

static struct waiting last;

static enum collateral_outcome fetch_for(trustee_need need, unsigned wait)
{
    begin(&last, &need, wait);
    return end(&last);
}

static enum collateral_outcome fetch(trustee_need need)
{
    return fetch_for(need, 5000);
}

static bool in_memory(trustee_need need, bool stale)
{
    const struct collateral_item *i;
    bool there = collateral_pin(store, &need, clock_wall(), stale, &i);
    if (there)
        collateral_unpin(store, i);
    return there;
}

Test(collateral_store, what_is_genuine_is_fetched_once_and_then_in_memory)
{
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    cr_assert(!in_memory(VCEK, true));
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE, "%s", last.why);
    cr_assert(in_memory(VCEK, false));
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE);
    cr_assert_eq(service.seen, 1);
}

Test(collateral_store, fifty_at_once_make_one_request)
{
    static struct waiting all[50];
    trustee_need need = VCEK;
    service.delay_ms = 200;
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    for (size_t i = 0; i < 50; i++)
        begin(&all[i], &need, 5000);
    for (size_t i = 0; i < 50; i++)
        cr_assert_eq(end(&all[i]), COLLATERAL_HERE);
    cr_assert_eq(service.seen, 1);
}

Test(collateral_store, an_authoritative_404_is_remembered)
{
    answers(STATUS("404 Not Found"), NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_NONE);
    cr_assert_eq(fetch(VCEK), COLLATERAL_NONE);
    cr_assert_eq(service.seen, 1);
}

Test(collateral_store, no_other_status_makes_a_negative_entry)
{
    answers(STATUS("400 Bad Request"), genuine('G', now, now + DAY * 100, 1));
    service.script[1] = STATUS("403 Forbidden");
    service.script[2] = STATUS("500 Internal Server Error");
    service.script[3] = genuine('G', now, now + DAY * 100, 1);
    service.count = 4;
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert_eq(fetch_for(VCEK, 10000), COLLATERAL_HERE, "%s", last.why);
}

Test(collateral_store, who_is_asked_to_wait_waits_and_gets_it)
{
    answers("HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            genuine('G', now, now + DAY * 100, 1));
    uint64_t start = clock_monotonic_ms();
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE, "%s", last.why);
    cr_assert_geq(clock_monotonic_ms() - start, 900);
    cr_assert_eq(service.seen, 2);
}

Test(collateral_store, who_cannot_wait_so_long_is_told_how_long)
{
    answers("HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            NULL);
    uint64_t start = clock_monotonic_ms();
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert(last.retry_after >= 29 && last.retry_after <= 31, "%u", last.retry_after);
    cr_assert_eq(fetch(CRL), COLLATERAL_UNREACHABLE);
    cr_assert_lt(clock_monotonic_ms() - start, 2000);
    cr_assert_eq(service.seen, 1, "the origin is left alone");
}

Test(collateral_store, what_its_verifier_refuses_is_not_kept)
{
    answers(genuine('F', now, now + DAY * 100, 1), NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_REFUSED);
    cr_assert(strstr(last.why, "forged"), "%s", last.why);
    cr_assert(!in_memory(VCEK, true));
}

Test(collateral_store, a_page_instead_of_collateral_is_an_origin_that_fails)
{
    answers("HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>", NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert(strstr(last.why, "not DER"), "%s", last.why);
}

Test(collateral_store, redirects_are_not_followed)
{
    answers("HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert(strstr(last.why, "302"), "%s", last.why);
}

Test(collateral_store, what_is_too_large_is_not_read)
{
    answers("HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\nconnection: close\r\n\r\n0", NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert(strstr(last.why, "larger"), "%s", last.why);
}

Test(collateral_store, half_an_answer_is_none)
{
    answers("HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n\x30\x08half", NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert(!in_memory(VCEK, true));
}

Test(collateral_store, a_service_that_does_not_answer_costs_no_more_than_the_deadline)
{
    service.delay_ms = 3000;
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    uint64_t start = clock_monotonic_ms();
    cr_assert_eq(fetch_for(VCEK, 300), COLLATERAL_UNREACHABLE);
    cr_assert_lt(clock_monotonic_ms() - start, 1500);
    cr_assert_geq(last.retry_after, 1);
}

Test(collateral_store, a_name_of_no_known_form_is_asked_of_nobody)
{
    trustee_need odd = {TRUSTEE_TEXT("amd/vcek"), TRUSTEE_TEXT("Milan/../../etc/1-1-1-1"), 0};
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    cr_assert_eq(fetch(odd), COLLATERAL_NONE);
    cr_assert_eq(service.seen, 0);
}

Test(collateral_store, without_a_network_nothing_is_asked)
{
    settings.network = false;
    collateral_close(store);
    store_open();
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_UNREACHABLE);
    cr_assert_eq(service.seen, 0);
}

Test(collateral_store, an_address_that_asks_for_too_many_unknown_platforms_is_told_to_wait)
{
    char key[512];
    settings.address_budget = 2;
    collateral_close(store);
    store_open();
    answers(STATUS("404 Not Found"), NULL);
    for (int i = 0; i < 4; i++) {
        snprintf(key, sizeof key, "Milan/%.127s%d/1-2-3-4", CHIP, i);
        enum collateral_outcome got = fetch((trustee_need){TRUSTEE_TEXT("amd/vcek"), slice_text(key), 0});
        cr_assert_eq(got, i < 2 ? COLLATERAL_NONE : COLLATERAL_BUSY);
    }
    cr_assert_geq(last.retry_after, 1);
    cr_assert_eq(service.seen, 2);
}

Test(collateral_store, the_second_origin_is_asked_when_the_first_fails)
{
    slice both[] = {TRUSTEE_TEXT("http://127.0.0.1:1"), kds};
    settings.amd_kds = (struct bind_list){both, 2};
    collateral_close(store);
    store_open();
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE, "%s", last.why);
}

Test(collateral_store, what_was_fetched_outlives_a_restart_without_a_network)
{
    with_folder();
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE);
    settings.network = false;
    with_folder();
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE, "%s", last.why);
    cr_assert_eq(service.seen, 1);
}

Test(collateral_store, an_older_list_is_not_taken_across_a_restart)
{
    with_folder();
    answers(genuine('G', now - 100, now - 1, 7), NULL);
    cr_assert_eq(fetch_for(CRL, 1000), COLLATERAL_UNREACHABLE, "it has expired");
    with_folder();
    answers(genuine('G', now - 200, now + DAY * 100, 6), NULL);
    cr_assert_eq(fetch_for(CRL, 1000), COLLATERAL_UNREACHABLE);
    cr_assert(strstr(last.why, "older"), "%s", last.why);
    cr_assert(!in_memory(CRL, false));
    cr_assert(in_memory(CRL, true), "the newer one that has expired is there for who may use it");
}

Test(collateral_store, a_newer_list_takes_the_place_of_one_that_has_expired)
{
    answers(genuine('G', now - 100, now + 1, 7), genuine('G', now, now + DAY * 100, 8));
    cr_assert_eq(fetch(CRL), COLLATERAL_HERE);
    pause_ms(1200);
    cr_assert(!in_memory(CRL, false));
    cr_assert_eq(fetch(CRL), COLLATERAL_HERE, "%s", last.why);
    cr_assert(in_memory(CRL, false));
}

Test(collateral_store, who_waits_is_told_when_the_service_stops)
{
    struct waiting w;
    trustee_need need = VCEK;
    service.delay_ms = 3000;
    answers(genuine('G', now, now + DAY * 100, 1), NULL);
    begin(&w, &need, 60000);
    pause_ms(200);
    uint64_t start = clock_monotonic_ms();
    collateral_stop(store);
    cr_assert_eq(end(&w), COLLATERAL_UNREACHABLE);
    cr_assert_lt(clock_monotonic_ms() - start, 1000);
    struct collateral_want want = {.needs = &need, .count = 1, .deadline_ns = UINT64_MAX, .done = on_done, .user = &w};
    cr_assert(FAILED(collateral_fetch(store, &want)));
}

Test(collateral_store, metrics_tell_expiry_by_kind_and_never_a_chip)
{
    answers(genuine('G', now, now + DAY, 1), NULL);
    cr_assert_eq(fetch(VCEK), COLLATERAL_HERE);
    struct text t = text_begin(&arena);
    collateral_metrics(store, now, &t);
    char *text = strndup((const char *)text_end(&t).ptr, t.arena->used - t.start);
    cr_assert(strstr(text, "trustee_collateral_expiry_seconds{kind=\"amd/vcek\"} 86400\n"), "%s", text);
    cr_assert(strstr(text, "trustee_collateral_fetches_total{origin=\"amd_kds\",outcome=\"ok\"} 1\n"), "%s", text);
    cr_assert(!strstr(text, CHIP));
    free(text);
}
