/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of collateral that commands work on, and lists of what is in it.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/collateral.h"

#define ARENA_SIZE ((size_t)1 << 30) /* of addresses: memory that is never touched costs none */
#define KEY_SHOWN 46

/* --- which folder --- */

static int read_config(struct shelf *s)
{
    char error[1024] = "";
    const char *own = c_text(s->cli, arena_printf(&s->cli->arena, "%s/trusteed.ini", s->cli->home));
    if (!s->options.config && !s->directory && access(own, R_OK) == 0)
        s->options.config = own;
    if (!s->options.config)
        return 0;
    if (FAILED(config_read(s->options.config, &s->config, error, sizeof error)))
        return say(EXIT_USAGE, "%s", error);
    s->has_config = true;
    if (!s->directory && s->config.collateral.directory.len)
        s->directory = c_text(s->cli, s->config.collateral.directory);
    return 0;
}

static int open_folder(struct shelf *s, bool make)
{
    struct stat st;
    char error[512] = "";
    if (!s->directory)
        return say(EXIT_USAGE,
                   s->has_config ? "%s: its [collateral] has no directory; add one, or say --directory FOLDER"
                                 : "which folder? say --directory FOLDER, or --config INI of the service%s",
                   s->has_config ? s->options.config : "");
    if (!make && stat(s->directory, &st) != 0)
        return say(EXIT_NOT_FOUND, "%s: there is no such folder; trusteectl collateral import or fetch makes it",
                   s->directory);
    if (FAILED(collateral_folder_open(&s->folder, s->directory, error, sizeof error)))
        return say(EXIT_REFUSED, "%s", error);
    return 0;
}

int shelf_open(struct cli *c, struct shelf *s, bool make)
{
    memset(s, 0, sizeof *s);
    s->cli = c;
    s->folder.fd = -1;
    s->now = (int64_t)time(NULL);
    if (FAILED(arena_map(&s->arena, ARENA_SIZE, ARENA_PLAIN)) ||
        FAILED(arena_map(&s->scratch, ARENA_SIZE / 4, ARENA_PLAIN)))
        return say(EXIT_USAGE, "out of memory");
    s->directory = take_option(c, "--directory");
    const char *config = take_option(c, "--config"), *at = take_option(c, "--at");
    if (at && !parse_time(at, &s->now))
        return say(EXIT_USAGE, "--at takes a time such as 2026-11-24T00:00:00Z, or seconds since 1970; '%s' is none",
                   at);
    c->all = take_flag(c, "--all");
    if (!take_verifier_options(c, &s->options))
        return EXIT_USAGE;
    s->options.config = config;
    int code = read_config(s);
    return code ? code : open_folder(s, make);
}

void shelf_close(struct shelf *s)
{
    collateral_folder_close(&s->folder);
    verifiers_free(&s->verifiers);
    if (s->has_config)
        config_free(&s->config);
    arena_unmap(&s->scratch);
    arena_unmap(&s->arena);
}

int shelf_verifiers(struct shelf *s)
{
    return verifiers_load(s->cli, &s->options, NO_SLICE, &s->verifiers);
}

/* --- lists --- */

static bool make_room(struct shelf_list *l)
{
    if (l->count < l->room)
        return true;
    size_t room = l->room ? l->room * 2 : 64;
    struct shelf_item *at = realloc(l->at, room * sizeof *at);
    if (!at)
        return false;
    l->at = at;
    l->room = room;
    return true;
}

void shelf_add(struct shelf_list *l, const struct collateral_item *item, const struct collateral_facts *facts)
{
    struct arena *a = &l->shelf->arena;
    if ((l->kind.len && !slice_equal(l->kind, item->kind)) || (l->key.len && !slice_equal(l->key, item->key)))
        return;
    struct shelf_item x = {.facts = *facts, .size = item->bytes.len};
    x.item.kind = arena_copy(a, item->kind);
    x.item.key = arena_copy(a, item->key);
    x.item.bytes = l->whole ? arena_copy(a, item->bytes) : NO_SLICE;
    x.item.chain = l->whole && item->chain.len ? arena_copy(a, item->chain) : NO_SLICE;
    l->full |= !x.item.key.ptr || (l->whole && !x.item.bytes.ptr) || !make_room(l);
    if (!l->full)
        l->at[l->count++] = x;
}

static int by_bytes(slice a, slice b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* By name; of one name the newest first. */
static int by_name(const void *a, const void *b)
{
    const struct shelf_item *x = a, *y = b;
    int order = by_bytes(x->item.kind, y->item.kind);
    order = order ? order : by_bytes(x->item.key, y->item.key);
    order = order ? order : (y->facts.number > x->facts.number) - (y->facts.number < x->facts.number);
    return order ? order : (y->facts.issued > x->facts.issued) - (y->facts.issued < x->facts.issued);
}

void shelf_sort(struct shelf_list *l)
{
    if (l->count)
        qsort(l->at, l->count, sizeof *l->at, by_name);
}

static void add_from_folder(void *user, const struct collateral_item *item, const struct collateral_facts *facts)
{
    shelf_add(user, item, facts);
}

int shelf_list(struct shelf *s, struct shelf_list *l)
{
    l->shelf = s;
    /* Reading goes through memory of its own, for what is kept lies in the other. */
    result r = collateral_folder_list(&s->folder, &s->scratch, add_from_folder, l, &l->corrupt);
    if (FAILED(r) || l->full)
        return say(EXIT_REFUSED, "%s: %s", s->directory, l->full ? "too much for memory" : reason_text(r.reason));
    shelf_sort(l);
    return 0;
}

/* --- printing --- */

static const char *age_text(struct cli *c, int64_t seconds)
{
    if (seconds < 0)
        return "-";
    if (seconds < 2 * 3600)
        return c_text(c, arena_printf(&c->arena, "%lldm", (long long)seconds / 60));
    if (seconds < 2 * 86400)
        return c_text(c, arena_printf(&c->arena, "%lldh", (long long)seconds / 3600));
    return c_text(c, arena_printf(&c->arena, "%lldd", (long long)seconds / 86400));
}

static bool is_expired(const struct shelf_list *l, const struct shelf_item *x)
{
    return x->facts.not_after && x->facts.not_after <= l->shelf->now;
}

static void print_row(const struct shelf_list *l, const struct shelf_item *x)
{
    struct cli *c = l->shelf->cli;
    bool cut = !c->all && x->item.key.len > KEY_SHOWN;
    slice key = cut ? slice_sub(x->item.key, 0, KEY_SHOWN - 1) : x->item.key;
    char number[24] = "-";
    if (x->facts.number)
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)x->facts.number);
    printf("%-17.*s  %.*s%s%*s  %-20s  %-20s  %6s  %5s", SLICE_ARG(x->item.kind), SLICE_ARG(key), cut ? "…" : "",
           key.len + cut < KEY_SHOWN ? (int)(KEY_SHOWN - key.len - cut) : 0, "", time_text(c, x->facts.issued),
           time_text(c, x->facts.not_after), number,
           x->facts.issued ? age_text(c, l->shelf->now - x->facts.issued) : "-");
    if (x->state)
        printf("  %s", x->state);
    else if (is_expired(l, x))
        printf("  EXPIRED");
    if (x->why.len) {
        printf(": ");
        print_safely(x->why);
    }
    putchar('\n');
}

static void write_row(struct text *t, const struct shelf_list *l, const struct shelf_item *x)
{
    text_lit(t, "{\"kind\":");
    text_json(t, x->item.kind);
    text_lit(t, ",\"key\":");
    text_json(t, x->item.key);
    text_lit(t, ",\"issued\":");
    text_i64(t, x->facts.issued);
    text_lit(t, ",\"not_after\":");
    text_i64(t, x->facts.not_after);
    text_lit(t, ",\"number\":");
    text_u64(t, x->facts.number);
    text_lit(t, ",\"size\":");
    text_u64(t, x->size);
    text_add(t, is_expired(l, x) ? S(",\"expired\":true") : S(",\"expired\":false"));
    if (x->state) {
        text_lit(t, ",\"state\":");
        text_json(t, slice_text(x->state));
    }
    if (x->why.len) {
        text_lit(t, ",\"reason\":");
        text_json(t, x->why);
    }
    text_lit(t, "}");
}

void shelf_print(const struct shelf_list *l)
{
    if (!l->shelf->cli->json) {
        if (l->count)
            printf("%-17s  %-*s  %-20s  %-20s  %6s  %5s\n", "KIND", KEY_SHOWN, "KEY", "ISSUED", "EXPIRES", "NUMBER",
                   "AGE");
        for (size_t i = 0; i < l->count; i++)
            print_row(l, &l->at[i]);
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        struct text t = text_begin(&l->shelf->scratch);
        write_row(&t, l, &l->at[i]);
        slice row = text_end(&t);
        printf("%s%.*s", i ? ",\n" : "[", SLICE_ARG(row));
        l->shelf->scratch.used = 0;
    }
    puts(l->count ? "]" : "[]");
}
