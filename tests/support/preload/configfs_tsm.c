/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into the guest's agent: a folder below CONFIGFS_TSM stands in for the kernel's. A report folder that is
 * made there is filled as the kernel fills it, and one that is removed is emptied first. `outblob` is a FIFO: who plays
 * the hardware reads `inblob` and writes `generation` and the blob (tests/support/tsm.py).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const char *const attributes[] = {"generation", "inblob", "auxblob", "outblob", "provider"};

/* Whether the folder is CONFIGFS_TSM itself. */
static int is_stand_in(int folder)
{
    const char *path = getenv("CONFIGFS_TSM");
    struct stat ours, given;
    return path && fstat(folder, &given) == 0 && stat(path, &ours) == 0 && ours.st_dev == given.st_dev &&
           ours.st_ino == given.st_ino;
}

static int put(int folder, const char *name, const char *text)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    ssize_t n = fd < 0 ? -1 : write(fd, text, length);
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)length ? 0 : -1;
}

/* `provider` comes last: it tells that the folder is complete. */
static int fill(int parent, const char *name)
{
    const char *provider = getenv("CONFIGFS_TSM_PROVIDER");
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    int failed = put(folder, "generation", "0\n") || put(folder, "inblob", "") || mkfifoat(folder, "outblob", 0600) ||
                 put(folder, "provider", provider ? provider : "tdx_guest");
    close(folder);
    return failed ? -1 : 0;
}

EXPORT int mkdirat(int parent, const char *name, mode_t mode)
{
    if (syscall(SYS_mkdirat, parent, name, mode) != 0)
        return -1;
    return is_stand_in(parent) ? fill(parent, name) : 0;
}

EXPORT int unlinkat(int parent, const char *name, int flags)
{
    if (flags & AT_REMOVEDIR && is_stand_in(parent)) {
        int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; folder >= 0 && i < sizeof attributes / sizeof *attributes; i++)
            (void)syscall(SYS_unlinkat, folder, attributes[i], 0);
        if (folder >= 0)
            close(folder);
    }
    return (int)syscall(SYS_unlinkat, parent, name, flags);
}
