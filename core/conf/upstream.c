/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/upstream.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/conf/upstream_internal.h"
#include "lib/toml/toml.h"

#define NODES_MAX 20000u
#define VALUE_MAX 4096u

/* --- reading ------------------------------------------------------------------------------------------------------ */

bool upstream_config_is(const char *file)
{
    static const slice endings[] = {TRUSTEE_TEXT(".toml"), TRUSTEE_TEXT(".json"), TRUSTEE_TEXT(".yaml"),
                                    TRUSTEE_TEXT(".yml")};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (slice_ends(slice_text(file), endings[i]))
            return true;
    return false;
}

result conversion_refuse(struct conversion *c, const char *format, ...)
{
    va_list args;
    int n = snprintf(c->error, c->error_size, "%s: ", c->file);
    if (n < 0 || (size_t)n >= c->error_size)
        return FAIL(CONFIG_VALUE);
    va_start(args, format);
    (void)vsnprintf(c->error + n, c->error_size - (size_t)n, format, args);
    va_end(args);
    return FAIL(CONFIG_VALUE);
}

static result read_toml(struct conversion *c, slice text)
{
    struct toml_error where = {0};
    if (!FAILED(toml_parse(text, c->arena, &c->document, &where)))
        return OK;
    snprintf(c->error, c->error_size, "%s:%u:%u: %s", c->file, where.line, where.column,
             where.text ? where.text : "no TOML 1.0");
    return FAIL(CONFIG_SYNTAX);
}

static result read_json(struct conversion *c, slice text)
{
    const json *v;
    struct trustee_writer w;
    slice key;
    if (FAILED(json_parse(c->arena, text, &v)) || json_type(v) != TRUSTEE_NODE_OBJECT) {
        snprintf(c->error, c->error_size, "%s: no JSON object, or a member of it stands twice", c->file);
        return FAIL(CONFIG_SYNTAX);
    }
    TRY(claims_begin(&w, c->arena, NODES_MAX));
    for (const json *m = json_next(v, NULL, &key); m; m = json_next(v, m, &key))
        claims_json(&w, key, m);
    return claims_end(&w, &c->document);
}

static result read_document(struct conversion *c, slice text)
{
    slice file = slice_text(c->file);
    if (slice_ends(file, S(".yaml")) || slice_ends(file, S(".yml")))
        return conversion_refuse(c, "YAML is not read; write it as TOML or JSON, which say the same");
    TRY(slice_ends(file, S(".json")) ? read_json(c, text) : read_toml(c, text));
    c->used = arena_array(c->arena, bool, c->document.count + 1);
    ENSURE(c->used, NO_MEMORY);
    memset(c->used, 0, c->document.count + 1);
    return OK;
}

void conversion_use(struct conversion *c, const node *n)
{
    if (!n)
        return;
    size_t at = (size_t)(n - c->document.nodes);
    for (size_t i = at; i < n->next; i++)
        c->used[i] = true;
}

const node *conversion_get(struct conversion *c, const node *from, const char *name)
{
    const node *n = from ? tree_get(c->document, from, slice_text(name)) : NULL;
    if (n && n->type != TRUSTEE_NODE_OBJECT && n->type != TRUSTEE_NODE_ARRAY)
        conversion_use(c, n);
    return n;
}

const node *conversion_at(struct conversion *c, const char *pointer)
{
    const node *n = tree_at(c->document, slice_text(pointer));
    if (n && n->type != TRUSTEE_NODE_OBJECT && n->type != TRUSTEE_NODE_ARRAY)
        conversion_use(c, n);
    return n;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

result conversion_put(struct conversion *c, const char *section, const char *key, slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < 0x20 || value.ptr[i] == 0x7f)
            return conversion_refuse(c, "a value for [%s] %s has a control character in it", section, key);
    if (value.len > VALUE_MAX)
        return conversion_refuse(c, "a value for [%s] %s is longer than %u bytes", section, key, VALUE_MAX);
    struct conversion_line *line = arena_new(c->arena, struct conversion_line);
    ENSURE(line, NO_MEMORY);
    *line = (struct conversion_line){NULL, section, key, value, false};
    *c->tail = line;
    c->tail = &line->next;
    return OK;
}

void conversion_note(struct conversion *c, const char *format, ...)
{
    char room[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(room, sizeof room, format, args);
    va_end(args);
    struct conversion_note *note = arena_new(c->arena, struct conversion_note);
    if (!note)
        return;
    *note = (struct conversion_note){NULL, arena_copy(c->arena, slice_text(room))};
    *c->last_note = note;
    c->last_note = &note->next;
}

static slice ini_text(struct conversion *c)
{
    struct text t = text_begin(c->arena);
    text_lit(&t, "# Converted from ");
    text_add(&t, slice_text(c->file));
    text_lit(&t, ". docs/configuration.md tells every option.\n");
    for (struct conversion_line *first = c->lines; first; first = first->next) {
        if (first->written)
            continue;
        text_lit(&t, "\n[");
        text_add(&t, slice_text(first->section));
        text_lit(&t, "]\n");
        for (struct conversion_line *l = first; l; l = l->next) {
            if (strcmp(l->section, first->section) != 0)
                continue;
            l->written = true;
            if (!l->key)
                continue;
            text_add(&t, slice_text(l->key));
            text_lit(&t, " = ");
            text_add(&t, l->value);
            text_lit(&t, "\n");
        }
    }
    return text_end(&t);
}

static slice notes_text(struct conversion *c)
{
    struct text t = text_begin(c->arena);
    for (struct conversion_note *n = c->notes; n; n = n->next) {
        text_add(&t, n->text);
        text_lit(&t, "\n");
    }
    return text_end(&t);
}

/* --- what nobody took ----------------------------------------------------------------------------------------------
 */

static void leaf_name(const struct conversion *c, size_t leaf, char *room, size_t size)
{
    size_t n = 0;
    room[0] = 0;
    for (size_t i = 1; i <= leaf; i++) {
        const node *up = &c->document.nodes[i];
        bool holds = i == leaf || (up->next > leaf && i < leaf);
        if (!holds)
            continue;
        int more = up->key.len ? snprintf(room + n, size - n, "%s%.*s", n ? "." : "", SLICE_ARG(up->key))
                               : snprintf(room + n, size - n, "[]");
        if (more < 0 || n + (size_t)more >= size)
            return;
        n += (size_t)more;
    }
}

static void note_unused(struct conversion *c)
{
    char name[512];
    for (size_t i = 1; i < c->document.count; i++) {
        uint32_t type = c->document.nodes[i].type;
        if (c->used[i] || type == TRUSTEE_NODE_OBJECT || type == TRUSTEE_NODE_ARRAY)
            continue;
        leaf_name(c, i, name, sizeof name);
        conversion_note(c, "%s is ignored: it has no meaning here", name);
    }
}

result upstream_config_convert(const char *file, slice text, const char *plugins, const char *folder, struct arena *a,
                               struct upstream_config *out, char *error, size_t error_size)
{
    struct conversion c = {
        .arena = a, .file = file, .plugins = plugins, .folder = folder, .error = error, .error_size = error_size};
    c.tail = &c.lines;
    c.last_note = &c.notes;
    error[0] = 0;
    TRY(read_document(&c, text));
    TRY(upstream_map(&c));
    note_unused(&c);
    out->ini = ini_text(&c);
    out->notes = notes_text(&c);
    return out->ini.ptr && out->notes.ptr ? OK : FAIL(NO_MEMORY);
}

void plugins_beside(char *room, size_t size)
{
    char self[PATH_MAX], path[PATH_MAX + 32], real[PATH_MAX];
    static const char *const places[] = {"/../plugins", "/../lib/trustee/plugins"};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    snprintf(room, size, "/usr/lib/trustee/plugins");
    if (n <= 0)
        return;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s", self, places[i]);
        if (!realpath(path, real))
            continue;
        snprintf(room, size, "%s", real);
        return;
    }
}
