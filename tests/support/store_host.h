/* SPDX-License-Identifier: Apache-2.0
 *
 * A small host for storage plugins under test. Unlike fake_host.h it may be called from several threads at once: each
 * call brings its own sink, and the log is kept as text.
 */
#ifndef TESTS_STORE_HOST_H
#define TESTS_STORE_HOST_H

#include <pthread.h>
#include <trustee/storage.h>

#include "lib/base/bytes.h"

#define STORE_FOLDERS_MAX 40

/* What a get or list gave. */
struct answer {
    trustee_status status;
    uint8_t *room; /* the caller's, `limit` bytes */
    size_t limit;
    size_t size; /* of the value */
    size_t reserves, commits;
    void (*on_reserve)(void *user); /* called with each sink_reserve; may be NULL */
    void *user;
    size_t names;
    char text[8192]; /* of a listing: "NAME SIZE\n" each */
};

struct store_host {
    trustee_host table;
    const char *directory;
    const char *folders[STORE_FOLDERS_MAX];
    size_t folder_count;
    const trustee_plugin *plugin;
    const trustee_storage *store;
    void *instance;
    pthread_mutex_t lock;
    size_t warnings, errors;
    char log[16384];
    size_t log_size;
};

void store_host_begin(struct store_host *h, const char *directory);
void store_host_folder(struct store_host *h, const char *folder);
trustee_status store_host_open(struct store_host *h, const trustee_plugin *plugin);
/* fini; the host can be opened again, as after a restart. The log is forgotten. */
void store_host_close(struct store_host *h);

void host_get(struct store_host *h, const char *space, slice key, struct answer *a);
void host_list(struct store_host *h, const char *space, const char *prefix, struct answer *a);
trustee_status host_put(struct store_host *h, const char *space, slice key, slice value, uint64_t flags);
trustee_status host_del(struct store_host *h, const char *space, slice key);

#endif
