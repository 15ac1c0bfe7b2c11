/* SPDX-License-Identifier: Apache-2.0
 *
 * Offline sources: a file or a folder of any of the forms of item.h. Files are read whole and taken apart once, and
 * again when one of them has changed; our own folders and kds-stores are asked file by file.
 */
#include "core/collateral/offline_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/collateral/folder_file.h"

#define FILE_MAX ((size_t)64 << 20)
#define TOTAL_MAX ((size_t)128 << 20)
#define FILES_MAX 4096
#define ARENA_FACTOR 20              /* a text, its values (8 times its size at most), and what is made of them */
#define FILE_ROOM ((size_t)64 << 10) /* beside that, for each file */
#define CHANGING ((uint64_t)1)       /* a stamp that no folder has */

struct collateral_offline {
    pthread_mutex_t lock;
    char *path;
    bool alone;    /* the path is one file */
    int own;       /* a folder of ours, or -1 */
    int store;     /* hardware ids of a kds-store, or -1 */
    uint64_t seen; /* what the files were when they were read */
    struct arena arena;
    struct offline_items items;
};

/* --- items --- */

result items_refuse(struct offline_items *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(to->why, sizeof to->why, format, args);
    va_end(args);
    return FAIL(COLLATERAL_CORRUPT);
}

static result make_room(struct offline_items *to)
{
    if (to->count < to->room)
        return OK;
    size_t room = to->room ? to->room * 2 : 64;
    ENSURE(room <= OFFLINE_ITEMS_MAX, STORAGE);
    struct offline_item *at = arena_array(to->arena, struct offline_item, room);
    ENSURE(at, NO_MEMORY);
    if (to->count)
        memcpy(at, to->at, to->count * sizeof *at);
    to->at = at;
    to->room = room;
    return OK;
}

/* Only to prefer the newer of two, so the first that is found will do. */
static slice issue_date(const struct collateral_item *item)
{
    static const slice name = {(const uint8_t *)"\"issueDate\":\"", 13};
    bool statement = slice_equal(item->kind, S("intel/tcb-info")) || slice_equal(item->kind, S("intel/qe-identity"));
    const uint8_t *at = statement ? memmem(item->bytes.ptr, item->bytes.len, name.ptr, name.len) : NULL;
    if (!at)
        return NO_SLICE;
    slice rest = slice_sub(item->bytes, (size_t)(at - item->bytes.ptr) + name.len, 32);
    return slice_sub(rest, 0, slice_find(rest, '"'));
}

result items_add(struct offline_items *to, const struct collateral_item *item, bool alone)
{
    bool named = collateral_is_name(item->kind, item->key);
    if (!item->bytes.len || item->bytes.len > COLLATERAL_BYTES_MAX || item->chain.len > COLLATERAL_CHAIN_MAX)
        return items_refuse(to, "an item is empty or too large");
    if (!named && !alone)
        return OK;
    TRY(make_room(to));
    to->at[to->count++] = (struct offline_item){*item, issue_date(item), alone, !named};
    return OK;
}

static slice *chain_for(struct offline_items *to, const struct collateral_item *item)
{
    if (slice_equal(item->kind, S("intel/tcb-info")) || slice_equal(item->kind, S("intel/qe-identity")))
        return &to->tcb_chain;
    if (slice_equal(item->kind, S("intel/pck-crl")) && item->key.len)
        return &to->pck_chain[slice_equal(item->key, S("processor"))];
    return NULL;
}

void items_lend_chains(struct offline_items *to)
{
    for (size_t i = 0; i < to->count; i++) {
        const struct collateral_item *item = &to->at[i].item;
        slice *chain = chain_for(to, item);
        if (chain && !chain->len)
            *chain = item->chain;
    }
    for (size_t i = 0; i < to->count; i++) {
        struct collateral_item *item = &to->at[i].item;
        const slice *chain = chain_for(to, item);
        if (chain && !item->chain.len)
            item->chain = *chain;
        if (chain && !item->chain.len)
            item->chain = chain == &to->tcb_chain ? intel_signing_chain(to->at[i].issued)
                                                  : intel_pck_ca_chain(chain == &to->pck_chain[1]);
    }
}

/* --- files --- */

result offline_read_file(struct offline_items *to, slice bytes, bool alone)
{
    slice start = bytes;
    while (start.len && (*start.ptr == ' ' || *start.ptr == '\n' || *start.ptr == '\r' || *start.ptr == '\t'))
        start = slice_sub(start, 1, start.len);
    if (start.len && *start.ptr == '{')
        return offline_read_json(to, bytes, alone);
    if (offline_is_der(bytes))
        return offline_read_der(to, bytes, alone);
    return offline_is_pem(bytes) ? offline_read_pem(to, bytes, alone) : OK;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    return h * UINT64_C(0xff51afd7ed558ccd);
}

static uint64_t stamp_of(const struct stat *s)
{
    uint64_t h = mix((uint64_t)s->st_ino, (uint64_t)s->st_dev);
    h = mix(h, (uint64_t)s->st_size);
    h = mix(h, (uint64_t)s->st_mtim.tv_sec);
    h = mix(h, (uint64_t)s->st_mtim.tv_nsec);
    h = mix(h, (uint64_t)s->st_ctim.tv_sec);
    return mix(h, (uint64_t)s->st_ctim.tv_nsec);
}

/* Files to read; what is hidden, or ours, is not among them. */
static bool is_file_name(const char *name)
{
    slice s = slice_text(name);
    return *name != '.' && !slice_ends(s, S(FOLDER_SUFFIX)) && !slice_ends(s, S(".corrupt")) &&
           !slice_equal(s, S(FOLDER_VERSION_FILE));
}

/* Calls `file` for each regular file of the path, or for the path itself. */
struct walk {
    result (*file)(struct walk *w, int folder, const char *name, const struct stat *s);
    struct collateral_offline *of;
    uint64_t stamp;
    size_t total, files;
};

static result walk_folder(struct walk *w, DIR *d)
{
    struct stat s;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (!is_file_name(e->d_name) || fstatat(dirfd(d), e->d_name, &s, 0) != 0 || !S_ISREG(s.st_mode))
            continue;
        ENSURE(++w->files <= FILES_MAX, STORAGE);
        TRY(w->file(w, dirfd(d), e->d_name, &s));
    }
    return OK;
}

static result walk(struct walk *w)
{
    struct stat s;
    const char *path = w->of->path;
    ENSURE(stat(path, &s) == 0, COLLATERAL_ABSENT);
    if (S_ISREG(s.st_mode))
        return w->file(w, AT_FDCWD, path, &s);
    DIR *d = opendir(path);
    ENSURE(d, COLLATERAL_ABSENT);
    result r = walk_folder(w, d);
    (void)closedir(d);
    return r;
}

/* The order of a folder's entries must not matter. */
static result add_stamp(struct walk *w, int folder, const char *name, const struct stat *s)
{
    (void)folder;
    (void)name;
    w->stamp += stamp_of(s);
    w->total += s->st_size > 0 && (uint64_t)s->st_size <= FILE_MAX ? (size_t)s->st_size : 0;
    return OK;
}

static result read_whole(int folder, const char *name, struct arena *a, slice *out)
{
    struct stat s;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ENSURE(fd >= 0, COLLATERAL_ABSENT);
    bool good = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size >= 0 && (uint64_t)s.st_size <= FILE_MAX;
    size_t size = good ? (size_t)s.st_size : 0, got = 0;
    uint8_t *room = arena_alloc(a, size, 1);
    while (room && got < size) {
        ssize_t n = read(fd, room + got, size - got);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    ENSURE(room, NO_MEMORY);
    *out = slice_of(room, got);
    return good && got == size ? OK : FAIL(COLLATERAL_CORRUPT);
}

/* In a folder one broken file does not hide the others. */
static result read_one(struct walk *w, int folder, const char *name, const struct stat *s)
{
    struct collateral_offline *o = w->of;
    slice bytes = NO_SLICE;
    size_t count = o->items.count;
    if ((uint64_t)s->st_size > FILE_MAX)
        return o->alone ? items_refuse(&o->items, "it is larger than %zu MiB", FILE_MAX >> 20) : OK;
    result r = read_whole(folder, name, &o->arena, &bytes);
    if (!FAILED(r))
        r = offline_read_file(&o->items, bytes, o->alone);
    if (!FAILED(r) || o->alone || r.reason == NO_MEMORY)
        return r;
    o->items.count = count;
    return OK;
}

static result read_again(struct collateral_offline *o, const struct walk *found)
{
    struct walk w = {.file = read_one, .of = o};
    ENSURE(found->total <= TOTAL_MAX, STORAGE);
    arena_unmap(&o->arena);
    o->items = (struct offline_items){.arena = &o->arena};
    o->seen = CHANGING;
    TRY(arena_map(&o->arena, found->total * ARENA_FACTOR + found->files * FILE_ROOM + ((size_t)4 << 20), ARENA_PLAIN));
    TRY(walk(&w));
    items_lend_chains(&o->items);
    o->seen = found->stamp;
    return OK;
}

static result refresh(struct collateral_offline *o)
{
    struct walk w = {.file = add_stamp, .of = o};
    TRY(walk(&w));
    return o->arena.base && w.stamp == o->seen ? OK : read_again(o, &w);
}

/* --- opening --- */

static int open_in(const char *path, const char *name)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        (void)close(folder);
    return fd;
}

/* The path may be the store, or its folder "vcek". */
static int open_store(const char *path)
{
    slice s = slice_text(path);
    while (slice_ends(s, S("/")))
        s.len--;
    int fd = open_in(path, "vcek");
    return fd < 0 && (slice_ends(s, S("/vcek")) || slice_equal(s, S("vcek"))) ? open_in(path, ".") : fd;
}

static int open_own(const char *path)
{
    char name[4096];
    (void)snprintf(name, sizeof name, "%s/" FOLDER_VERSION_FILE, path);
    return access(name, F_OK) == 0 ? open_in(path, ".") : -1;
}

static result fail_open(struct collateral_offline *o, result r, char *error, size_t error_size)
{
    const char *why = o && o->items.why[0] ? o->items.why : reason_text((enum reason)r.reason);
    if (error_size)
        (void)snprintf(error, error_size, "%s", r.reason == COLLATERAL_ABSENT ? strerror(ENOENT) : why);
    collateral_offline_close(o);
    return r;
}

result collateral_offline_open(const char *path, struct collateral_offline **out, char *error, size_t error_size)
{
    struct stat s;
    *out = NULL;
    struct collateral_offline *o = calloc(1, sizeof *o);
    char *copy = strdup(path);
    if (!o || !copy) {
        free(o);
        free(copy);
        return fail_open(NULL, FAIL(NO_MEMORY), error, error_size);
    }
    (void)pthread_mutex_init(&o->lock, NULL);
    o->path = copy;
    o->alone = stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
    o->own = o->alone ? -1 : open_own(path);
    o->store = o->alone ? -1 : open_store(path);
    o->seen = CHANGING;
    result r = refresh(o);
    if (FAILED(r))
        return fail_open(o, r, error, error_size);
    *out = o;
    return OK;
}

void collateral_offline_close(struct collateral_offline *o)
{
    if (!o)
        return;
    if (o->own >= 0)
        (void)close(o->own);
    if (o->store >= 0)
        (void)close(o->store);
    arena_unmap(&o->arena);
    (void)pthread_mutex_destroy(&o->lock);
    free(o->path);
    free(o);
}

/* --- looking up --- */

static bool at_most(slice hex, slice limit)
{
    bool below = hex.len == limit.len;
    for (size_t i = 0; below && i + 1 < hex.len; i += 2)
        below = memcmp(hex.ptr + i, limit.ptr + i, 2) <= 0;
    return below;
}

/* The parts of intel/pck that choose: everything of the quoting enclave's platform, and its TCB. */
struct pck_name {
    slice qe_id, cpu_svn, pce_svn, pce_id;
};

static struct pck_name pck_name_of(slice key)
{
    struct pck_name n = {0};
    (void)(slice_split(&key, '/', &n.qe_id) && slice_split(&key, '/', &n.cpu_svn) &&
           slice_split(&key, '/', &n.pce_svn) && slice_split(&key, '/', &n.pce_id));
    return n;
}

/* PCESVN is little-endian. */
static unsigned pce_svn(slice hex)
{
    uint8_t b[2] = {0, 0};
    size_t length;
    return hex_decode(b, sizeof b, hex, &length) && length == 2 ? b[0] | (unsigned)b[1] << 8 : UINT16_MAX;
}

/* A platform has a PCK certificate for every TCB level: the one of the highest level at or below its own TCB is its. */
static const struct offline_item *find_pck(const struct offline_items *in, slice key)
{
    const struct offline_item *best = NULL;
    struct pck_name want = pck_name_of(key), top = {0};
    for (size_t i = 0; i < in->count; i++) {
        struct pck_name n = pck_name_of(in->at[i].item.key);
        if (in->at[i].nameless || !slice_equal(in->at[i].item.kind, S("intel/pck")) ||
            !slice_equal(n.qe_id, want.qe_id) || !slice_equal(n.pce_id, want.pce_id) ||
            !at_most(n.cpu_svn, want.cpu_svn) || pce_svn(n.pce_svn) > pce_svn(want.pce_svn))
            continue;
        bool higher = !best || pce_svn(n.pce_svn) > pce_svn(top.pce_svn) ||
                      (pce_svn(n.pce_svn) == pce_svn(top.pce_svn) && at_most(top.cpu_svn, n.cpu_svn));
        best = higher ? &in->at[i] : best;
        top = higher ? n : top;
    }
    return best;
}

/* Which of two items of one name comes first: by name before any, newer before older, else as they were found. */
static bool comes_before(const struct offline_item *x, const struct offline_item *y, slice key)
{
    bool x_named = !x->nameless && slice_equal(x->item.key, key),
         y_named = !y->nameless && slice_equal(y->item.key, key);
    if (x_named != y_named)
        return x_named;
    size_t n = x->issued.len < y->issued.len ? x->issued.len : y->issued.len;
    int order = n ? memcmp(x->issued.ptr, y->issued.ptr, n) : 0;
    return order ? order > 0 : x < y;
}

static bool answers(const struct offline_item *x, slice kind, slice key)
{
    return slice_equal(x->item.kind, kind) && (x->for_any_key || (!x->nameless && slice_equal(x->item.key, key)));
}

static const struct offline_item *find_item(const struct offline_items *in, const trustee_need *name, size_t nth)
{
    const struct offline_item *last = NULL;
    if (slice_equal(name->kind, S("intel/pck")) && find_pck(in, name->key))
        return nth ? NULL : find_pck(in, name->key);
    for (size_t n = 0; n <= nth; n++) {
        const struct offline_item *best = NULL;
        for (size_t i = 0; i < in->count; i++) {
            const struct offline_item *x = &in->at[i];
            if (answers(x, name->kind, name->key) && (!last || comes_before(last, x, name->key)) &&
                (!best || comes_before(x, best, name->key)))
                best = x;
        }
        if (!best)
            return NULL;
        last = best;
    }
    return last;
}

static result copy_item(struct arena *a, const struct collateral_item *from, slice key, struct collateral_item *to)
{
    *to = (struct collateral_item){arena_copy(a, from->kind), arena_copy(a, key), arena_copy(a, from->bytes),
                                   from->chain.len ? arena_copy(a, from->chain) : NO_SLICE};
    ENSURE(to->kind.ptr && to->key.ptr && to->bytes.ptr && (to->chain.ptr || !from->chain.len), NO_MEMORY);
    return OK;
}

static result get_own(const struct collateral_offline *o, slice kind, slice key, struct arena *a,
                      struct collateral_item *item)
{
    char name[FOLDER_NAME_MAX];
    struct collateral_facts facts;
    ENSURE(o->own >= 0 && folder_name(kind, key, name), COLLATERAL_ABSENT);
    return folder_read(o->own, name, a, item, &facts);
}

/* What is asked for file by file comes before what lies in others. */
static result get_locked(struct collateral_offline *o, const trustee_need *name, size_t nth, struct arena *a,
                         struct collateral_item *item)
{
    result r = get_own(o, name->kind, name->key, a, item);
    if (r.reason == COLLATERAL_ABSENT && o->store >= 0 && slice_equal(name->kind, S("amd/vcek")))
        r = kds_get(o->store, name->key, a, item);
    if (r.reason != COLLATERAL_ABSENT && nth == 0)
        return r;
    nth -= r.reason != COLLATERAL_ABSENT;
    TRY(refresh(o));
    const struct offline_item *x = find_item(&o->items, name, nth);
    return x ? copy_item(a, &x->item, name->key, item) : FAIL(COLLATERAL_ABSENT);
}

result collateral_offline_get_nth(struct collateral_offline *o, const trustee_need *name, size_t nth, struct arena *a,
                                  struct collateral_item *item)
{
    size_t used = a->used;
    ENSURE(collateral_is_name(name->kind, name->key), COLLATERAL_ABSENT);
    (void)pthread_mutex_lock(&o->lock);
    result r = get_locked(o, name, nth, a, item);
    (void)pthread_mutex_unlock(&o->lock);
    if (FAILED(r))
        a->used = used;
    return r;
}

result collateral_offline_get(struct collateral_offline *o, slice kind, slice key, struct arena *a,
                              struct collateral_item *item)
{
    trustee_need name = {kind, key, 0};
    return collateral_offline_get_nth(o, &name, 0, a, item);
}

/* --- listing --- */

struct forward {
    void (*each)(void *user, const struct collateral_item *item);
    void *user;
};

static void forward_own(void *user, const struct collateral_item *item, const struct collateral_facts *facts)
{
    const struct forward *f = user;
    (void)facts;
    f->each(f->user, item);
}

static result list_locked(struct collateral_offline *o, struct arena *a, struct forward *f)
{
    size_t corrupt;
    struct collateral_folder own = {o->own};
    if (o->own >= 0)
        TRY(collateral_folder_list(&own, a, forward_own, f, &corrupt));
    if (o->store >= 0)
        TRY(kds_list(o->store, a, f->each, f->user));
    TRY(refresh(o));
    for (size_t i = 0; i < o->items.count; i++)
        if (!o->items.at[i].nameless)
            f->each(f->user, &o->items.at[i].item);
    return OK;
}

result collateral_offline_list(struct collateral_offline *o, struct arena *a,
                               void (*each)(void *user, const struct collateral_item *item), void *user)
{
    struct forward f = {each, user};
    (void)pthread_mutex_lock(&o->lock);
    result r = list_locked(o, a, &f);
    (void)pthread_mutex_unlock(&o->lock);
    return r;
}
