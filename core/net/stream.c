/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct io io_of(ssize_t n)
{
    if (n > 0)
        return (struct io){IO_DONE, (size_t)n};
    if (n == 0)
        return (struct io){IO_EOF, 0};
    return (struct io){errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_AGAIN : IO_ERROR, 0};
}

/* --- the socket under OpenSSL: as its own socket BIO, but a peer that has gone raises no SIGPIPE ---------------------
 */

static int fd_of(BIO *bio)
{
    return ((const struct stream *)BIO_get_data(bio))->fd;
}

static int bio_result(BIO *bio, ssize_t n, int retry)
{
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    if (n == 0 && retry == BIO_FLAGS_READ)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
}

static int bio_read(BIO *bio, char *bytes, int room)
{
    return bio_result(bio, recv(fd_of(bio), bytes, (size_t)room, 0), BIO_FLAGS_READ);
}

static int bio_write(BIO *bio, const char *bytes, int length)
{
    return bio_result(bio, send(fd_of(bio), bytes, (size_t)length, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void method_make(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (!method)
        return;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

static BIO *bio_new(struct stream *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, method_make);
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return NULL;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    return bio;
}

/* --- streams ---------------------------------------------------------------------------------------------------- */

bool stream_open(struct stream *s, int fd, void *context)
{
    *s = (struct stream){.fd = fd};
    if (!context)
        return true;
    s->ssl = SSL_new(context);
    BIO *bio = s->ssl ? bio_new(s) : NULL;
    if (!bio) {
        SSL_free(s->ssl);
        s->ssl = NULL;
        return false;
    }
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_accept_state(s->ssl);
    return true;
}

void stream_close(struct stream *s)
{
    SSL_free(s->ssl);
    if (s->fd >= 0)
        (void)close(s->fd);
    *s = (struct stream){.fd = -1};
}

static struct io tls_result(struct stream *s, int answer, size_t length)
{
    if (answer > 0)
        return (struct io){IO_DONE, length};
    int error = SSL_get_error(s->ssl, answer);
    s->want_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return (struct io){IO_AGAIN, 0};
    if (error == SSL_ERROR_ZERO_RETURN)
        return (struct io){IO_EOF, 0};
    s->failed = true;
    return (struct io){IO_ERROR, 0};
}

struct io stream_handshake(struct stream *s)
{
    if (!s->ssl)
        return (struct io){IO_DONE, 0};
    ERR_clear_error();
    return tls_result(s, SSL_do_handshake(s->ssl), 0);
}

struct io stream_read(struct stream *s, uint8_t *bytes, size_t room)
{
    size_t length = 0;
    s->want_write = false;
    if (!s->ssl)
        return io_of(recv(s->fd, bytes, room, 0));
    ERR_clear_error();
    int answer = SSL_read_ex(s->ssl, bytes, room, &length);
    return tls_result(s, answer, length);
}

static struct io tls_write(struct stream *s, slice bytes)
{
    size_t length = 0;
    if (!bytes.len)
        return (struct io){IO_DONE, 0};
    ERR_clear_error();
    int answer = SSL_write_ex(s->ssl, bytes.ptr, bytes.len, &length);
    return tls_result(s, answer, length);
}

static struct io plain_write(struct stream *s, slice first, slice rest)
{
    if (!rest.len)
        return io_of(send(s->fd, first.ptr, first.len, MSG_NOSIGNAL));
    struct iovec parts[] = {
        {(void *)(uintptr_t)first.ptr, first.len},
        {(void *)(uintptr_t)rest.ptr, rest.len},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return io_of(sendmsg(s->fd, &message, MSG_NOSIGNAL));
}

/* OpenSSL takes one record at a time. */
struct io stream_write(struct stream *s, slice first, slice rest)
{
    if (!s->ssl)
        return plain_write(s, first, rest);
    size_t all = first.len + rest.len, done = 0;
    while (done < all) {
        slice part = done < first.len ? slice_sub(first, done, first.len) : slice_sub(rest, done - first.len, rest.len);
        struct io io = tls_write(s, part);
        if (io.status != IO_DONE)
            return done && io.status == IO_AGAIN ? (struct io){IO_DONE, done} : io;
        done += io.length;
    }
    return (struct io){IO_DONE, done};
}

void stream_finish(struct stream *s)
{
    if (s->ssl && !s->failed && SSL_is_init_finished(s->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl);
    }
    (void)shutdown(s->fd, SHUT_WR);
}

void stream_downgrade(struct stream *s)
{
    SSL_free(s->ssl);
    s->ssl = NULL;
}

bool stream_pending(const struct stream *s)
{
    return s->ssl && SSL_has_pending(s->ssl);
}

int stream_peek(const struct stream *s)
{
    uint8_t byte;
    return recv(s->fd, &byte, 1, MSG_PEEK) == 1 ? byte : -1;
}

bool stream_gone(const struct stream *s)
{
    struct pollfd p = {.fd = s->fd};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}
