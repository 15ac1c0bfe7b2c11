/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct survey {
    const struct file_store *store;
    const char *space;  /* "." for the directory itself */
    unsigned readable;  /* files that others may read */
    unsigned irregular; /* symlinks, devices, … */
};

/* Whoever may write to a folder or file decides what the service releases. */
static bool others_may_write(const struct stat *st)
{
    return (st->st_mode & 022) != 0 || (st->st_uid != geteuid() && st->st_uid != 0);
}

static trustee_status refuse(const struct survey *v, const char *name, const struct stat *st)
{
    file_log(v->store, TRUSTEE_LOG_ERROR,
             "%.*s/%s/%s has mode %04o and owner %u: others than this service (user %u) may change it; make it 0%s and "
             "its own, or name a folder of its own below",
             SLICE_ARG(v->store->directory), v->space, name, (unsigned)st->st_mode & 07777u, (unsigned)st->st_uid,
             (unsigned)geteuid(), S_ISDIR(st->st_mode) ? "700" : "600");
    return TRUSTEE_E_CONFIG;
}

/* A temporary file that nobody holds the lock of was left by a process that died. */
static void remove_stray(const struct survey *v, int dir, const char *name)
{
    int fd = file_open(dir, name, O_WRONLY | O_NONBLOCK);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(dir, name, 0) == 0)
        file_log(v->store, TRUSTEE_LOG_INFO, "removed %s/%s, which an interrupted write had left", v->space, name);
    file_close(fd);
}

static trustee_status survey_file(struct survey *v, int dir, const char *name)
{
    struct stat st;
    if (slice_starts(slice_text(name), S(FILE_TEMP_PREFIX))) {
        remove_stray(v, dir, name);
        return TRUSTEE_OK;
    }
    if (name[0] == '.' || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return TRUSTEE_OK;
    if (!S_ISREG(st.st_mode)) {
        v->irregular++;
        return TRUSTEE_OK;
    }
    if (others_may_write(&st))
        return refuse(v, name, &st);
    v->readable += (st.st_mode & 044) != 0;
    return TRUSTEE_OK;
}

static trustee_status survey_folder(struct survey *v, int dir)
{
    struct stat st;
    if (fstat(dir, &st) != 0)
        return file_failure(v->store, "checking", slice_text(v->space), errno);
    if (others_may_write(&st))
        return refuse(v, "", &st);
    if (st.st_mode & 055)
        file_log(v->store, TRUSTEE_LOG_WARN, "%.*s/%s has mode %04o: others may look into it; make it 0700",
                 SLICE_ARG(v->store->directory), v->space, (unsigned)st.st_mode & 07777u);
    return TRUSTEE_OK;
}

static void report(const struct survey *v)
{
    if (v->readable)
        file_log(v->store, TRUSTEE_LOG_WARN, "%u files of %.*s/%s may be read by others; make them 0600", v->readable,
                 SLICE_ARG(v->store->directory), v->space);
    if (v->irregular)
        file_log(v->store, TRUSTEE_LOG_WARN, "%u names of %.*s/%s are no regular files and are not served",
                 v->irregular, SLICE_ARG(v->store->directory), v->space);
}

static trustee_status survey_names(struct survey *v, int dir)
{
    int fd = file_open_dir(dir, ".");
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names) {
        file_close(fd);
        return file_failure(v->store, "checking", slice_text(v->space), fd < 0 ? -fd : errno);
    }
    trustee_status status = TRUSTEE_OK;
    for (struct dirent *entry; status == TRUSTEE_OK && (entry = readdir(names));)
        status = survey_file(v, dir, entry->d_name);
    (void)closedir(names);
    report(v);
    return status;
}

static trustee_status survey_space(const struct file_store *s, const char *space)
{
    struct survey v = {.store = s, .space = space};
    int dir = file_open_dir(s->root, space);
    if (dir < 0) /* not a folder: no namespace */
        return dir == -ENOTDIR || dir == -ELOOP ? TRUSTEE_OK : file_failure(s, "checking", slice_text(space), -dir);
    trustee_status status = survey_folder(&v, dir);
    if (status == TRUSTEE_OK)
        status = survey_names(&v, dir);
    file_close(dir);
    return status;
}

trustee_status file_check(struct file_store *s)
{
    struct survey v = {.store = s, .space = "."};
    trustee_status status = survey_folder(&v, s->root);
    int fd = status == TRUSTEE_OK ? file_open_dir(s->root, ".") : -1;
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names) {
        file_close(fd);
        return status == TRUSTEE_OK ? file_failure(s, "checking", s->directory, fd < 0 ? -fd : errno) : status;
    }
    for (struct dirent *entry; status == TRUSTEE_OK && (entry = readdir(names));) {
        if (slice_starts(slice_text(entry->d_name), S(FILE_TEMP_PREFIX)))
            remove_stray(&v, s->root, entry->d_name);
        else if (file_space_valid(entry->d_name))
            status = survey_space(s, entry->d_name);
    }
    (void)closedir(names);
    return status;
}

/* --- keys that lie in two places
 * -------------------------------------------------------------------------------------- */

/* FNV-1a: a collision costs one warning. */
static uint64_t hash_of(slice key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ key.ptr[i]) * UINT64_C(0x100000001b3);
    return h | 1;
}

/* True the first time; false too when so many were warned about that there is no room to remember more. */
static bool first_time(struct file_store *s, slice key)
{
    uint64_t hash = hash_of(key);
    for (size_t i = 0; i < FILE_WARNED_MAX; i++) {
        uint64_t seen = 0;
        if (atomic_compare_exchange_strong(&s->warned[i], &seen, hash))
            return true;
        if (seen == hash)
            return false;
    }
    return false;
}

static slice place_name(const struct file_store *s, size_t folder)
{
    return folder < s->folder_count ? s->folders[folder].path : s->directory;
}

void file_warn_double(struct file_store *s, const struct file_place *place)
{
    bool in_root = file_root_holds(s, place);
    size_t first = in_root ? s->folder_count : file_folder_find(s, 0, place);
    size_t second = file_folder_find(s, in_root ? 0 : first + 1, place);
    if (second >= s->folder_count || !first_time(s, place->key))
        return;
    slice served = place_name(s, first), hidden = place_name(s, second);
    file_log(s, TRUSTEE_LOG_WARN, "%.*s lies in two places: the one in %.*s is served, the one in %.*s is not",
             SLICE_ARG(place->key), SLICE_ARG(served), SLICE_ARG(hidden));
}

static trustee_status check_double(void *user, slice key, uint64_t size)
{
    struct file_place place;
    (void)size;
    if (file_place(S("repository"), key, &place) == TRUSTEE_OK)
        file_warn_double(user, &place);
    return TRUSTEE_OK;
}

void file_check_doubles(struct file_store *s)
{
    for (size_t i = 0; i < s->folder_count; i++)
        (void)file_folder_each(&s->folders[i], check_double, s);
}
