/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RANDOM_SIZE 8
#define PROBE_SECONDS 1

/* A value on its way: written under a name that no key has, then renamed. */
struct temp {
    int dir, fd;
    char name[sizeof FILE_TEMP_PREFIX + 2 * RANDOM_SIZE];
};

static trustee_status write_failed(struct file_store *s, const char *what, slice key, int error)
{
    char room[128];
    atomic_store(&s->write_error, error);
    file_log(s, TRUSTEE_LOG_ERROR, "%s %.*s: %s", what, SLICE_ARG(key), strerror_r(error, room, sizeof room));
    return TRUSTEE_E_AGAIN;
}

/* 0 or an errno. */
static int temp_make(const struct file_store *s, int dir, struct temp *t)
{
    uint8_t bytes[RANDOM_SIZE];
    *t = (struct temp){.dir = dir, .fd = -1, .name = FILE_TEMP_PREFIX};
    if (s->host->random(s->host->ctx, bytes, sizeof bytes) != TRUSTEE_OK)
        return EIO;
    size_t prefix = sizeof FILE_TEMP_PREFIX - 1;
    size_t digits = hex_encode((uint8_t *)t->name + prefix, slice_of(bytes, sizeof bytes));
    t->name[prefix + digits] = 0;
    t->fd = openat(dir, t->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (t->fd < 0)
        return errno;
    /* Whoever starts meanwhile sees by the lock that somebody still writes this one. Some file systems have no locks:
     * then a starting service may take it away, and this write fails and says so. */
    (void)flock(t->fd, LOCK_EX | LOCK_NB);
    return 0;
}

static int temp_write(struct temp *t, slice value)
{
    while (value.len) {
        ssize_t n = write(t->fd, value.ptr, value.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        value = slice_of(value.ptr + n, value.len - (uint64_t)n);
    }
    return fsync(t->fd) == 0 ? 0 : errno;
}

static int temp_publish(struct temp *t, const char *name, bool only_new)
{
    if (renameat2(t->dir, t->name, t->dir, name, only_new ? RENAME_NOREPLACE : 0) != 0)
        return errno;
    t->name[0] = 0;
    return fsync(t->dir) == 0 ? 0 : errno;
}

/* The lock is held until the name is gone. */
static void temp_end(struct temp *t)
{
    if (t->fd < 0)
        return;
    if (t->name[0])
        (void)unlinkat(t->dir, t->name, 0);
    (void)close(t->fd);
}

/* The namespace's folder, made if there is none. A descriptor, or -errno. */
static int open_space(const struct file_store *s, const char *space)
{
    int dir = file_open_dir(s->root, space);
    if (dir != -ENOENT)
        return dir;
    if (mkdirat(s->root, space, 0700) != 0 && errno != EEXIST)
        return -errno;
    if (fsync(s->root) != 0)
        return -errno;
    return file_open_dir(s->root, space);
}

/* Whether the repository may hold the key: not where only a Secret folder does. */
static bool read_only(const struct file_store *s, const struct file_place *place)
{
    return place->in_folders && file_folder_find(s, 0, place) < s->folder_count && !file_root_holds(s, place);
}

trustee_status file_put(void *instance, trustee_request *req, slice space, slice key, slice value, uint64_t flags)
{
    struct file_store *s = instance;
    struct file_place place;
    struct temp t;
    bool only_new = flags & TRUSTEE_PUT_NEW;
    (void)req;
    trustee_status status = file_place(space, key, &place);
    if (status == TRUSTEE_REJECT)
        file_log(s, TRUSTEE_LOG_WARN, "%.*s is too long for a file name", SLICE_ARG(key));
    if (status != TRUSTEE_OK)
        return status;
    if (read_only(s, &place))
        return TRUSTEE_REJECT;
    int dir = open_space(s, place.space);
    if (dir < 0)
        return write_failed(s, "opening the folder of", key, -dir);
    int error = temp_make(s, dir, &t);
    if (!error)
        error = temp_write(&t, value);
    if (!error)
        error = temp_publish(&t, place.name, only_new);
    temp_end(&t);
    file_close(dir);
    if (error == EEXIST && only_new)
        return TRUSTEE_REJECT;
    if (error)
        return write_failed(s, "writing", key, error);
    atomic_store(&s->write_error, 0);
    return TRUSTEE_OK;
}

static trustee_status remove_name(struct file_store *s, int dir, const struct file_place *place)
{
    if (unlinkat(dir, place->name, 0) != 0)
        return errno == ENOENT ? TRUSTEE_NOT_FOUND : write_failed(s, "removing", place->key, errno);
    if (fsync(dir) != 0)
        return write_failed(s, "removing", place->key, errno);
    atomic_store(&s->write_error, 0);
    return TRUSTEE_OK;
}

trustee_status file_del(void *instance, trustee_request *req, slice space, slice key)
{
    struct file_store *s = instance;
    struct file_place place;
    (void)req;
    trustee_status status = file_place(space, key, &place);
    if (status == TRUSTEE_E_INVAL)
        return status;
    if (status == TRUSTEE_OK && file_root_holds(s, &place)) {
        int dir = file_open_dir(s->root, place.space);
        status = dir < 0 ? write_failed(s, "opening the folder of", key, -dir) : remove_name(s, dir, &place);
        file_close(dir);
        return status;
    }
    return file_folder_find(s, 0, &place) < s->folder_count ? TRUSTEE_REJECT : TRUSTEE_NOT_FOUND;
}

/* --- readiness -------------------------------------------------------------------------------------------------------
 */

/* Whether writing works again: 0 or an errno. */
static int probe(const struct file_store *s)
{
    struct temp t;
    int error = temp_make(s, s->root, &t);
    if (!error)
        error = temp_write(&t, S("probe"));
    temp_end(&t);
    return error;
}

static bool probe_is_due(struct file_store *s)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t last = atomic_load(&s->probed);
    return (last == 0 || t.tv_sec >= last + PROBE_SECONDS) &&
           atomic_compare_exchange_strong(&s->probed, &last, (int64_t)t.tv_sec);
}

static trustee_status not_ready(const struct file_store *s, int error, slice room, uint64_t *length)
{
    char text[256], reason[128];
    int n = snprintf(text, sizeof text, "%.*s: %s", (int)(s->directory.len < 100 ? s->directory.len : 100),
                     (const char *)s->directory.ptr, strerror_r(error, reason, sizeof reason));
    uint64_t whole = n < 0 ? 0 : (size_t)n < sizeof text ? (uint64_t)n : sizeof text - 1;
    *length = whole < room.len ? whole : room.len;
    if (*length)
        memcpy((uint8_t *)(uintptr_t)room.ptr, text, *length);
    return TRUSTEE_E_AGAIN;
}

trustee_status file_ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length)
{
    struct file_store *s = instance;
    struct stat st;
    *length = 0;
    if (fstat(s->root, &st) != 0 || st.st_nlink == 0)
        return not_ready(s, ENOENT, slice_of(why, capacity), length);
    int error = atomic_load(&s->write_error);
    if (error && probe_is_due(s)) {
        error = probe(s);
        atomic_store(&s->write_error, error);
    }
    return error ? not_ready(s, error, slice_of(why, capacity), length) : TRUSTEE_OK;
}
