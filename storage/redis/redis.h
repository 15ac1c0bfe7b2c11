/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage in a Redis or Valkey server. A value lies, as upstream has it (interface.md 1.11 S5), under the key
 *
 *     <namespace>:<key>
 *
 * and the keys of a namespace are the members of the set `trustee-index:<namespace>`, which is written in the same
 * transaction: a listing never walks over the server's keys.
 *
 * The library speaks the protocol; the socket under it is our own, non-blocking and with a deadline, because the
 * library's of Debian 12 has no TLS and one time-out for each single read.
 */
#ifndef STORAGE_REDIS_H
#define STORAGE_REDIS_H

#include <hiredis/hiredis.h>
#include <openssl/ssl.h>
#include <trustee/storage.h>

#include "lib/backend/backend.h"
#include "lib/base/arena.h"

#define REDIS_VALUE_MAX ((size_t)16 << 20)   /* of one answer with a value */
#define REDIS_LISTING_MAX ((size_t)64 << 20) /* of one answer with names */
#define REDIS_MEMBERS_MAX (1 << 20)          /* of one answer's array */

/* Where the server is and who we are. Texts are NUL-terminated and lie in a SECRET arena. */
struct redis_settings {
    const char *host, *port; /* host NULL: `path` is a Unix socket */
    const char *path;
    slice username, password; /* empty: none */
    uint64_t database;
    bool tls;
    const char *server_name; /* that the certificate is for */
};

struct redis_store {
    const trustee_host *host;
    struct arena secrets;
    struct redis_settings settings;
    SSL_CTX *tls; /* NULL: without */
    struct backend backend;
};

/* --- url.c ---------------------------------------------------------------------------------------------------------*/

/* redis[s]://[[user]:password@]host[:port][/database] or unix:///path. False, with nothing of the URL told, for any
 * other. `a` takes what is decoded. */
bool redis_url(slice url, struct arena *a, struct redis_settings *out);

/* --- wire.c: bytes ---------------------------------------------------------------------------------------------------
 */

struct redis_wire {
    int fd;
    SSL *ssl; /* NULL: plain */
};

/* Connects, and shakes hands where there is TLS. False with the trouble told; *hopeless: the certificate is refused. */
bool redis_wire_open(struct redis_wire *w, const struct redis_store *s, struct backend_call *call, bool *hopeless);
void redis_wire_close(struct redis_wire *w);
bool redis_wire_write(struct redis_wire *w, struct deadline *d, slice bytes);
/* How many bytes were read into the room; 0 at the end, on an error and when the deadline passed. */
size_t redis_wire_read(struct redis_wire *w, struct deadline *d, slice room);

/* --- tls.c -----------------------------------------------------------------------------------------------------------
 */

/* From the options tls_ca, tls_certificate and tls_key. TRUSTEE_E_CONFIG with the reason logged. */
trustee_status redis_tls(struct redis_store *s, const trustee_conf *conf);

/* --- session.c: commands and answers
 * -----------------------------------------------------------------------------------
 */

struct redis_session {
    struct redis_wire wire;
    redisReader *reader;
    redisReplyObjectFunctions functions;
    void *(*make_array)(const redisReadTask *task, int count); /* the library's */
};

/* Without a connection yet; NULL when there is no memory. */
struct redis_session *redis_session_new(void);
trustee_status redis_connect(struct backend_call *call, void *store);
bool redis_usable(void *session);
void redis_close(void *session);

struct redis_command {
    int count;
    slice words[6];
};

/* Sends commands at once; redis_read() then follows for each. False: the call has failed. */
bool redis_send(struct backend_call *call, const struct redis_command *commands, size_t count);
/* One answer, at most `limit` bytes long; NULL: the call has failed, or (`drop` alone) the answer is too large. */
redisReply *redis_read(struct backend_call *call, size_t limit);
/* Both, for one command. */
redisReply *redis_ask(struct backend_call *call, const struct redis_command *command, size_t limit);
/* Wipes an answer with all its strings, and frees it. NULL is allowed. */
void redis_forget(redisReply *reply);
/* Tells what an error of the server means; of its text only the first word, which is no one's secret. */
trustee_status redis_refused(struct backend_call *call, const redisReply *reply);

/* --- operations.c
 * ------------------------------------------------------------------------------------------------------
 */

trustee_status redis_get(void *instance, trustee_request *req, slice space, slice key, trustee_sink *sink);
trustee_status redis_put(void *instance, trustee_request *req, slice space, slice key, slice value, uint64_t flags);
trustee_status redis_del(void *instance, trustee_request *req, slice space, slice key);
trustee_status redis_list(void *instance, trustee_request *req, slice space, slice prefix, trustee_sink *sink);
trustee_status redis_ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length);
/* At start: asks for a sign of life, and warns of a server that forgets. A backend_use. */
trustee_status redis_greet(struct backend_call *call, void *store);
/* Puts the keys that upstream wrote into the indexes, in one walk over the server's keys. A backend_use. */
trustee_status redis_index_upstream(struct backend_call *call, void *store);

#endif
