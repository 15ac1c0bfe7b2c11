/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into the daemon: counts allocations by who asked for them. Our code is the program and the plugins named in
 * ALLOC_COUNT_OURS (file names, separated by commas); everything else is counted apart. The file ALLOC_COUNT_FILE is
 * shared with the test: struct shared, of which `armed` is the test's to write. Plugins must be loaded before it is.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES_MAX 64
#define CALLERS_MAX 60
#define EXPORT __attribute__((visibility("default")))

struct shared {
    _Atomic uint64_t armed, ours, others, callers;
    uint64_t caller[CALLERS_MAX]; /* offsets in the mapping of who asked, the first ones of ours */
};

/* What glibc calls its own. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);

static struct shared *shared;
static struct range {
    uintptr_t from, to;
} ranges[RANGES_MAX];
static size_t range_count;
static pthread_once_t ranges_once = PTHREAD_ONCE_INIT;

__attribute__((constructor)) static void attach(void)
{
    const char *name = getenv("ALLOC_COUNT_FILE");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (memory != MAP_FAILED)
        shared = memory;
}

static int is_ours(const char *path)
{
    const char *list = getenv("ALLOC_COUNT_OURS"), *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t length; list && *list; list += length + (list[length] == ',')) {
        length = strcspn(list, ",");
        if (strlen(name) == length && strncmp(name, list, length) == 0)
            return 1;
    }
    return 0;
}

/* One line of /proc/self/maps: FROM-TO RIGHTS OFFSET DEVICE INODE PATH. */
static void take_line(const char *line)
{
    char *end;
    uintptr_t from = strtoul(line, &end, 16), to = *end == '-' ? strtoul(end + 1, &end, 16) : 0;
    const char *path = strchr(line, '/');
    if (path && strstr(end, "x") && is_ours(path) && range_count < RANGES_MAX)
        ranges[range_count++] = (struct range){from, to};
}

static void find_ranges(void)
{
    static char text[1 << 18];
    size_t length = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && n > 0 && length < sizeof text - 1; length += n > 0 ? (size_t)n : 0)
        n = read(fd, text + length, sizeof text - 1 - length);
    close(fd);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        take_line(line);
    }
}

static void count(const void *caller)
{
    if (!shared || !atomic_load_explicit(&shared->armed, memory_order_relaxed))
        return;
    pthread_once(&ranges_once, find_ranges);
    for (size_t i = 0; i < range_count; i++)
        if ((uintptr_t)caller >= ranges[i].from && (uintptr_t)caller < ranges[i].to) {
            uint64_t n = atomic_fetch_add(&shared->callers, 1);
            atomic_fetch_add(&shared->ours, 1);
            if (n < CALLERS_MAX)
                shared->caller[n] = (uintptr_t)caller - ranges[i].from;
            return;
        }
    atomic_fetch_add(&shared->others, 1);
}

EXPORT void *malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

EXPORT void *calloc(size_t number, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(number, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(old, size);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_memalign(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    count(__builtin_return_address(0));
    *out = __libc_memalign(align, size);
    return *out ? 0 : 12;
}
