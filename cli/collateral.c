/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl collateral: what lies in the service's folder, into it and out of it across an air gap, and whether all of
 * it is genuine.
 */
#include "cli/collateral.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int needless(const struct cli *c, const char *command)
{
    return say(EXIT_USAGE, "collateral %s: '%s' is too much, or lacks its value; see trusteectl help", command,
               c->argv[0]);
}

/* Runs a command on an open folder. */
static int with_shelf(struct cli *c, bool make, int (*run)(struct shelf *s))
{
    struct shelf *s = calloc(1, sizeof *s);
    if (!s)
        return say(EXIT_USAGE, "out of memory");
    int code = shelf_open(c, s, make);
    if (!code)
        code = run(s);
    shelf_close(s);
    free(s);
    return code;
}

static void say_corrupt(const struct shelf_list *l)
{
    if (l->corrupt)
        say(0, "%zu file%s of %s damaged; fetch or import anew, and the damaged one is set aside", l->corrupt,
            l->corrupt == 1 ? " is" : "s are", l->shelf->directory);
}

/* --- list --- */

static int list(struct shelf *s)
{
    struct shelf_list l = {.shelf = s, .kind = slice_text(take_option(s->cli, "--kind"))};
    int code = s->cli->argc ? needless(s->cli, "list") : shelf_list(s, &l);
    if (!code) {
        shelf_print(&l);
        say_corrupt(&l);
    }
    free(l.at);
    return code;
}

int cmd_collateral_list(struct cli *c)
{
    return with_shelf(c, false, list);
}

/* --- export --- */

static bool write_items(FILE *out, const struct shelf_list *l)
{
    bool good = true;
    for (size_t i = 0; good && i < l->count; i++)
        good = !FAILED(collateral_export(out, &l->at[i].item, &l->at[i].facts, i == 0, i + 1 == l->count));
    return good && fflush(out) == 0;
}

static int export_to(const struct shelf_list *l, const char *file)
{
    bool standard = strcmp(file, "-") == 0;
    FILE *out = standard ? stdout : fopen(file, "wx");
    if (!out)
        return say(EXIT_REFUSED, "%s: %s", file,
                   errno == EEXIST ? "is there already; it is left as it is" : strerror(errno));
    bool good = write_items(out, l) && (standard || fsync(fileno(out)) == 0);
    if (!standard && fclose(out) != 0)
        good = false;
    if (good)
        return 0;
    if (!standard)
        (void)unlink(file);
    return say(EXIT_REFUSED, "%s: it cannot be written", file);
}

static int export_items(struct shelf *s)
{
    struct cli *c = s->cli;
    struct shelf_list l = {.shelf = s,
                           .whole = true,
                           .kind = slice_text(take_option(c, "--kind")),
                           .key = slice_text(take_option(c, "--key"))};
    if (c->argc != 1)
        return c->argc ? needless(c, "export")
                       : say(EXIT_USAGE, "collateral export takes a new file, or - for standard output");
    int code = shelf_list(s, &l);
    if (!code && !l.count)
        code = say(EXIT_NOT_FOUND, "%s: there is nothing to export", s->directory);
    if (!code)
        code = export_to(&l, c->argv[0]);
    if (!code && !c->json && strcmp(c->argv[0], "-") != 0)
        printf("exported %zu item%s to %s\n", l.count, l.count == 1 ? "" : "s", c->argv[0]);
    say_corrupt(&l);
    free(l.at);
    return code;
}

int cmd_collateral_export(struct cli *c)
{
    return with_shelf(c, false, export_items);
}

/* --- judging --- */

/* GENUINE, or why not. */
static bool judge(struct shelf *s, struct shelf_item *x, struct collateral_facts *facts)
{
    struct record why;
    record_begin(&why, &s->arena, "collateral", (const uint8_t[16]){0});
    struct judgement j = {&s->verifiers, &s->scratch, &why, s->now};
    result r = judge_item(&j, &x->item, facts);
    arena_reset(&s->scratch, 0);
    if (!FAILED(r))
        return true;
    bool taken = r.reason != PLUGIN_NOT_SUPPORTED;
    x->state = taken ? "NOT GENUINE" : "NOT JUDGED";
    x->why = !taken           ? S("no plugin that is configured takes this kind")
             : why.reason.len ? why.reason
                              : slice_text(reason_id((enum reason)r.reason));
    return false;
}

/* --- import --- */

static void add_from_source(void *user, const struct collateral_item *item)
{
    struct collateral_facts none = {0};
    shelf_add(user, item, &none);
}

static int read_source(struct shelf_list *l, const char *path)
{
    char error[512] = "";
    struct collateral_offline *source;
    if (FAILED(collateral_offline_open(path, &source, error, sizeof error)))
        return say(EXIT_REFUSED, "%s: %s; nothing of it was imported", path, error);
    size_t before = l->count;
    result r = collateral_offline_list(source, &l->shelf->scratch, add_from_source, l);
    collateral_offline_close(source);
    if (FAILED(r) || l->full)
        return say(EXIT_REFUSED, "%s: %s", path, l->full ? "too much for memory" : reason_text((enum reason)r.reason));
    if (l->count == before)
        return say(EXIT_REFUSED, "%s: no collateral was found in it", path);
    return 0;
}

static bool is_same(struct shelf *s, const struct collateral_item *item)
{
    struct collateral_item stored;
    struct collateral_facts facts;
    struct arena *a = &s->scratch;
    size_t used = a->used;
    bool same = !FAILED(collateral_folder_get(&s->folder, item->kind, item->key, a, &stored, &facts)) &&
                slice_equal(stored.bytes, item->bytes) && slice_equal(stored.chain, item->chain);
    a->used = used;
    return same;
}

static bool import_one(struct shelf *s, struct shelf_item *x)
{
    if (is_same(s, &x->item)) {
        x->state = "there already";
        return true;
    }
    result r = collateral_folder_put(&s->folder, &x->item, &x->facts);
    x->state = !FAILED(r) ? "imported" : r.reason == COLLATERAL_OLDER ? "OLDER" : "NOT STORED";
    if (FAILED(r))
        x->why = slice_text(reason_id((enum reason)r.reason));
    return !FAILED(r);
}

static bool same_name(const struct shelf_item *x, const struct shelf_item *y)
{
    return slice_equal(x->item.kind, y->item.kind) && slice_equal(x->item.key, y->item.key);
}

/* Of several of one name only the newest that is genuine is stored. What is forged or older than what lies in the
 * folder is refused, and the rest imported. */
static bool import_all(struct shelf_list *l)
{
    bool good = true;
    const struct shelf_item *last = NULL;
    for (size_t i = 0; i < l->count; i++)
        good &= judge(l->shelf, &l->at[i], &l->at[i].facts);
    shelf_sort(l);
    for (size_t i = 0; i < l->count; i++) {
        struct shelf_item *x = &l->at[i];
        if (x->state)
            continue;
        if (last && same_name(x, last))
            x->state = "a newer one was with it";
        else
            good &= import_one(l->shelf, x);
        last = x;
    }
    return good;
}

static int import_items(struct shelf *s)
{
    struct cli *c = s->cli;
    struct shelf_list l = {.shelf = s, .whole = true};
    int code = c->argc && *c->argv[0] != '-'
                   ? shelf_verifiers(s)
                   : say(EXIT_USAGE, "collateral import takes files or folders with collateral");
    for (int i = 0; !code && i < c->argc; i++)
        code = read_source(&l, c->argv[i]);
    if (!code) {
        code = import_all(&l) ? 0 : EXIT_REFUSED;
        shelf_print(&l);
        if (code)
            say(0, "not everything was imported; what is marked in capitals stays out");
    }
    free(l.at);
    return code;
}

int cmd_collateral_import(struct cli *c)
{
    return with_shelf(c, true, import_items);
}

/* --- verify --- */

static bool check_one(struct shelf *s, struct shelf_item *x)
{
    struct collateral_facts facts = {0};
    if (!judge(s, x, &facts))
        return false;
    bool same =
        facts.issued == x->facts.issued && facts.not_after == x->facts.not_after && facts.number == x->facts.number;
    bool expired = x->facts.not_after && x->facts.not_after <= s->now;
    x->state = !same ? "DATES DIFFER" : expired ? "genuine, EXPIRED" : "genuine";
    return same && !expired;
}

static int verify(struct shelf *s)
{
    struct shelf_list l = {.shelf = s, .whole = true};
    bool good = true;
    int code = s->cli->argc ? needless(s->cli, "verify") : shelf_verifiers(s);
    if (!code)
        code = shelf_list(s, &l);
    for (size_t i = 0; !code && i < l.count; i++)
        good &= check_one(s, &l.at[i]);
    if (!code) {
        shelf_print(&l);
        say_corrupt(&l);
        code = good && !l.corrupt ? 0 : EXIT_REFUSED;
    }
    free(l.at);
    return code;
}

int cmd_collateral_verify(struct cli *c)
{
    return with_shelf(c, false, verify);
}
