/* SPDX-License-Identifier: Apache-2.0
 *
 * A non-blocking socket, with or without TLS over it. OpenSSL reads and writes the socket itself, so nothing encrypted
 * is ever buffered by us, and not reading is all it takes to hold a client back.
 */
#ifndef CORE_NET_STREAM_H
#define CORE_NET_STREAM_H

#include <openssl/ssl.h>

#include "lib/base/bytes.h"

enum io_status {
    IO_DONE,  /* some bytes, or the handshake, are through */
    IO_AGAIN, /* wait for the socket: stream->want_write tells for what */
    IO_EOF,   /* the peer sends no more */
    IO_ERROR,
};

struct io {
    enum io_status status;
    size_t length;
};

struct stream {
    int fd;
    SSL *ssl; /* NULL: plain */
    bool want_write;
    bool failed; /* OpenSSL forbids every further call, even the closing alert */
};

/* `context`: an SSL_CTX, or NULL. False when out of memory. The stream owns fd. */
bool stream_open(struct stream *s, int fd, void *context);
/* Frees, and closes the socket. */
void stream_close(struct stream *s);
struct io stream_handshake(struct stream *s);
struct io stream_read(struct stream *s, uint8_t *bytes, size_t room);
/* Both parts in one system call where there is no TLS. */
struct io stream_write(struct stream *s, slice first, slice rest);
/* Sends what is sent at the end: TLS's close_notify and TCP's FIN. Reading goes on. */
void stream_finish(struct stream *s);
/* Goes on in clear text; only before a handshake has begun. */
void stream_downgrade(struct stream *s);
/* Bytes can be read without the socket becoming readable. */
bool stream_pending(const struct stream *s);
/* The first byte that waits in the socket, or -1. */
int stream_peek(const struct stream *s);
/* The connection is broken: nobody reads what is written. Any thread. */
bool stream_gone(const struct stream *s);

#endif
