/* SPDX-License-Identifier: Apache-2.0
 *
 * What the service does for a plugin. The table is handed to init() and stays valid until fini() has returned.
 *
 * Ownership, in seven rules:
 *  1. Everything that the host passes is borrowed for the duration of the call.
 *  2. The evidence and all memory from arena_alloc() live until the request ends; results may point into either.
 *  3. A plugin frees only what its own malloc gave.
 *  4. Instance memory belongs to the plugin, from init() to fini().
 *  5. Nothing of a request is kept in the instance; what outlives a request goes through cache_put().
 *  6. The descriptor and all that it points to live as long as the process: a plugin is never unloaded.
 *  7. Secrets exist only in sinks and in memory from arena_secret().
 *
 * Threads: the functions that take a trustee_request are called from the thread that the request was handed to the
 * plugin on; the others from any thread.
 */
#ifndef TRUSTEE_HOST_H
#define TRUSTEE_HOST_H

#include <trustee/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRUSTEE_LOG_DEBUG 0u
#define TRUSTEE_LOG_INFO 1u
#define TRUSTEE_LOG_WARN 2u
#define TRUSTEE_LOG_ERROR 3u

/* How value_base64() and put_base64() write base64. */
#define TRUSTEE_BASE64_STD 0u /* RFC 4648 section 4, padding required, no other character */
#define TRUSTEE_BASE64_URL 1u /* RFC 4648 section 5, no padding */

/* How a field of the evidence is compared with what the service expects: see trustee_binding in verifier.h. */
typedef struct trustee_host {
    uint32_t size;
    uint32_t abi_minor;
    void *ctx; /* first argument of log, conf_* and query */

    /* Writes one line of log. Never hand a secret, token, cookie or nonce to it. `text` is at most 4,096 bytes. */
    void (*log)(void *ctx, uint32_t level, trustee_slice text);

    /* --- options: only inside init() and reload() ---------------------------------------------------------------
     * The service has checked every option against the option table: presence, type and range. An option that is
     * absent and has no default gives TRUSTEE_NOT_FOUND. Slices live until fini(); those of type file change at
     * reload(). */
    trustee_status (*conf_text)(const trustee_conf *conf, trustee_slice name, trustee_slice *out);
    trustee_status (*conf_u64)(const trustee_conf *conf, trustee_slice name, uint64_t *out);
    trustee_status (*conf_bool)(const trustee_conf *conf, trustee_slice name, uint32_t *out);
    /* The n-th value of an option that may be given several times (n from 0). */
    trustee_status (*conf_nth)(const trustee_conf *conf, trustee_slice name, uint64_t n, trustee_slice *out);
    /* The content of a file named by an option of type FILE, read and bounded by the service. */
    trustee_status (*conf_file)(const trustee_conf *conf, trustee_slice name, uint64_t n, trustee_slice *out);

    /* --- memory of a request -----------------------------------------------------------------------------------
     * NULL when the arena is full; never freed by the plugin; `align` is a power of two up to 64. */
    void *(*arena_alloc)(trustee_request *req, uint64_t size, uint64_t align);
    /* Locked, never dumped, wiped when the request ends. */
    void *(*arena_secret)(trustee_request *req, uint64_t size);

    /* --- the record of the decision ----------------------------------------------------------------------------
     * check(): one check that was made, in order: a dotted name ("tpm.quote.magic"), whether it passed, and what was
     * expected and found, as short text for the administrators' record (never for the client). A name that passed is
     * worth recording too: it is how an operator reads why a secret was released.
     * reject(): why the evidence is refused: a reason id of the plugin's own list (descriptor.reasons) and a text for
     * people. The first one counts. Call it before returning TRUSTEE_REJECT. */
    void (*check)(trustee_request *req, trustee_slice name, uint32_t passed, trustee_slice expected,
                  trustee_slice actual);
    void (*reject)(trustee_request *req, trustee_slice reason, trustee_slice text);

    /* --- reading the evidence ----------------------------------------------------------------------------------
     * `pointer` is a JSON pointer (RFC 6901) relative to `from`, "" is `from` itself. Answers TRUSTEE_NOT_FOUND where
     * there is none, TRUSTEE_REJECT where the value has another type or does not decode. Results are views into the
     * request or its arena. */
    trustee_status (*value_get)(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                const trustee_value **out);
    uint32_t (*value_type)(const trustee_value *value); /* TRUSTEE_NODE_… */
    trustee_status (*value_text)(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                 trustee_slice *out);
    trustee_status (*value_i64)(trustee_request *req, const trustee_value *from, trustee_slice pointer, int64_t *out);
    trustee_status (*value_u64)(trustee_request *req, const trustee_value *from, trustee_slice pointer, uint64_t *out);
    trustee_status (*value_bool)(trustee_request *req, const trustee_value *from, trustee_slice pointer, uint32_t *out);
    /* A string, decoded once into the arena. `alphabet` is TRUSTEE_BASE64_… . */
    trustee_status (*value_base64)(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                   uint32_t alphabet, trustee_slice *out);
    /* A string of hex digits of either case, decoded once into the arena. */
    trustee_status (*value_hex)(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                trustee_slice *out);
    /* An array of numbers 0..255, as some attesters write byte strings. */
    trustee_status (*value_bytes)(trustee_request *req, const trustee_value *from, trustee_slice pointer,
                                  trustee_slice *out);
    uint64_t (*value_count)(const trustee_value *value); /* members of an array or object, else 0 */
    /* Walks an array or object: pass NULL first, then the last result; NULL at the end. `key` may be NULL. */
    const trustee_value *(*value_next)(const trustee_value *container, const trustee_value *last, trustee_slice *key);

    /* --- writing claims ----------------------------------------------------------------------------------------
     * Keys are given for members of an object and are empty for elements of an array. Text and keys are copied.
     * Misuse (no open container, a key twice, depth over 32, no memory) is remembered and fails the whole call: the
     * return values need not be checked one by one. */
    trustee_status (*put_object)(trustee_writer *w, trustee_slice key);
    trustee_status (*put_array)(trustee_writer *w, trustee_slice key);
    trustee_status (*put_end)(trustee_writer *w);
    trustee_status (*put_text)(trustee_writer *w, trustee_slice key, trustee_slice text);
    trustee_status (*put_hex)(trustee_writer *w, trustee_slice key, trustee_slice bytes);
    trustee_status (*put_base64)(trustee_writer *w, trustee_slice key, uint32_t alphabet, trustee_slice bytes);
    trustee_status (*put_i64)(trustee_writer *w, trustee_slice key, int64_t number);
    trustee_status (*put_bool)(trustee_writer *w, trustee_slice key, uint32_t truth);
    trustee_status (*put_null)(trustee_writer *w, trustee_slice key);
    trustee_status (*put_number)(trustee_writer *w, trustee_slice key, trustee_slice decimal);

    /* --- secrets -----------------------------------------------------------------------------------------------
     * reserve(): room for exactly `size` bytes in secret memory, NULL if it is too large; commit() says how many of
     * them were filled. Once per sink. */
    uint8_t *(*sink_reserve)(trustee_sink *sink, uint64_t size);
    trustee_status (*sink_commit)(trustee_sink *sink, uint64_t size);
    /* A listing: one name after the other, with a size in bytes. */
    trustee_status (*sink_name)(trustee_sink *sink, trustee_slice name, uint64_t size);

    /* --- what outlives a request -------------------------------------------------------------------------------
     * A bounded cache of parsed or signature-valid facts: `cls` names the kind of fact, `digest` is the SHA-256 of all
     * the bytes that it was derived from. get() answers NULL on a miss; what it answers stays valid until the request
     * ends. put() takes ownership of `value` where it answers TRUSTEE_OK, keeps it valid until the request ends, and
     * calls `drop` when it leaves the cache; otherwise it stays the plugin's. Entries vanish when trust anchors change
     * and after `not_after` (Unix seconds; INT64_MAX for never). Put only what verified. */
    const void *(*cache_get)(trustee_request *req, trustee_slice cls, trustee_slice digest);
    trustee_status (*cache_put)(trustee_request *req, trustee_slice cls, trustee_slice digest, void *value,
                                void (*drop)(void *value), int64_t not_after);

    /* Non-zero once the request's deadline has passed or its client has gone: give up with TRUSTEE_E_LIMIT. */
    uint32_t (*cancelled)(trustee_request *req);
    /* Fills `bytes` with `size` random bytes from the operating system's generator. */
    trustee_status (*random)(void *ctx, uint8_t *bytes, uint64_t size);

    /* Later, optional tables by name and minimum size; NULL where the host has none. */
    const void *(*query)(void *ctx, trustee_slice name, uint64_t min_size);
} trustee_host;

#ifdef __cplusplus
}
#endif
#endif
