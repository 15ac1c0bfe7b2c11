/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* How often a file that changes its size while it is read is read again. */
#define READ_ATTEMPTS 3

/* Fills `room` from the start of the file. How many bytes there were, room.iov_len + 1 for "more"; or -errno. */
static int64_t read_whole(int fd, struct iovec room)
{
    uint8_t more = 0; /* asked for in the same call: tells the end of the file without a second one */
    uint8_t *base = room.iov_len ? room.iov_base : &more;
    size_t done = 0;
    ssize_t n = 1;
    while (n > 0 && (done == 0 || done < room.iov_len)) {
        struct iovec parts[] = {{base + done, room.iov_len - done}, {&more, 1}};
        n = preadv(fd, parts, 2, (off_t)done);
        if (n < 0 && errno == EINTR) {
            n = 1;
            continue;
        }
        if (n < 0)
            break;
        done += (size_t)n;
    }
    int error = errno;
    secret_wipe(&more, sizeof more);
    return n < 0 ? -error : (int64_t)done;
}

/* Reads an open value into the sink. Our own writes replace files as a whole, so its size can only change under a
 * foreign hand. */
static trustee_status read_value(const struct file_store *s, int fd, slice key, trustee_sink *sink)
{
    struct iovec room = {NULL, 0};
    uint64_t reserved = 0;
    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        struct stat st;
        if (fstat(fd, &st) != 0)
            return file_failure(s, "reading", key, errno);
        if (!S_ISREG(st.st_mode))
            return file_failure(s, "reading", key, ENXIO);
        room.iov_len = (size_t)st.st_size;
        if (attempt == 0 || room.iov_len > reserved) {
            room.iov_base = s->host->sink_reserve(sink, room.iov_len);
            reserved = room.iov_len;
            if (!room.iov_base && reserved > 0)
                return attempt == 0 ? TRUSTEE_E_LIMIT : TRUSTEE_E_AGAIN;
        }
        int64_t n = read_whole(fd, room);
        if (n < 0)
            return file_failure(s, "reading", key, (int)-n);
        if ((size_t)n == room.iov_len)
            return s->host->sink_commit(sink, room.iov_len);
    }
    file_log(s, TRUSTEE_LOG_WARN, "%.*s changes while it is read; write a new file and rename it", SLICE_ARG(key));
    return TRUSTEE_E_AGAIN;
}

static int open_in_root(const struct file_store *s, const struct file_place *place)
{
    char path[FILE_SPACE_SIZE + FILE_NAME_SIZE];
    int n = snprintf(path, sizeof path, "%s/%s", place->space, place->name);
    return n > 0 && (size_t)n < sizeof path ? file_open_value(s->root, path) : -ENAMETOOLONG;
}

bool file_root_holds(const struct file_store *s, const struct file_place *place)
{
    struct stat st;
    int fd = open_in_root(s, place);
    bool holds = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    file_close(fd);
    return holds;
}

static int64_t second(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec;
}

/* A search for doubles costs as much as a look-up, so one second sees one at most. `after`: the first folder that was
 * not asked yet. */
static void search_double(struct file_store *s, const struct file_place *place, size_t after)
{
    int64_t now = second(), last = atomic_load_explicit(&s->searched, memory_order_relaxed);
    if (!place->in_folders || after >= s->folder_count || now == last ||
        !atomic_compare_exchange_strong(&s->searched, &last, now))
        return;
    if (file_folder_find(s, after, place) < s->folder_count)
        file_warn_double(s, place);
}

trustee_status file_get(void *instance, trustee_request *req, slice space, slice key, trustee_sink *sink)
{
    struct file_store *s = instance;
    struct file_place place;
    size_t next = 0;
    (void)req;
    trustee_status status = file_place(space, key, &place);
    if (status != TRUSTEE_OK && !(status == TRUSTEE_REJECT && place.in_folders))
        return status == TRUSTEE_REJECT ? TRUSTEE_NOT_FOUND : status;
    int fd = status == TRUSTEE_REJECT ? -ENOENT : open_in_root(s, &place);
    while (fd == -ENOENT && place.in_folders && next < s->folder_count)
        fd = file_folder_open(&s->folders[next++], &place);
    if (fd < 0)
        return file_failure(s, "opening", key, -fd);
    status = read_value(s, fd, key, sink);
    file_close(fd);
    search_double(s, &place, next);
    return status;
}

/* --- listing -------------------------------------------------------------------------------------------------------
 */

struct listing {
    const struct file_store *store;
    slice space, prefix;
    trustee_sink *sink;
    size_t folder; /* that is being listed */
};

static trustee_status list_file(struct listing *l, int dir, const char *name)
{
    char room[FILE_NAME_SIZE];
    slice key;
    struct stat st;
    if (!file_key(name, room, &key) || !slice_starts(key, l->prefix))
        return TRUSTEE_OK;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return TRUSTEE_OK;
    return l->store->host->sink_name(l->sink, key, (uint64_t)st.st_size);
}

static trustee_status list_root(struct listing *l, const char *space)
{
    int fd = file_open_dir(l->store->root, space);
    if (fd == -ENOENT)
        return TRUSTEE_OK;
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names) {
        int error = fd < 0 ? -fd : errno;
        file_close(fd);
        (void)file_failure(l->store, "listing", l->space, error);
        return TRUSTEE_E_AGAIN;
    }
    trustee_status status = TRUSTEE_OK;
    for (struct dirent *entry; status == TRUSTEE_OK && (errno = 0, entry = readdir(names));)
        status = list_file(l, fd, entry->d_name);
    if (status == TRUSTEE_OK && errno != 0)
        status = file_failure(l->store, "listing", l->space, errno);
    (void)closedir(names);
    return status;
}

/* A key of a folder, unless an earlier place has it too. */
static trustee_status list_secret(void *user, slice key, uint64_t size)
{
    struct listing *l = user;
    struct file_place place;
    trustee_status status = file_place(l->space, key, &place);
    bool named_before = status == TRUSTEE_OK && file_root_holds(l->store, &place);
    if (status == TRUSTEE_E_INVAL || named_before || !slice_starts(key, l->prefix) ||
        file_folder_find(l->store, 0, &place) < l->folder)
        return TRUSTEE_OK;
    return l->store->host->sink_name(l->sink, key, size);
}

trustee_status file_list(void *instance, trustee_request *req, slice space, slice prefix, trustee_sink *sink)
{
    struct listing l = {.store = instance, .space = space, .prefix = prefix, .sink = sink};
    struct file_place place;
    (void)req;
    trustee_status status = file_place(space, S("default/any/any"), &place);
    if (status != TRUSTEE_OK)
        return status;
    status = list_root(&l, place.space);
    for (; status == TRUSTEE_OK && place.in_folders && l.folder < l.store->folder_count; l.folder++)
        status = file_folder_each(&l.store->folders[l.folder], list_secret, &l);
    return status;
}
