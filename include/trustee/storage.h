/* SPDX-License-Identifier: Apache-2.0
 *
 * Interface "storage", major 1: keeps byte strings under keys in namespaces.
 *
 * A namespace is one of "repository" (secrets), "kbs" and "attestation_service_policy" (policies), "reference_value".
 * A key is one or more segments joined by "/"; the service has checked that each segment matches
 * [A-Za-z0-9_-][A-Za-z0-9_.-]{0,254} before it calls.
 */
#ifndef TRUSTEE_STORAGE_H
#define TRUSTEE_STORAGE_H

#include <trustee/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRUSTEE_STORAGE_MAJOR 1u

#define TRUSTEE_STORAGE_BLOCKING_GET UINT64_C(1)  /* get, list and ready may wait: call them on a pool thread */
#define TRUSTEE_STORAGE_BLOCKING_PUT UINT64_C(2)  /* put and del may wait */
#define TRUSTEE_STORAGE_READ_ONLY UINT64_C(4)     /* put and del answer TRUSTEE_E_NOTSUP */
#define TRUSTEE_STORAGE_PLAIN_AT_REST UINT64_C(8) /* secrets lie unencrypted on a disk: the service warns */

#define TRUSTEE_PUT_NEW UINT64_C(1) /* refuse (TRUSTEE_REJECT) if the key exists */

/* Which kind of item a get() found: a key that only a read-only part of the storage holds cannot be written. */
typedef struct trustee_storage {
    uint32_t size;
    uint32_t reserved;
    uint64_t flags; /* TRUSTEE_STORAGE_… */
    /* Reads one value into the sink: TRUSTEE_OK, TRUSTEE_NOT_FOUND, TRUSTEE_E_LIMIT (too large), TRUSTEE_E_AGAIN. */
    trustee_status (*get)(void *instance, trustee_request *req, trustee_slice space, trustee_slice key,
                          trustee_sink *sink);
    /* Writes one value, durably before it returns: old or new after a crash, never a torn one. TRUSTEE_REJECT: only a
     * read-only part of the storage holds this key, or it exists and `flags` has TRUSTEE_PUT_NEW. */
    trustee_status (*put)(void *instance, trustee_request *req, trustee_slice space, trustee_slice key,
                          trustee_slice value, uint64_t flags);
    trustee_status (*del)(void *instance, trustee_request *req, trustee_slice space, trustee_slice key);
    /* Names of all keys of a namespace that begin with `prefix`, in any order, each once. */
    trustee_status (*list)(void *instance, trustee_request *req, trustee_slice space, trustee_slice prefix,
                           trustee_sink *sink);
    /* Whether requests can be served now; otherwise a text of at most `capacity` bytes that says why not. */
    trustee_status (*ready)(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length);
} trustee_storage;

#ifdef __cplusplus
}
#endif
#endif
