/* SPDX-License-Identifier: Apache-2.0
 *
 * Storage in a folder: one file a value, in the layout of upstream's LocalFs (interface.md 1.11 S2, O6):
 *
 *     <directory>/<namespace>/<key, each "/" written as the four characters \x2F>      mode 0600 in folders of 0700
 *     <secret_folder>/<secret>/<key>                     read only: key default/<secret>/<key> of "repository"
 *
 * Below the directory no symlink is followed. A <secret> (and a secret folder itself) may be a volume as Kubernetes
 * mounts it: then its link ..data names the folder with the keys of one generation. That link is read, once a look-up,
 * and must name a folder beside it; what it names is opened as everything else, with no symlink followed.
 *
 * Nothing is remembered between calls but the descriptors of the roots: what was removed is gone at once.
 */
#ifndef STORAGE_FILE_H
#define STORAGE_FILE_H

#include <stdatomic.h>
#include <trustee/storage.h>

#include "lib/base/bytes.h"

#define FILE_FOLDERS_MAX 32
#define FILE_NAME_SIZE 256 /* the longest name that file systems take, and NUL */
#define FILE_SPACE_SIZE 64
#define FILE_WARNED_MAX 64

struct file_folder {
    slice path; /* for messages */
    int fd;
    bool is_volume; /* has a link ..data itself; a mount does not change its kind */
};

struct file_store {
    const trustee_host *host;
    slice directory; /* for messages */
    int root;
    struct file_folder folders[FILE_FOLDERS_MAX];
    size_t folder_count;
    _Atomic int write_error;                  /* errno of the last write if that failed, else 0 */
    _Atomic int64_t probed;                   /* monotonic second of the last probe */
    _Atomic int64_t searched;                 /* monotonic second of the last search for a double */
    _Atomic uint64_t warned[FILE_WARNED_MAX]; /* hashes of keys whose double was warned about */
};

/* Where a key lies, as text for system calls. */
struct file_place {
    slice key; /* as the caller gave it, for messages */
    char space[FILE_SPACE_SIZE];
    char name[FILE_NAME_SIZE]; /* the key as a file name */
    bool in_folders;           /* of the form default/<secret>/<key> in "repository" */
    char secret[FILE_NAME_SIZE];
    char item[FILE_NAME_SIZE];
};

/* --- place.c: names and opening ------------------------------------------------------------------------------------
 */

/* TRUSTEE_OK; TRUSTEE_E_INVAL for what is no namespace or key; TRUSTEE_REJECT for a key too long for a file name. */
trustee_status file_place(slice space, slice key, struct file_place *out);
/* The key that a file name stands for; false for any other file. `room` has FILE_NAME_SIZE bytes. */
bool file_key(const char *name, char *room, slice *key);
bool file_space_valid(const char *name);
bool file_segment_valid(slice segment);

/* openat2 that stays beneath `dir`, with neither symlinks nor magic links. A descriptor, or -errno. */
int file_open(int dir, const char *path, int flags);
/* A folder for reading its names and for fsync. */
int file_open_dir(int dir, const char *path);
/* A value's file. Does not hang on a FIFO; the caller checks with fstat that it is a regular file. */
int file_open_value(int dir, const char *path);
/* Closes and says nothing: for descriptors that were only read. Negative ones are allowed. */
void file_close(int fd);

/* --- folder.c: Secrets as Kubernetes mounts them ---------------------------------------------------------------------
 */

void file_folder_begin(struct file_folder *folder, slice path, int fd);
/* A descriptor, or -errno (-ENOENT: the folder does not hold it). */
int file_folder_open(const struct file_folder *folder, const struct file_place *place);
bool file_folder_holds(const struct file_folder *folder, const struct file_place *place);
/* Calls `visit` with each key (default/<secret>/<key>) and size until it does not answer TRUSTEE_OK. */
typedef trustee_status (*file_visit)(void *user, slice key, uint64_t size);
trustee_status file_folder_each(const struct file_folder *folder, file_visit visit, void *user);
/* Index of the first folder from `from` on that holds the place, else folder_count. */
size_t file_folder_find(const struct file_store *s, size_t from, const struct file_place *place);

/* --- read.c
 * ------------------------------------------------------------------------------------------------------------ */

trustee_status file_get(void *instance, trustee_request *req, slice space, slice key, trustee_sink *sink);
trustee_status file_list(void *instance, trustee_request *req, slice space, slice prefix, trustee_sink *sink);
/* Whether the directory itself holds it, as a regular file. */
bool file_root_holds(const struct file_store *s, const struct file_place *place);

/* --- write.c
 * ----------------------------------------------------------------------------------------------------------- */

#define FILE_TEMP_PREFIX ".tmp-"
trustee_status file_put(void *instance, trustee_request *req, slice space, slice key, slice value, uint64_t flags);
trustee_status file_del(void *instance, trustee_request *req, slice space, slice key);
trustee_status file_ready(void *instance, uint8_t *why, uint64_t capacity, uint64_t *length);

/* --- check.c: at start
 * --------------------------------------------------------------------------------------------------- */

/* Refuses (TRUSTEE_E_CONFIG) a directory or file that others may change, warns of those that others may read, removes
 * temporary files that no process writes any more. */
trustee_status file_check(struct file_store *s);
/* Warns of each key that lies in two places, once. */
void file_check_doubles(struct file_store *s);
/* Warns that `place` also lies elsewhere, if this was not said before. */
void file_warn_double(struct file_store *s, const struct file_place *place);

/* --- log.c
 * -------------------------------------------------------------------------------------------------------------- */

void file_log(const struct file_store *s, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What a failed system call on `what` amounts to: NOT_FOUND for what is not there, and, with a warning, for what is no
 * regular file; otherwise TRUSTEE_E_AGAIN, with an error in the log. */
trustee_status file_failure(const struct file_store *s, const char *what, slice key, int error);

#endif
