/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLASH "\\x2F"
#define SLASH_SIZE (sizeof SLASH - 1)
#define SECRETS S("default")

static const slice REPOSITORY = TRUSTEE_TEXT("repository");

bool file_segment_valid(slice segment)
{
    return segment.len <= 255 && slice_is_name(segment, "-_.") && segment.ptr[0] != '.';
}

static bool key_valid(slice key)
{
    slice rest = key, segment;
    while (slice_split(&rest, '/', &segment))
        if (!file_segment_valid(segment))
            return false;
    return key.len > 0;
}

bool file_space_valid(const char *name)
{
    slice s = slice_text(name);
    return s.len < FILE_SPACE_SIZE && slice_is_name(s, "-_");
}

/* A copy with a NUL; the caller knows that it fits. */
static void copy_text(char *out, slice s)
{
    memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
}

static bool encode(slice key, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < key.len; i++) {
        bool slash = key.ptr[i] == '/';
        size_t needed = slash ? SLASH_SIZE : 1;
        if (length + needed >= FILE_NAME_SIZE)
            return false;
        memcpy(out + length, slash ? (const void *)SLASH : key.ptr + i, needed);
        length += needed;
    }
    out[length] = 0;
    return true;
}

static void place_in_folders(struct file_place *p)
{
    slice rest = p->key, first, secret, item;
    p->in_folders = slice_equal(slice_text(p->space), REPOSITORY) && slice_split(&rest, '/', &first) &&
                    slice_equal(first, SECRETS) && slice_split(&rest, '/', &secret) && slice_split(&rest, '/', &item) &&
                    !rest.ptr;
    if (!p->in_folders)
        return;
    copy_text(p->secret, secret);
    copy_text(p->item, item);
}

trustee_status file_place(slice space, slice key, struct file_place *out)
{
    out->key = key;
    if (space.len >= FILE_SPACE_SIZE || !slice_is_name(space, "-_") || !key_valid(key))
        return TRUSTEE_E_INVAL;
    copy_text(out->space, space);
    place_in_folders(out);
    return encode(key, out->name) ? TRUSTEE_OK : TRUSTEE_REJECT;
}

bool file_key(const char *name, char *room, slice *key)
{
    slice left = slice_text(name);
    size_t length = 0;
    if (left.len >= FILE_NAME_SIZE)
        return false;
    while (left.len) {
        bool slash = slice_starts(left, S(SLASH));
        room[length++] = slash ? '/' : (char)*left.ptr;
        size_t step = slash ? SLASH_SIZE : 1;
        left = slice_of(left.ptr + step, left.len - step);
        if (!slash && room[length - 1] == '/')
            return false;
    }
    *key = slice_of(room, length);
    return key_valid(*key);
}

int file_open(int dir, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    /* EAGAIN: something on the way was renamed meanwhile, so that the kernel could not be sure. */
    for (int attempt = 0; attempt < 16; attempt++) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return -errno;
}

int file_open_dir(int dir, const char *path)
{
    return file_open(dir, path, O_RDONLY | O_DIRECTORY);
}

int file_open_value(int dir, const char *path)
{
    return file_open(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

void file_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}
