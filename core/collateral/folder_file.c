/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/folder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/signature/signature.h"

#define TRAILER_SIZE (sizeof "sha256 \n" - 1 + 64)

bool folder_name(slice kind, slice key, char out[FOLDER_NAME_MAX])
{
    uint8_t text[COLLATERAL_KIND_MAX + 1 + COLLATERAL_KEY_MAX], digest[32], hex[64];
    if (kind.len > COLLATERAL_KIND_MAX || !collateral_is_name(kind, key))
        return false;
    memcpy(text, kind.ptr, kind.len);
    text[kind.len] = '\n';
    memcpy(text + kind.len + 1, key.ptr, key.len);
    if (FAILED(sha256(slice_of(text, kind.len + 1 + key.len), digest)))
        return false;
    hex_encode(hex, slice_of(digest, 16));
    (void)snprintf(out, FOLDER_NAME_MAX, "%.*s-%.32s" FOLDER_SUFFIX, SLICE_ARG(kind), (const char *)hex);
    for (char *c = out; *c; c++)
        if (*c == '/')
            *c = '.';
    return true;
}

/* --- writing --- */

static void add_text(struct text *t, slice name, slice value)
{
    text_add(t, name);
    text_add(t, value);
    text_lit(t, "\n");
}

static void add_number(struct text *t, slice name, int64_t value)
{
    text_add(t, name);
    text_i64(t, value);
    text_lit(t, "\n");
}

static void add_count(struct text *t, slice name, uint64_t value)
{
    text_add(t, name);
    text_u64(t, value);
    text_lit(t, "\n");
}

result folder_encode(const struct collateral_item *item, const struct collateral_facts *facts, struct arena *a,
                     slice *out)
{
    uint8_t digest[32];
    ENSURE(collateral_is_name(item->kind, item->key), STORAGE);
    ENSURE(item->bytes.len && item->bytes.len <= COLLATERAL_BYTES_MAX, STORAGE);
    ENSURE(item->chain.len <= COLLATERAL_CHAIN_MAX && facts->issued >= 0 && facts->not_after >= 0, STORAGE);
    struct text t = text_begin(a);
    text_lit(&t, FOLDER_VERSION);
    add_text(&t, S("kind "), item->kind);
    add_text(&t, S("key "), item->key);
    add_number(&t, S("issued "), facts->issued);
    add_number(&t, S("not-after "), facts->not_after);
    add_count(&t, S("number "), facts->number);
    add_count(&t, S("chain "), item->chain.len);
    add_count(&t, S("bytes "), item->bytes.len);
    text_lit(&t, "\n");
    text_add(&t, item->chain);
    text_add(&t, item->bytes);
    text_lit(&t, "\n");
    slice body = text_end(&t);
    ENSURE(body.ptr, NO_MEMORY);
    TRY(sha256(body, digest));
    t = (struct text){.arena = a, .start = (size_t)(body.ptr - a->base)};
    text_lit(&t, "sha256 ");
    text_hex(&t, slice_of(digest, sizeof digest));
    text_lit(&t, "\n");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

/* --- reading --- */

static bool take_line(slice *rest, slice name, slice *value)
{
    size_t end = slice_find(*rest, '\n');
    if (end >= rest->len || !slice_starts(*rest, name))
        return false;
    *value = slice_sub(*rest, name.len, end - name.len);
    *rest = slice_sub(*rest, end + 1, rest->len);
    return true;
}

static bool take_count(slice *rest, slice name, uint64_t *out)
{
    slice value;
    return take_line(rest, name, &value) && slice_u64(value, out);
}

static bool take_seconds(slice *rest, slice name, int64_t *out)
{
    uint64_t seconds;
    if (!take_count(rest, name, &seconds) || seconds > INT64_MAX)
        return false;
    *out = (int64_t)seconds;
    return true;
}

/* The last line holds the digest of all before it. */
static bool take_trailer(slice *file)
{
    uint8_t digest[32], hex[64];
    if (file->len < TRAILER_SIZE)
        return false;
    slice body = slice_sub(*file, 0, file->len - TRAILER_SIZE);
    slice trailer = slice_sub(*file, body.len, TRAILER_SIZE), given;
    if (!take_line(&trailer, S("sha256 "), &given) || trailer.len || FAILED(sha256(body, digest)))
        return false;
    hex_encode(hex, slice_of(digest, sizeof digest));
    *file = body;
    return slice_equal(given, slice_of(hex, sizeof hex));
}

result folder_decode(slice file, struct collateral_item *item, struct collateral_facts *facts)
{
    uint64_t chain, bytes;
    slice rest = file;
    ENSURE(take_trailer(&rest), COLLATERAL_CORRUPT);
    ENSURE(slice_starts(rest, S(FOLDER_VERSION)), COLLATERAL_CORRUPT);
    rest = slice_sub(rest, sizeof FOLDER_VERSION - 1, rest.len);
    ENSURE(take_line(&rest, S("kind "), &item->kind) && take_line(&rest, S("key "), &item->key), COLLATERAL_CORRUPT);
    ENSURE(take_seconds(&rest, S("issued "), &facts->issued), COLLATERAL_CORRUPT);
    ENSURE(take_seconds(&rest, S("not-after "), &facts->not_after), COLLATERAL_CORRUPT);
    ENSURE(take_count(&rest, S("number "), &facts->number), COLLATERAL_CORRUPT);
    ENSURE(take_count(&rest, S("chain "), &chain) && take_count(&rest, S("bytes "), &bytes), COLLATERAL_CORRUPT);
    ENSURE(chain <= COLLATERAL_CHAIN_MAX && bytes && bytes <= COLLATERAL_BYTES_MAX, COLLATERAL_CORRUPT);
    ENSURE(rest.len == 1 + chain + bytes + 1 && rest.ptr[0] == '\n' && rest.ptr[rest.len - 1] == '\n',
           COLLATERAL_CORRUPT);
    item->chain = slice_sub(rest, 1, chain);
    item->bytes = slice_sub(rest, 1 + chain, bytes);
    return collateral_is_name(item->kind, item->key) ? OK : FAIL(COLLATERAL_CORRUPT);
}

result folder_judge_age(const struct collateral_facts *stored, const struct collateral_facts *next)
{
    ENSURE(next->issued >= stored->issued && next->number >= stored->number, COLLATERAL_OLDER);
    return OK;
}

static result read_all(int fd, struct arena *a, slice *out)
{
    struct stat status;
    ENSURE(fstat(fd, &status) == 0, STORAGE);
    ENSURE(S_ISREG(status.st_mode) && status.st_size > 0 && (uint64_t)status.st_size <= FOLDER_FILE_MAX,
           COLLATERAL_CORRUPT);
    size_t size = (size_t)status.st_size, got = 0;
    uint8_t *room = arena_alloc(a, size, 1);
    ENSURE(room, NO_MEMORY);
    while (got < size) {
        ssize_t n = read(fd, room + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        ENSURE(n >= 0, STORAGE);
        ENSURE(n > 0, COLLATERAL_CORRUPT);
        got += (size_t)n;
    }
    *out = slice_of(room, size);
    return OK;
}

result folder_read(int folder, const char *name, struct arena *a, struct collateral_item *item,
                   struct collateral_facts *facts)
{
    char expected[FOLDER_NAME_MAX];
    slice file = NO_SLICE;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return FAIL(errno == ENOENT ? COLLATERAL_ABSENT : errno == ELOOP ? COLLATERAL_CORRUPT : STORAGE);
    result r = read_all(fd, a, &file);
    (void)close(fd);
    TRY(r);
    TRY(folder_decode(file, item, facts));
    ENSURE(folder_name(item->kind, item->key, expected) && strcmp(expected, name) == 0, COLLATERAL_CORRUPT);
    return OK;
}
