/* SPDX-License-Identifier: Apache-2.0
 *
 * Malformed and hostile requests, one row each: the status they get, whether the connection ends, and how many
 * requests a handler may have seen. The rows H01 to H28 are those of the table of bad inputs in docs/.
 */
#include "tests/unit/http_server.h"

#define HOST "Host: a\r\n"
#define AFTER "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
#define AUTH "POST /kbs/v0/auth HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED AUTH "Transfer-Encoding: chunked\r\n\r\n"
#define ROW(name, bytes, status, closes, most)          \
    {                                                   \
        name, TRUSTEE_TEXT(bytes), status, closes, most \
    }

struct row {
    const char *name;
    slice bytes;
    unsigned status; /* 0: no answer at all */
    bool closes;
    int most; /* requests that handlers see */
};

static const struct row ROWS[] = {
    /* framing */
    ROW("H01 length and chunked", AUTH "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" AFTER, 400,
        true, 0),
    ROW("H01 chunked and length", AUTH "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" AFTER, 400,
        true, 0),
    ROW("H02 two equal lengths", AUTH "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, true, 0),
    ROW("H02 two lengths", AUTH "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400, true, 0),
    ROW("H02 list of lengths", AUTH "Content-Length: 5, 5\r\n\r\nhello", 400, true, 0),
    ROW("H03 length +5", AUTH "Content-Length: +5\r\n\r\nhello", 400, true, 0),
    ROW("H03 length -5", AUTH "Content-Length: -5\r\n\r\nhello", 400, true, 0),
    ROW("H03 length 0x5", AUTH "Content-Length: 0x5\r\n\r\nhello", 400, true, 0),
    ROW("H03 length blank", AUTH "Content-Length:  \r\n\r\nhello", 400, true, 0),
    ROW("H03 length empty", AUTH "Content-Length:\r\n\r\nhello", 400, true, 0),
    ROW("H03 length 2^64+1", AUTH "Content-Length: 18446744073709551617\r\n\r\nhello", 400, true, 0),
    ROW("H04 xchunked", AUTH "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H04 chunkedchunked", AUTH "Transfer-Encoding: chunkedchunked\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H04 chunked, gzip", AUTH "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H04 gzip, chunked", AUTH "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H04 chunked twice", AUTH "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        true, 0),
    ROW("H04 chunked and identity", AUTH "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        400, true, 0),
    ROW("H04 identity", AUTH "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 400, true, 0),
    ROW("H04 vertical tab", AUTH "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H04 empty", AUTH "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H05 chunked in 1.0", "POST /kbs/v0/auth HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400, true, 0),
    ROW("H06 space before a name", "POST /kbs/v0/auth HTTP/1.1\r\nHost: a\r\n Content-Length: 5\r\n\r\nhello" AFTER,
        400, true, 1),
    ROW("H07 CR without LF at the end",
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\rXGET /kbs/v0/resource/a HTTP/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H08 bare CR in a value", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, true, 0),
    ROW("H08 bare LF", "GET /healthz HTTP/1.1\nHost: a\n\n", 400, true, 0),
    ROW("H08 mixed ends", "GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, true, 0),
    ROW("H08 LF at the end", "GET /healthz HTTP/1.1\r\nHost: a\r\n\n", 400, true, 0),
    ROW("H09 folded header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, true, 0),
    ROW("H09 empty name", "GET /healthz HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400, true, 0),
    ROW("H09 space before colon", "GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400, true, 0),
    ROW("H09 NUL in a value", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400, true, 0),
    ROW("H09 BEL in a value", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\ab\r\n\r\n", 400, true, 0),
    ROW("H09 DEL in a value", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\177b\r\n\r\n", 400, true, 0),
    ROW("H09 NUL in a name", "GET /healthz HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n", 400, true, 0),
    ROW("H09 NUL in the target", "GET /healthz\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H10 chunk size overflows", CHUNKED "10000000000000001\r\nx", 400, true, 0),
    ROW("H10 chunk size 0x1", CHUNKED "0x1\r\nx\r\n0\r\n\r\n", 400, true, 0),
    ROW("H10 chunk size 1_0", CHUNKED "1_0\r\nx\r\n0\r\n\r\n", 400, true, 0),
    ROW("H10 chunk size -1", CHUNKED "-1\r\nx\r\n0\r\n\r\n", 400, true, 0),
    ROW("H10 chunk size empty", CHUNKED "\r\nx\r\n0\r\n\r\n", 400, true, 0),
    ROW("H10 LF in an extension", CHUNKED "1;a\nb\r\nx\r\n0\r\n\r\n", 400, true, 0),
    ROW("H11 chunk without CRLF", CHUNKED "1\r\nxY\r\n0\r\n\r\n", 400, true, 0),
    ROW("H12 Host in a trailer", CHUNKED "1\r\nx\r\n0\r\nHost: b\r\n\r\n", 400, true, 0),
    ROW("H12 length in a trailer", CHUNKED "1\r\nx\r\n0\r\nContent-Length: 5\r\n\r\n", 400, true, 0),
    ROW("H12 Authorization in a trailer", CHUNKED "1\r\nx\r\n0\r\nAuthorization: Bearer admin\r\n\r\n", 400, true, 0),
    ROW("H12 Cookie in a trailer", CHUNKED "1\r\nx\r\n0\r\nCookie: a=b\r\n\r\n", 400, true, 0),
    /* headers that llhttp does not look at */
    ROW("H13 no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400, false, 0),
    ROW("H13 two Hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H13 Host with a path", "GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, false, 0),
    ROW("H13 Host with a space", "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400, false, 0),
    ROW("H13 two Content-Types", AUTH "Content-Type: a/b\r\nContent-Type: a/b\r\nContent-Length: 0\r\n\r\n", 400, true,
        0),
    ROW("H13 Transfer_Encoding", AUTH "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true, 0),
    ROW("H13 Content_Length", AUTH "Content_Length: 5\r\n\r\nhello", 400, true, 0),
    ROW("two Authorizations",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400, true, 0),
    ROW("two Cookies", "GET /healthz HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: a=c\r\n\r\n", 400, true, 0),
    /* the request line */
    ROW("H14 asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 OPTIONS asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 other authority", "GET http://b/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 userinfo", "GET http://a@b/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 no path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 double space", "GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 space in the target", "GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H14 fragment", "GET /healthz#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H14 byte 0xff", "GET /health\xffz HTTP/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H14 HTTP/2.0", "GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505, true, 0),
    ROW("H14 HTTP/1.2", "GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n", 505, true, 0),
    ROW("H14 HTTP/0.9", "GET /healthz\r\n\r\n", 505, true, 0),
    ROW("H14 HTTP/0.9 in words", "GET /healthz HTTP/0.9\r\n\r\n", 505, true, 0),
    ROW("H14 http/1.1", "GET /healthz http/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H15 HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, true, 0),
    ROW("H15 h2c",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
        "AAMAAABkAAQAAP__\r\n\r\n",
        200, false, 1),
    ROW("H15 websocket", "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200,
        false, 1),
    ROW("H15 upgrade with a body", AUTH "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello",
        200, false, 1),
    ROW("H16 get", "get /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H16 BREW", "BREW /kbs/v0/auth HTTP/1.1\r\nHost: a\r\n\r\n", 400, true, 0),
    ROW("H16 TRACE", "TRACE /kbs/v0/auth HTTP/1.1\r\nHost: a\r\nX: secret\r\n\r\n", 405, false, 0),
    ROW("H16 CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("H16 PATCH", "PATCH /kbs/v0/auth HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405, true, 0),
    ROW("H16 HEAD", "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405, false, 0),
    ROW("H16 OPTIONS", "OPTIONS /kbs/v0/auth HTTP/1.1\r\nHost: a\r\n\r\n", 405, false, 0),
    ROW("PUT outside /kbs/v0/", "PUT /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, false, 0),
    ROW("POST healthz is the fallback's", "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 404, false,
        1),
    ROW("GET auth is the fallback's", "GET /kbs/v0/auth HTTP/1.1\r\nHost: a\r\n\r\n", 404, false, 1),
    ROW("unknown path is the fallback's", "GET /nosuch HTTP/1.1\r\nHost: a\r\n\r\n", 404, false, 1),
    ROW("H18 too large", AUTH "Content-Length: 65537\r\n\r\n", 413, true, 0),
    ROW("H18 far too large", AUTH "Content-Length: 18446744073709551615\r\n\r\n", 413, true, 0),
    ROW("H19 Expect for an unknown method",
        "PATCH /nosuch HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 405, true, 0),
    ROW("H19 Expect something else", AUTH "Expect: foo\r\nContent-Length: 5\r\n\r\nhello", 417, true, 0),
    ROW("H19 Expect too large", AUTH "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413, true, 0),
    ROW("H19 Expect without the right",
        "POST /kbs/v0/resource/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 401, true,
        0),
    ROW("H24 TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0, true, 0),
    ROW("H24 SSLv2 hello", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", 400, true, 0),
    ROW("H27 gzip", AUTH "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 415, true, 0),
    ROW("H27 br without body", AUTH "Content-Encoding: br\r\n\r\n", 415, false, 0),
    ROW("H27 identity", AUTH "Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 200, false, 1),
    ROW("H28 PROXY v1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" AFTER, 400, true, 0),
    ROW("H28 PROXY v2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 400, true, 0),
    ROW("H28 X-Forwarded-For", "GET /kbs/v0/resource/a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", 200,
        false, 1),
    ROW("one empty line is forgiven", "\r\n" AFTER, 200, false, 1),
    ROW("two empty lines are not", "\r\n\r\n" AFTER, 400, true, 0),
    ROW("an empty line of LF is not", "\n" AFTER, 400, true, 0),
    /* paths */
    ROW("absolute form", "GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200, false, 1),
    ROW("percent-encoded letter", "GET /h%65althz HTTP/1.1\r\nHost: a\r\n\r\n", 200, false, 1),
    ROW("double encoding", "GET /h%2565althz HTTP/1.1\r\nHost: a\r\n\r\n", 404, false, 1),
    ROW("encoded slash", "GET /kbs/v0/resource/a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("encoded backslash", "GET /kbs/v0/resource/a%5Cb HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("encoded NUL", "GET /kbs/v0/resource/a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("encoded control", "GET /kbs/v0/resource/a%0d%0ab HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("cut percent", "GET /kbs/v0/resource/a%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("percent alone", "GET /kbs/v0/resource/% HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("percent of no digits", "GET /kbs/v0/resource/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("overlong UTF-8", "GET /kbs/v0/resource/%c0%af HTTP/1.1\r\nHost: a\r\n\r\n", 400, false, 0),
    ROW("dots in the prefix", "GET /kbs/v0/../v0/resource/a HTTP/1.1\r\nHost: a\r\n\r\n", 404, false, 1),
    ROW("empty rest", "GET /kbs/v0/resource/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, false, 1),
    ROW("dots in the rest are the route's", "GET /kbs/v0/resource/../x HTTP/1.1\r\nHost: a\r\n\r\n", 200, false, 1),
};

static int reset_count(void)
{
    atomic_store(&seen, 0);
    return 0;
}

static void check_row(const struct fixture *f, const struct row *row, slice bytes)
{
    reset_count();
    int fd = dial(f->port);
    (void)push(fd, bytes);
    struct answer a = row->status ? pull_reply(fd) : pull(fd, 1, 2000);
    cr_expect_eq(status_of(&a), row->status, "%s: got %u: %s", row->name, status_of(&a), a.text);
    if (row->status >= 400 && atomic_load(&seen) == 0 && !strstr(a.text, "not an adm") &&
        !slice_starts(row->bytes, S("HEAD")))
        cr_expect_not_null(strstr(a.text, "content-type: application/json"), "%s: %s", row->name, a.text);
    if (row->status == 405)
        cr_expect_not_null(strstr(a.text, "allow: "), "%s", row->name);
    cr_expect_null(strstr(a.text, "secret"), "%s echoes", row->name);
    bool promised = strstr(a.text, "connection: close") != NULL;
    cr_expect_eq(promised, row->closes && row->status, "%s: %s", row->name, a.text);
    shutdown(fd, SHUT_WR);
    struct answer rest = pull(fd, SIZE_MAX, 2000);
    cr_expect(rest.closed, "%s: does not close", row->name);
    cr_expect_leq(atomic_load(&seen), row->most, "%s: handlers saw %d", row->name, atomic_load(&seen));
    if (row->closes)
        cr_expect_eq(rest.length, 0, "%s: more than one answer: %s", row->name, rest.text);
    close(fd);
}

Test(http_refuse, each_bad_request_gets_its_answer)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        check_row(&f, &ROWS[i], ROWS[i].bytes);
    EVENTUALLY(atomic_load(&connections) == 0);
    http_server_stop(f.server, 1000);
}

/* What arrives in pieces is judged as what arrives at once. */
Test(http_refuse, each_bad_request_gets_its_answer_byte_by_byte)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const struct row *row = &ROWS[i];
        reset_count();
        int fd = dial(f.port);
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        for (size_t at = 0; at < row->bytes.len && push(fd, slice_sub(row->bytes, at, 1)); at++)
            if (at % 16 == 0)
                sched_yield();
        struct answer a = row->status ? pull_reply(fd) : pull(fd, 1, 2000);
        cr_expect_eq(status_of(&a), row->status, "%s: got %u", row->name, status_of(&a));
        cr_expect_leq(atomic_load(&seen), row->most, "%s", row->name);
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

Test(http_refuse, too_many_headers_are_431)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[8192];
    for (unsigned n = 96; n <= 97; n++) {
        int length = snprintf(text, sizeof text, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < n; i++)
            length += snprintf(text + length, sizeof text - (size_t)length, "x%u: y\r\n", i);
        length += snprintf(text + length, sizeof text - (size_t)length, "\r\n");
        int fd = dial(f.port);
        push(fd, slice_of(text, (size_t)length));
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), n == 96 ? 200 : 431);
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

/* A head of `size` bytes, most of it in one header. */
static slice long_head(char *text, size_t size)
{
    int n = snprintf(text, 64, "GET /healthz HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ");
    memset(text + n, 'x', size - (size_t)n - 4);
    memcpy(text + size - 4, "\r\n\r\n", 4);
    return slice_of(text, size);
}

Test(http_refuse, a_head_beyond_the_limit_is_431_and_at_the_limit_is_served)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[128 << 10];
    static const size_t sizes[] = {16 << 10, (16 << 10) + 1, 20000, 32 << 10, (32 << 10) + 1, 40000, 128 << 10};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int fd = dial(f.port);
        push(fd, long_head(text, sizes[i]));
        struct answer a = pull_reply(fd);
        cr_expect_eq(status_of(&a), sizes[i] <= 32 << 10 ? 200 : 431, "%zu: %s", sizes[i], a.text);
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

Test(http_refuse, a_head_without_end_is_431)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    int fd = dial(f.port);
    push(fd, S("GET /healthz HTTP/1.1\r\nHost: a\r\n"));
    char line[600];
    memset(line, 'y', sizeof line);
    memcpy(line, "x:", 2);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 60; i++) {
        push(fd, slice_of(line, sizeof line));
        pause_ms(1);
    }
    struct answer a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 431);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http_refuse, a_target_beyond_4_kib_is_414)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[8192];
    for (size_t n = 4096; n <= 4097; n++) {
        memset(text, 'a', sizeof text);
        memcpy(text, "GET /", 5);
        int length = snprintf(text + 4 + n, 64, " HTTP/1.1\r\nHost: a\r\n\r\n");
        int fd = dial(f.port);
        push(fd, slice_of(text, 4 + n + (size_t)length));
        struct answer a = pull_reply(fd);
        cr_assert_eq(status_of(&a), n == 4096 ? 404 : 414);
        close(fd);
    }
    http_server_stop(f.server, 1000);
}

Test(http_refuse, a_chunk_extension_without_end_is_refused)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[1 << 20];
    memset(text, 'e', sizeof text);
    int fd = dial(f.port);
    push(fd, S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"));
    push(fd, slice_of(text, sizeof text));
    struct answer a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 400);
    close(fd);
    http_server_stop(f.server, 1000);
}

Test(http_refuse, a_chunked_body_running_past_the_limit_is_413)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[64 << 10];
    memset(text, 'b', sizeof text);
    int fd = dial(f.port);
    push(fd, S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 17; i++) {
        push(fd, S("10000\r\n"));
        push(fd, slice_of(text, sizeof text));
        push(fd, S("\r\n"));
    }
    struct answer a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 413);
    cr_assert_not_null(strstr(a.text, "http.body_too_large"));
    cr_assert_eq(atomic_load(&seen), 0);
    close(fd);
    http_server_stop(f.server, 1000);
}

/* The client pours its body in without looking; it gets the refusal all the same, not a reset. */
Test(http_refuse, who_sends_too_large_a_body_blindly_reads_413)
{
    struct fixture f = fixture_make();
    fixture_start(&f);
    static char text[2 << 20];
    int fd = dial(f.port);
    push(fd, S("POST /kbs/v0/attest HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n"));
    push(fd, slice_of(text, sizeof text));
    struct answer a = pull_reply(fd);
    cr_assert_eq(status_of(&a), 413);
    close(fd);
    http_server_stop(f.server, 1000);
}
