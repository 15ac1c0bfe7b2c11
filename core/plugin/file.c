/* SPDX-License-Identifier: Apache-2.0
 *
 * From a path to a mapped shared object, through one descriptor: what was checked and hashed is what is loaded.
 */
#include "core/plugin/internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/signature/signature.h"

#define FILE_MAX ((off_t)128 << 20)
#define LIBRARIES_MAX 256
#define MAJORS_MAX 16

/* --- opening --- */

static result opened(const struct blame *b, int fd, slice path, slice directory, int *out)
{
    int why = errno;
    *out = fd;
    if (fd >= 0)
        return OK;
    if (why == ELOOP)
        return refuse(b, "%.*s is a symbolic link, or lies behind one; name the file itself", SLICE_ARG(path));
    if (why == EXDEV)
        return refuse(b, "%.*s leads out of the plugin directory %.*s; put the file into it", SLICE_ARG(path),
                      SLICE_ARG(directory));
    if (why == ENOSYS)
        return refuse(b, "the kernel lacks openat2; plugins need Linux 5.6 or later");
    return refuse(b, "%.*s cannot be opened: %s; check the path, and 'directory' in [plugins]", SLICE_ARG(path),
                  strerror(why));
}

static const char *c_text(char *room, size_t size, slice s)
{
    int n = snprintf(room, size, "%.*s", SLICE_ARG(s));
    return n >= 0 && (size_t)n < size ? room : NULL;
}

/* What of `path` comes after the directory; empty where it does not lie beneath. */
static slice beneath(slice directory, slice path)
{
    while (slice_ends(directory, S("/")))
        directory.len--;
    if (!slice_starts(path, directory) || path.len <= directory.len || path.ptr[directory.len] != '/')
        return NO_SLICE;
    slice rest = slice_sub(path, directory.len, path.len);
    while (rest.len && *rest.ptr == '/')
        rest = slice_sub(rest, 1, rest.len);
    return rest;
}

static result open_directory(const struct blame *b, slice directory, int *out)
{
    char room[4096];
    struct stat status;
    const char *name = c_text(room, sizeof room, directory);
    if (!name || *name != '/')
        return refuse(b, "the plugin directory '%.*s' is not an absolute path; set 'directory' in [plugins]",
                      SLICE_ARG(directory));
    *out = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*out < 0)
        return refuse(b, "the plugin directory %s cannot be opened: %s; set 'directory' in [plugins]", name,
                      strerror(errno));
    if (fstat(*out, &status) == 0 && !(status.st_mode & S_IWOTH))
        return OK;
    (void)close(*out);
    return refuse(b, "everybody may write to the plugin directory %s; run: chmod o-w %s", name, name);
}

static result open_beneath(const struct blame *b, slice directory, slice path, int *out)
{
    char room[4096];
    int folder = -1;
    const char *name = c_text(room, sizeof room, beneath(directory, path));
    if (!name || !*name)
        return refuse(b,
                      "%.*s does not lie in the plugin directory %.*s; put it there, or set 'directory' in [plugins]",
                      SLICE_ARG(path), SLICE_ARG(directory));
    TRY(open_directory(b, directory, &folder));
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
    int why = errno;
    (void)close(folder);
    errno = why;
    return opened(b, fd, path, directory, out);
}

static result open_anywhere(const struct blame *b, slice path, int *out)
{
    char room[4096];
    const char *name = c_text(room, sizeof room, path);
    if (!name)
        return refuse(b, "the path is too long");
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    return opened(b, fd, path, NO_SLICE, out);
}

/* --- judging the file --- */

static result check_status(const struct blame *b, int fd, slice path, struct stat *status)
{
    if (fstat(fd, status) != 0 || !S_ISREG(status->st_mode))
        return refuse(b, "%.*s is not a regular file; name a shared object", SLICE_ARG(path));
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return refuse(b,
                      "%.*s belongs to uid %u; code that is loaded must belong to root or to uid %u that the service "
                      "runs as; run: chown root %.*s",
                      SLICE_ARG(path), (unsigned)status->st_uid, (unsigned)geteuid(), SLICE_ARG(path));
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return refuse(b, "%.*s may be written to by its group or by everybody (mode %04o); run: chmod go-w %.*s",
                      SLICE_ARG(path), (unsigned)status->st_mode & 07777, SLICE_ARG(path));
    if (status->st_size > FILE_MAX)
        return refuse(b, "%.*s is larger than 128 MiB", SLICE_ARG(path));
    return OK;
}

/* An object that no pin has to admit first is hashed while the dynamic linker works on it: that is most of the time
 * that loading a policy engine takes. */
struct hashing {
    const struct blame *blame;
    struct plugin_file *file;
    int fd;
    size_t size;
    int error; /* errno */
    result outcome;
    pthread_t thread;
    bool running;
};

/* Mapped, not read: a policy engine has megabytes, and copying them would cost more than hashing them. Whoever could
 * cut the file short meanwhile may as well change the code that is about to be loaded from it. */
static void *hash_file(void *argument)
{
    struct hashing *h = argument;
    void *bytes = h->size ? mmap(NULL, h->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, h->fd, 0) : NULL;
    if (bytes == MAP_FAILED) {
        h->error = errno;
        return NULL;
    }
    h->outcome = sha256(slice_of(bytes, h->size), h->file->sha256);
    if (h->size)
        munmap(bytes, h->size);
    return NULL;
}

static void hash_begin(struct hashing *h)
{
    h->running = pthread_create(&h->thread, NULL, hash_file, h) == 0;
    if (!h->running)
        hash_file(h);
}

static result hash_end(struct hashing *h)
{
    if (h->running)
        pthread_join(h->thread, NULL);
    h->running = false;
    if (h->error)
        return refuse(h->blame, "%.*s cannot be read: %s", SLICE_ARG(h->file->path), strerror(h->error));
    return h->outcome;
}

static result check_pin(const struct blame *b, const struct plugin_file *f, slice pin)
{
    uint8_t wanted[32];
    char found[65] = "";
    size_t length = 0;
    if (!hex_decode(wanted, sizeof wanted, pin, &length) || length != sizeof wanted)
        return refuse(b, "'sha256' is not 64 hex digits; run: sha256sum %.*s", SLICE_ARG(f->path));
    hex_encode((uint8_t *)found, slice_of(f->sha256, 32));
    if (!slice_equal(slice_of(wanted, 32), slice_of(f->sha256, 32)))
        return refuse(b, "%.*s has SHA-256 %s, and 'sha256' demands %.*s; if the new file is wanted, change 'sha256'",
                      SLICE_ARG(f->path), found, SLICE_ARG(pin));
    return OK;
}

/* --- mapping --- */

/* What is mapped stays mapped, and the dynamic linker tells objects apart by name and by inode alone: it would answer
 * with the old code for a file that was overwritten in place, and for a descriptor number that is used again. So each
 * object's descriptor is kept, and its hash remembered. */
static struct library {
    dev_t device;
    ino_t inode;
    uint8_t sha256[32];
    void *handle;
} libraries[LIBRARIES_MAX];
static size_t library_count;
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

static struct library *find_library(const struct stat *status)
{
    for (struct library *l = libraries; l < libraries + library_count; l++)
        if (l->device == status->st_dev && l->inode == status->st_ino)
            return l;
    return NULL;
}

static result map_new(const struct blame *b, int fd, const struct stat *status, const struct plugin_file *f,
                      void **handle)
{
    char name[64];
    if (library_count == LIBRARIES_MAX)
        return refuse(b, "%d shared objects have been loaded since the start; restart the service", LIBRARIES_MAX);
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!*handle) {
        const char *why = dlerror(), *own = why ? strstr(why, name) : NULL;
        return refuse(b, "%.*s is not a shared object that can be loaded here: %s", SLICE_ARG(f->path),
                      own == why && why ? why + strlen(name) + 2
                      : why             ? why
                                        : "no reason given");
    }
    libraries[library_count++] = (struct library){.device = status->st_dev, .inode = status->st_ino, .handle = *handle};
    return OK;
}

static result find_entry(const struct blame *b, void *handle, struct plugin_file *f)
{
    char other[64];
    void *symbol = dlsym(handle, TRUSTEE_PLUGIN_SYMBOL);
    /* The way of POSIX from an object pointer to a function pointer. */
    memcpy(&f->describe, &symbol, sizeof symbol);
    if (symbol)
        return OK;
    for (unsigned major = 0; major < MAJORS_MAX; major++) {
        (void)snprintf(other, sizeof other, "trustee_plugin_describe_v%u", major);
        if (dlsym(handle, other))
            return refuse(b, "%.*s was built for plugin ABI %u and this service has %u; get a build for %u",
                          SLICE_ARG(f->path), major, TRUSTEE_ABI_MAJOR, TRUSTEE_ABI_MAJOR);
    }
    return refuse(b, "%.*s is no plugin: it does not export %s", SLICE_ARG(f->path), TRUSTEE_PLUGIN_SYMBOL);
}

/* Maps the file while it is being hashed. Takes the descriptor over. */
static result map(struct hashing *h, const struct stat *status, void **handle)
{
    const struct blame *b = h->blame;
    const struct plugin_file *f = h->file;
    pthread_mutex_lock(&library_lock);
    struct library *l = find_library(status);
    result r = l ? OK : map_new(b, h->fd, status, f, handle), hashed = hash_end(h);
    if (FAILED(hashed))
        r = hashed;
    if (l || FAILED(r))
        (void)close(h->fd);
    if (!l && !FAILED(r))
        memcpy(libraries[library_count - 1].sha256, f->sha256, sizeof f->sha256);
    if (l && !FAILED(r) && !slice_equal(slice_of(l->sha256, 32), slice_of(f->sha256, 32)))
        r = refuse(b,
                   "%.*s was overwritten while it was loaded; install new versions under a new inode (install, "
                   "rename), then restart",
                   SLICE_ARG(f->path));
    else if (l && !FAILED(r))
        *handle = l->handle;
    pthread_mutex_unlock(&library_lock);
    return r;
}

result plugin_open(const struct blame *b, slice directory, slice path, slice pin, struct plugin_file *out)
{
    int fd = -1;
    struct stat status;
    void *handle = NULL;
    *out = (struct plugin_file){.path = path};
    TRY(directory.len ? open_beneath(b, directory, path, &fd) : open_anywhere(b, path, &fd));
    result r = check_status(b, fd, path, &status);
    struct hashing h = {.blame = b, .file = out, .fd = fd, .size = FAILED(r) ? 0 : (size_t)status.st_size};
    if (!FAILED(r))
        hash_begin(&h);
    if (!FAILED(r) && pin.len)
        r = hash_end(&h);
    if (!FAILED(r) && pin.len)
        r = check_pin(b, out, pin);
    if (FAILED(r)) {
        (void)close(fd);
        return r;
    }
    TRY(map(&h, &status, &handle));
    return find_entry(b, handle, out);
}
