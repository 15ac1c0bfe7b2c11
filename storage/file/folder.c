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

/* A path below a secret folder, free of symlinks: what ..data named is written into it. */
struct path {
    char text[4 * FILE_NAME_SIZE];
};

static bool append(struct path *p, const char *name)
{
    size_t used = strlen(p->text);
    int n = snprintf(p->text + used, sizeof p->text - used, "%s%s", used ? "/" : "", name);
    return n > 0 && (size_t)n < sizeof p->text - used;
}

/* Goes into the generation that ..data in the folder `p` names now. A volume's ..data names a folder beside it; one
 * that names anything else is refused (-EXDEV). A folder without ..data stays as it is. 0 or -errno. */
static int enter_generation(int root, struct path *p)
{
    char target[FILE_NAME_SIZE];
    struct path link = *p;
    if (!append(&link, "..data"))
        return -ENAMETOOLONG;
    ssize_t n = readlinkat(root, link.text, target, sizeof target);
    if (n < 0)
        return errno == ENOENT || errno == EINVAL ? 0 : -errno;
    if (n == 0 || (size_t)n >= sizeof target || memchr(target, '/', (size_t)n))
        return -EXDEV;
    target[n] = 0;
    if (strcmp(target, ".") == 0 || strcmp(target, "..") == 0)
        return -EXDEV;
    return append(p, target) ? 0 : -ENAMETOOLONG;
}

/* The folder that holds the names of the Secrets. */
static int find_secrets(const struct file_folder *folder, struct path *p)
{
    p->text[0] = 0;
    return folder->is_volume ? enter_generation(folder->fd, p) : 0;
}

/* The folder that holds the keys of one Secret. */
static int find_keys(const struct file_folder *folder, const char *secret, struct path *p)
{
    int status = find_secrets(folder, p);
    if (status == 0 && !append(p, secret))
        status = -ENAMETOOLONG;
    return status == 0 ? enter_generation(folder->fd, p) : status;
}

void file_folder_begin(struct file_folder *folder, slice path, int fd)
{
    struct stat link;
    bool is_volume = fstatat(fd, "..data", &link, AT_SYMLINK_NOFOLLOW) == 0;
    *folder = (struct file_folder){.path = path, .fd = fd, .is_volume = is_volume};
}

/* Whether the Secret's keys still lie there. The kubelet gives each generation a name of its own. */
static bool still_there(const struct file_folder *folder, const char *secret, const struct path *keys)
{
    struct path now;
    int status = find_keys(folder, secret, &now);
    return status < 0 || strcmp(now.text, keys->text) == 0;
}

int file_folder_open(const struct file_folder *folder, const struct file_place *place)
{
    for (int attempt = 0; place->in_folders && attempt < ATTEMPTS; attempt++) {
        struct path keys;
        int fd = find_keys(folder, place->secret, &keys);
        if (fd < 0) /* plain files beside the Secrets are none of ours */
            return fd == -ENOTDIR ? -ENOENT : fd;
        struct path item = keys;
        fd = append(&item, place->item) ? file_open_value(folder->fd, item.text) : -ENAMETOOLONG;
        /* A key that is missing may be missing because its generation is being removed. */
        if (fd != -ENOENT || still_there(folder, place->secret, &keys))
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

/* --- listing -------------------------------------------------------------------------------------------------------
 */

static DIR *names_of(const struct file_folder *folder, const struct path *p)
{
    int fd = file_open_dir(folder->fd, p->text[0] ? p->text : ".");
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (!names)
        file_close(fd);
    return names;
}

static trustee_status each_key(DIR *names, const char *secret, file_visit visit, void *user)
{
    trustee_status status = TRUSTEE_OK;
    for (struct dirent *entry; status == TRUSTEE_OK && (entry = readdir(names));) {
        struct stat st;
        char key[sizeof "default//" + 2 * FILE_NAME_SIZE];
        if (!file_segment_valid(slice_text(entry->d_name)) ||
            fstatat(dirfd(names), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        int n = snprintf(key, sizeof key, "default/%s/%s", secret, entry->d_name);
        if (n > 0 && (size_t)n < sizeof key)
            status = visit(user, slice_of(key, (size_t)n), (uint64_t)st.st_size);
    }
    return status;
}

/* NULL for what cannot be opened: its keys cannot be read either. */
static DIR *keys_of(const struct file_folder *folder, const char *secret)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct path keys;
        DIR *names = find_keys(folder, secret, &keys) < 0 ? NULL : names_of(folder, &keys);
        if (names || still_there(folder, secret, &keys))
            return names;
    }
    return NULL;
}

static trustee_status each_key_of(const struct file_folder *folder, const char *secret, file_visit visit, void *user)
{
    DIR *names = file_segment_valid(slice_text(secret)) ? keys_of(folder, secret) : NULL;
    if (!names)
        return TRUSTEE_OK;
    trustee_status status = each_key(names, secret, visit, user);
    (void)closedir(names);
    return status;
}

trustee_status file_folder_each(const struct file_folder *folder, file_visit visit, void *user)
{
    struct path secrets;
    DIR *names = find_secrets(folder, &secrets) < 0 ? NULL : names_of(folder, &secrets);
    if (!names)
        return TRUSTEE_E_AGAIN;
    trustee_status status = TRUSTEE_OK;
    for (struct dirent *entry; status == TRUSTEE_OK && (entry = readdir(names));)
        status = each_key_of(folder, entry->d_name, visit, user);
    (void)closedir(names);
    return status;
}
