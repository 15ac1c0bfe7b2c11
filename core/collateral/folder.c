/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own folder of collateral. Several threads and processes (the daemon, trusteectl) may use one folder: readers see
 * whole files, for a file comes by rename; writers take the folder's lock.
 */
#include "core/collateral/item.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/collateral/folder_file.h"
#include "core/crypto/jose.h"

#define TEMPORARY ".tmp-"
#define TEMPORARY_LIFE 3600 /* seconds: an older one is a dead writer's */

/* --- opening --- */

static result complain(char *error, size_t error_size, const char *path, const char *what)
{
    if (error_size)
        (void)snprintf(error, error_size, "%s: %s", path, what);
    return FAIL(STORAGE);
}

static bool write_whole(int fd, slice bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR)
            return false;
        bytes = n > 0 ? slice_sub(bytes, (size_t)n, bytes.len) : bytes;
    }
    return true;
}

/* Writes to a temporary name, syncs, renames, syncs the folder: old or new after a crash, never a torn one. */
static bool replace(int folder, const char *name, slice bytes)
{
    uint8_t random[8], hex[16];
    char temporary[sizeof TEMPORARY + sizeof hex];
    if (FAILED(random_bytes(random, sizeof random)))
        return false;
    hex_encode(hex, slice_of(random, sizeof random));
    (void)snprintf(temporary, sizeof temporary, TEMPORARY "%.16s", (const char *)hex);
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = write_whole(fd, bytes) && fsync(fd) == 0;
    good = close(fd) == 0 && good && renameat(folder, temporary, folder, name) == 0;
    if (!good)
        (void)unlinkat(folder, temporary, 0);
    return good && fsync(folder) == 0;
}

static const char *check_version(int folder)
{
    char text[sizeof FOLDER_VERSION + 1] = "";
    int fd = openat(folder, FOLDER_VERSION_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT)
        return strerror(errno);
    if (fd < 0)
        return replace(folder, FOLDER_VERSION_FILE, S(FOLDER_VERSION)) ? NULL : "it cannot be written to";
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    return n > 0 && strcmp(text, FOLDER_VERSION) == 0
               ? NULL
               : "its file VERSION is not of this version; use the version that made it, or an empty folder";
}

/* What writers left that died. */
static void sweep(int folder)
{
    struct stat status;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries && fd >= 0)
        (void)close(fd);
    for (const struct dirent *e = entries ? readdir(entries) : NULL; e; e = readdir(entries))
        if (slice_starts(slice_text(e->d_name), S(TEMPORARY)) &&
            fstatat(folder, e->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_mtime < time(NULL) - TEMPORARY_LIFE)
            (void)unlinkat(folder, e->d_name, 0);
    if (entries)
        (void)closedir(entries);
}

static const char *check_folder(int folder)
{
    struct stat status;
    if (fstat(folder, &status) != 0)
        return strerror(errno);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return "it belongs to another user; give it to the one who runs this program";
    if (status.st_mode & 022)
        return "group or others may write to it; run chmod go-w on it";
    return check_version(folder);
}

result collateral_folder_open(struct collateral_folder *f, const char *path, char *error, size_t error_size)
{
    f->fd = -1;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return complain(error, error_size, path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return complain(error, error_size, path,
                        errno == ENOTDIR || errno == ELOOP ? "it is not a folder, or a symbolic link"
                                                           : strerror(errno));
    const char *why = check_folder(fd);
    if (why) {
        (void)close(fd);
        return complain(error, error_size, path, why);
    }
    sweep(fd);
    f->fd = fd;
    return OK;
}

void collateral_folder_close(struct collateral_folder *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

/* --- one writer at a time --- */

/* A descriptor of its own, so that threads exclude each other, too. */
static int lock(const struct collateral_folder *f)
{
    int fd = openat(f->fd, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            (void)close(fd);
            return -1;
        }
    return fd;
}

/* Damaged a moment ago; somebody may have written it anew since. */
static void set_aside(const struct collateral_folder *f, const char *name, struct arena *a)
{
    char aside[FOLDER_NAME_MAX + 16];
    struct collateral_item item;
    struct collateral_facts facts;
    size_t used = a->used;
    int held = lock(f);
    if (held < 0)
        return;
    (void)snprintf(aside, sizeof aside, "%s.corrupt", name);
    if (folder_read(f->fd, name, a, &item, &facts).reason == COLLATERAL_CORRUPT &&
        renameat(f->fd, name, f->fd, aside) == 0)
        (void)fsync(f->fd);
    a->used = used;
    (void)close(held);
}

/* --- items --- */

result collateral_folder_get(const struct collateral_folder *f, slice kind, slice key, struct arena *a,
                             struct collateral_item *item, struct collateral_facts *facts)
{
    char name[FOLDER_NAME_MAX];
    size_t used = a->used;
    ENSURE(folder_name(kind, key, name), COLLATERAL_ABSENT);
    result r = folder_read(f->fd, name, a, item, facts);
    if (!FAILED(r))
        return OK;
    a->used = used;
    if (r.reason == COLLATERAL_CORRUPT)
        set_aside(f, name, a);
    return r;
}

static result put_locked(const struct collateral_folder *f, const char *name, struct arena *a,
                         const struct collateral_item *item, const struct collateral_facts *facts)
{
    struct collateral_item stored;
    struct collateral_facts then;
    slice file;
    result r = folder_read(f->fd, name, a, &stored, &then);
    if (FAILED(r) && r.reason != COLLATERAL_ABSENT && r.reason != COLLATERAL_CORRUPT)
        return r;
    if (!FAILED(r))
        TRY(folder_judge_age(&then, facts));
    a->used = 0;
    TRY(folder_encode(item, facts, a, &file));
    return replace(f->fd, name, file) ? OK : FAIL(STORAGE);
}

result collateral_folder_put(const struct collateral_folder *f, const struct collateral_item *item,
                             const struct collateral_facts *facts)
{
    char name[FOLDER_NAME_MAX];
    struct arena a;
    ENSURE(folder_name(item->kind, item->key, name), STORAGE);
    TRY(arena_map(&a, FOLDER_FILE_MAX + 4096, ARENA_PLAIN));
    int held = lock(f);
    result r = held < 0 ? FAIL(STORAGE) : put_locked(f, name, &a, item, facts);
    if (held >= 0)
        (void)close(held);
    arena_unmap(&a);
    return r;
}

result collateral_folder_delete(const struct collateral_folder *f, slice kind, slice key)
{
    char name[FOLDER_NAME_MAX];
    ENSURE(folder_name(kind, key, name), COLLATERAL_ABSENT);
    int held = lock(f);
    ENSURE(held >= 0, STORAGE);
    result r = OK;
    if (unlinkat(f->fd, name, 0) != 0)
        r = FAIL(errno == ENOENT ? COLLATERAL_ABSENT : STORAGE);
    else if (fsync(f->fd) != 0)
        r = FAIL(STORAGE);
    (void)close(held);
    return r;
}

result collateral_folder_list(const struct collateral_folder *f, struct arena *a,
                              void (*each)(void *user, const struct collateral_item *item,
                                           const struct collateral_facts *facts),
                              void *user, size_t *corrupt)
{
    *corrupt = 0;
    int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        if (fd >= 0)
            (void)close(fd);
        return FAIL(STORAGE);
    }
    result r = OK;
    for (const struct dirent *e = readdir(entries); e && !FAILED(r); e = readdir(entries)) {
        struct collateral_item item;
        struct collateral_facts facts;
        size_t used = a->used;
        if (!slice_ends(slice_text(e->d_name), S(FOLDER_SUFFIX)))
            continue;
        r = folder_read(f->fd, e->d_name, a, &item, &facts);
        if (!FAILED(r))
            each(user, &item, &facts);
        *corrupt += r.reason == COLLATERAL_CORRUPT;
        if (r.reason == COLLATERAL_CORRUPT || r.reason == COLLATERAL_ABSENT)
            r = OK;
        a->used = used;
    }
    (void)closedir(entries);
    return r;
}
