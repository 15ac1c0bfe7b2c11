/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a volume may be replaced while one key is looked up. */
#define ATTEMPTS 16

/* The folder that holds the members of `dir` now: that which ..data names, or, where there is no ..data, -ENOENT. */
static int generation(int dir)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        int fd = file_open_generation(dir);
        if (fd != -ENOENT)
            return fd;
        /* ..data was replaced and its old folder removed between reading the link and following it? */
        struct stat link;
        if (fstatat(dir, "..data", &link, AT_SYMLINK_NOFOLLOW) != 0)
            return errno == ENOENT ? -ENOENT : -errno;
    }
    return -EAGAIN;
}

/* A volume's members, with the descriptor given up in favour of its generation's. */
static int enter(int dir)
{
    int fd = generation(dir);
    if (fd == -ENOENT)
        return dir;
    file_close(dir);
    return fd;
}

static int open_secret(const struct file_folder *folder, const char *secret)
{
    int base = generation(folder->fd);
    if (base < 0 && base != -ENOENT)
        return base;
    int dir = file_open(base < 0 ? folder->fd : base, secret, O_PATH | O_DIRECTORY);
    file_close(base);
    return dir < 0 ? dir : enter(dir);
}

static bool same_folder(int a, int b)
{
    struct stat x, y;
    return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether the Secret is still the one that `members` was. While that descriptor is open its number is not reused. */
static bool still_current(const struct file_folder *folder, const char *secret, int members)
{
    int now = open_secret(folder, secret);
    bool same = same_folder(now, members);
    file_close(now);
    return same;
}

int file_folder_open(const struct file_folder *folder, const struct file_place *place)
{
    for (int attempt = 0; place->in_folders && attempt < ATTEMPTS; attempt++) {
        int members = open_secret(folder, place->secret);
        if (members < 0) /* plain files beside the Secrets are none of ours */
            return members == -ENOTDIR ? -ENOENT : members;
        int fd = file_open_value(members, place->item);
        /* A key that is missing may be missing because its generation is being removed. */
        bool decided = fd != -ENOENT || still_current(folder, place->secret, members);
        file_close(members);
        if (decided)
            return fd;
    }
    return place->in_folders ? -EAGAIN : -ENOENT;
}

bool file_folder_holds(const struct file_folder *folder, const struct file_place *place)
{
    struct stat st;
    int fd = file_folder_open(folder, place);
    bool holds = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    file_close(fd);
    return holds;
}

size_t file_folder_find(const struct file_store *s, size_t from, const struct file_place *place)
{
    size_t i = from;
    while (i < s->folder_count && !file_folder_holds(&s->folders[i], place))
        i++;
    return i;
}

/* Opens a folder's names for reading; NULL with errno. Takes nothing over. */
static DIR *names_of(int dir)
{
    int fd = file_open_dir(dir, ".");
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (fd < 0)
        errno = -fd;
    else if (!names)
        file_close(fd);
    return names;
}

static trustee_status each_key(int members, const char *secret, file_visit visit, void *user)
{
    DIR *names = names_of(members);
    if (!names)
        return TRUSTEE_E_AGAIN;
    trustee_status status = TRUSTEE_OK;
    for (struct dirent *entry; status == TRUSTEE_OK && (entry = readdir(names));) {
        struct stat st;
        char key[sizeof "default//" + 2 * FILE_NAME_SIZE];
        if (!file_segment_valid(slice_text(entry->d_name)) ||
            fstatat(members, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        int n = snprintf(key, sizeof key, "default/%s/%s", secret, entry->d_name);
        if (n > 0 && (size_t)n < sizeof key)
            status = visit(user, slice_of(key, (size_t)n), (uint64_t)st.st_size);
    }
    (void)closedir(names);
    return status;
}

static trustee_status each_secret(const struct file_folder *folder, DIR *names, file_visit visit, void *user)
{
    trustee_status status = TRUSTEE_OK;
    for (struct dirent *entry; status == TRUSTEE_OK && (entry = readdir(names));) {
        if (!file_segment_valid(slice_text(entry->d_name)))
            continue;
        int members = open_secret(folder, entry->d_name);
        if (members >= 0)
            status = each_key(members, entry->d_name, visit, user);
        file_close(members);
    }
    return status;
}

trustee_status file_folder_each(const struct file_folder *folder, file_visit visit, void *user)
{
    int base = generation(folder->fd);
    DIR *names = names_of(base < 0 ? folder->fd : base);
    file_close(base);
    if (!names)
        return TRUSTEE_E_AGAIN;
    trustee_status status = each_secret(folder, names, visit, user);
    (void)closedir(names);
    return status;
}
