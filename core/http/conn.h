/* SPDX-License-Identifier: Apache-2.0
 *
 * The protocol of one HTTP/1.1 connection, without sockets: bytes are put where http_conn_room says, and replies leave
 * through the worker's http_output. One request at a time; what is pipelined behind it waits in the read buffer, and
 * nothing more is read meanwhile (http_conn_reading is false). All calls on the worker's thread.
 *
 * The owner looks at `phase` and `blocked` after each call: they tell which time-out runs and when to close.
 */
#ifndef CORE_HTTP_CONN_H
#define CORE_HTTP_CONN_H

#include <llhttp.h>

#include "core/http/head.h"
#include "core/http/pool.h"

enum conn_phase {
    CONN_IDLE,    /* between requests */
    CONN_HEAD,    /* a head has begun */
    CONN_BODY,    /* a body is arriving */
    CONN_BUSY,    /* a handler has the request */
    CONN_CLOSING, /* the last reply has been sent: flush, then close */
};

enum body_place {
    PLACE_NOWHERE, /* ignored */
    PLACE_BUFFER,  /* behind the head, in the read buffer: so small that it need not hold a slot while it arrives */
    PLACE_ARENA,   /* the slot's body arena, or the SECRET arena */
};

struct http_conn {
    struct http_worker *worker;
    enum conn_phase phase;
    uint32_t requests; /* begun so far: a new request starts its time-outs anew */
    bool blocked;      /* the reply is not on its way entirely */
    bool linger;       /* CLOSING with a request unread: read on for a while, or the reset loses the reply */
    bool gone;         /* the owner has given the connection up while BUSY */
    bool tls;
    bool running, keep_alive, head_complete, message_complete, poke, no_body_in_reply, crlf_skipped;
    slice peer;

    llhttp_t parser;
    struct read_buffer *buffer; /* NULL while nothing is in it */
    size_t start, from, to;     /* in the buffer: this message, what is parsed of it, what has arrived */
    size_t head_end;
    struct head head;
    struct http_request request; /* copied into the exchange when one is taken */
    struct exchange *exchange;

    enum body_place place;
    struct arena *arena; /* of PLACE_ARENA */
    uint8_t *body;       /* where the body begins */
    size_t body_length;  /* so far */
    size_t body_expected;
    size_t body_limit;
    size_t raw_length; /* with the framing of chunks */
};

struct room {
    uint8_t *bytes;
    size_t length;
};

/* `peer` lives as long as the connection. */
void http_conn_init(struct http_conn *c, struct http_worker *w, slice peer, bool tls);
/* Whether bytes are wanted. */
bool http_conn_reading(const struct http_conn *c);
/* Where to put the next bytes, when reading; the connection is CLOSING, or there is no memory, when its length is 0. */
struct room http_conn_room(struct http_conn *c);
/* `length` bytes were put into the room. Parses, and calls handlers. */
void http_conn_received(struct http_conn *c, size_t length);
/* All that was sent is on its way. */
void http_conn_drained(struct http_conn *c);
/* Goes on with what has arrived already. */
void http_conn_run(struct http_conn *c);
/* The time for this phase is over: answers 408 where a request has begun, and closes. */
void http_conn_timed_out(struct http_conn *c);
/* Gives everything back; not while BUSY. */
void http_conn_end(struct http_conn *c);

/* Answers an error of HTTP's own. The message's framing is not known to be right, or its body is unread: closes. */
void http_conn_refuse(struct http_conn *c, struct refusal r);

#endif
