/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream's kds-store: HWID/[blNN_teeNN_snpNN_ucodeNN[_fmcNN]_]vcek.der. It may hold a fleet's certificates, so that
 * nothing of it is read before it is asked for.
 */
#include "core/collateral/offline_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/x509/x509.h"

static result read_certificate(int folder, const char *path, struct arena *a, slice *out)
{
    struct stat status;
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return FAIL(errno == ENOENT || errno == ENOTDIR ? COLLATERAL_ABSENT : COLLATERAL_CORRUPT);
    uint8_t *room = arena_alloc(a, X509_CERTIFICATE_MAX, 1);
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t n = room && regular ? read(fd, room, X509_CERTIFICATE_MAX) : -1;
    (void)close(fd);
    ENSURE(room, NO_MEMORY);
    ENSURE(n > 0 && n < X509_CERTIFICATE_MAX, COLLATERAL_CORRUPT);
    *out = slice_of(room, (size_t)n);
    return OK;
}

/* "1-0-4-82-2" to "bl01_tee00_snp04_ucode82_fmc02". */
static bool prefix_of(slice svns, char out[64])
{
    static const char *const names[] = {"bl", "_tee", "_snp", "_ucode", "_fmc"};
    slice part;
    size_t used = 0;
    uint64_t n;
    for (size_t i = 0; i < 5 && slice_split(&svns, '-', &part); i++) {
        if (!slice_u64(part, &n) || n > 255)
            return false;
        used += (size_t)snprintf(out + used, 64 - used, "%s%02u", names[i], (unsigned)n);
    }
    return used > 0;
}

result kds_get(int store, slice key, struct arena *a, struct collateral_item *item)
{
    char prefix[64], path[256];
    slice rest = key, product, chip, svns, bytes = NO_SLICE;
    if (!slice_split(&rest, '/', &product) || !slice_split(&rest, '/', &chip) || !slice_split(&rest, '/', &svns) ||
        !prefix_of(svns, prefix))
        return FAIL(COLLATERAL_ABSENT);
    (void)snprintf(path, sizeof path, "%.*s/%s_vcek.der", SLICE_ARG(chip), prefix);
    result r = read_certificate(store, path, a, &bytes);
    if (r.reason == COLLATERAL_ABSENT) {
        (void)snprintf(path, sizeof path, "%.*s/vcek.der", SLICE_ARG(chip));
        r = read_certificate(store, path, a, &bytes);
    }
    TRY(r);
    *item = (struct collateral_item){S("amd/vcek"), arena_copy(a, key), bytes, NO_SLICE};
    ENSURE(item->key.ptr, NO_MEMORY);
    return OK;
}

static bool is_hardware_id(const char *name)
{
    slice s = slice_text(name);
    return (s.len == 128 || s.len == 16) && strspn(name, "0123456789abcdef") == s.len;
}

static DIR *open_folder(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        (void)close(fd);
    return d;
}

struct listing {
    struct arena *arena;
    void (*each)(void *user, const struct collateral_item *item);
    void *user;
};

static void list_chip(const struct listing *l, int store, const char *chip)
{
    DIR *files = open_folder(store, chip);
    for (const struct dirent *e = files ? readdir(files) : NULL; e; e = readdir(files)) {
        struct collateral_item item = {.kind = S("amd/vcek")};
        size_t used = l->arena->used;
        if (slice_ends(slice_text(e->d_name), S("vcek.der")) &&
            !FAILED(read_certificate(dirfd(files), e->d_name, l->arena, &item.bytes)) &&
            vcek_key(l->arena, item.bytes, slice_text(chip), &item.key))
            l->each(l->user, &item);
        l->arena->used = used;
    }
    if (files)
        (void)closedir(files);
}

result kds_list(int store, struct arena *a, void (*each)(void *user, const struct collateral_item *item), void *user)
{
    struct listing l = {a, each, user};
    DIR *chips = open_folder(store, ".");
    ENSURE(chips, STORAGE);
    for (const struct dirent *e = readdir(chips); e; e = readdir(chips))
        if (is_hardware_id(e->d_name))
            list_chip(&l, dirfd(chips), e->d_name);
    (void)closedir(chips);
    return OK;
}
