/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a descriptor as if it were hostile input, copies it, and never looks at the original again. Structs may be
 * shorter than ours (built earlier) or longer (built later), as long as they have what the first version required.
 */
#include "core/plugin/internal.h"

#include <inttypes.h>

#define STRUCT_MAX 65536u
#define ROW_MAX 4096u
#define TEXT_MAX 1024u
#define KNOWN_FLAGS TRUSTEE_PLUGIN_INSECURE

/* What the first version of each struct required; later members may be missing, and are zero then. */
#define PLUGIN_REQUIRED offsetof(trustee_plugin, reload)
#define VERIFIER_REQUIRED offsetof(trustee_verifier, challenge)
#define POLICY_REQUIRED sizeof(trustee_policy)
#define STORAGE_REQUIRED offsetof(trustee_storage, ready)

struct describing {
    const struct blame *blame;
    struct arena *arena;
    struct plugin *plugin;
};

bool slice_is_sane(slice s, uint64_t most)
{
    return s.len <= most && (s.ptr || s.len == 0);
}

/* --- copying --- */

struct shape {
    const char *name;
    size_t ours, required;
};

static result copy_struct(const struct describing *d, const struct shape *shape, void *out, const void *in)
{
    uint32_t size;
    if (!in)
        return refuse(d->blame, "its %s is NULL", shape->name);
    memcpy(&size, in, sizeof size);
    if (size < shape->required || size > STRUCT_MAX || size % 8)
        return refuse(d->blame,
                      "its %s says that it has %u bytes; expected a multiple of 8, at least %zu: set size to "
                      "sizeof",
                      shape->name, size, shape->required);
    memset(out, 0, shape->ours);
    memcpy(out, in, size < shape->ours ? size : shape->ours);
    return OK;
}

struct rows {
    const char *name;
    const void *rows;
    uint64_t count, most;
    uint32_t size; /* of a row, as the plugin has it */
    size_t ours;
    size_t least; /* of a row in the ABI's first version */
};

static result copy_rows(const struct describing *d, const struct rows *in, void **out)
{
    *out = NULL;
    if (in->count > in->most)
        return refuse(d->blame, "it has %" PRIu64 " %s; at most %" PRIu64 " are taken", in->count, in->name, in->most);
    if (in->count == 0)
        return OK;
    if (!in->rows || in->size < in->least || in->size > ROW_MAX || in->size % 8)
        return refuse(d->blame, "its table of %s has rows of %u bytes%s; expected a multiple of 8, at least %zu",
                      in->name, in->size, in->rows ? "" : " at NULL", in->least);
    uint8_t *rows = arena_alloc(d->arena, in->count * in->ours, 8);
    ENSURE(rows, NO_MEMORY);
    /* Members that an older plugin does not have stay zero. */
    size_t common = in->size < in->ours ? in->size : in->ours;
    memset(rows, 0, in->count * in->ours);
    for (uint64_t i = 0; i < in->count; i++)
        memcpy(rows + i * in->ours, (const uint8_t *)in->rows + i * in->size, common);
    *out = rows;
    return OK;
}

/* --- texts --- */

static bool is_line(slice s)
{
    if (!slice_is_sane(s, TEXT_MAX) || !slice_is_utf8(s))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 32 || s.ptr[i] == 127)
            return false;
    return true;
}

static bool is_identifier(slice s, const char *extra, size_t most)
{
    if (!slice_is_sane(s, most) || !slice_is_name(s, extra) || *s.ptr < 'a' || *s.ptr > 'z')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
            return false;
    return true;
}

static result check_texts(const struct describing *d)
{
    const trustee_plugin *p = &d->plugin->about;
    const slice lines[] = {p->version, p->vendor, p->license, p->description, p->url};
    static const char *const names[] = {"version", "vendor", "license", "description", "url"};
    if (!is_identifier(p->name, "-", 32))
        return refuse(d->blame, "its name is not a lower-case letter and at most 31 letters, digits or '-'");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!is_line(lines[i]))
            return refuse(d->blame, "its %s is not one line of UTF-8 text of at most %u bytes", names[i], TEXT_MAX);
    if (p->version.len == 0)
        return refuse(d->blame, "its version is empty");
    memcpy(d->plugin->name, p->name.ptr, p->name.len);
    return OK;
}

/* --- the tables --- */

static result check_options(const struct describing *d)
{
    trustee_plugin *p = &d->plugin->about;
    struct rows in = {"options",
                      p->options,
                      p->option_count,
                      256,
                      p->option_size,
                      sizeof *p->options,
                      offsetof(trustee_option, restricted)};
    void *rows;
    TRY(copy_rows(d, &in, &rows));
    p->options = rows;
    for (const trustee_option *o = p->options; o < p->options + p->option_count; o++)
        if (!is_identifier(o->name, "-_", 64) || !is_line(o->help) || !is_line(o->fallback) || !is_line(o->restricted))
            return refuse(d->blame,
                          "option %zu of its table has a bad name, help or default; expected lower-case name "
                          "and single lines",
                          (size_t)(o - p->options));
    return options_check_table(d->blame, d->plugin);
}

static bool reason_is_ours(const struct plugin *p, slice id)
{
    size_t length = strlen(p->name);
    return is_identifier(id, "-_.", 96) && id.len > length + 1 && memcmp(id.ptr, p->name, length) == 0 &&
           id.ptr[length] == '.';
}

static result check_reasons(const struct describing *d)
{
    trustee_plugin *p = &d->plugin->about;
    struct rows in = {"reasons",      p->reasons,         p->reason_count,   1024,
                      p->reason_size, sizeof *p->reasons, sizeof *p->reasons};
    void *rows;
    TRY(copy_rows(d, &in, &rows));
    p->reasons = rows;
    for (const trustee_reason *r = p->reasons; r < p->reasons + p->reason_count; r++) {
        if (!reason_is_ours(d->plugin, r->id) || !is_line(r->text) || !is_line(r->remedy))
            return refuse(d->blame,
                          "reason %zu of its table is not a dotted lower-case id that begins with '%s.', with "
                          "single lines of text",
                          (size_t)(r - p->reasons), d->plugin->name);
        for (const trustee_reason *twin = p->reasons; twin < r; twin++)
            if (slice_equal(twin->id, r->id))
                return refuse(d->blame, "its reason '%.*s' stands twice", SLICE_ARG(r->id));
    }
    return OK;
}

/* --- the interfaces --- */

static result check_tees(const struct describing *d, const trustee_verifier *v)
{
    struct rows in = {"TEEs", v->tees, v->tee_count, VERIFIERS_MAX, v->tee_size, sizeof *v->tees, sizeof *v->tees};
    void *rows;
    TRY(copy_rows(d, &in, &rows));
    d->plugin->tees = rows;
    if (v->tee_count == 0)
        return refuse(d->blame, "its verifier names no TEE");
    for (const trustee_tee *t = d->plugin->tees; t < d->plugin->tees + v->tee_count; t++) {
        if (!is_identifier(t->name, "-", 32) || !is_identifier(t->device_class, "-", 32))
            return refuse(d->blame,
                          "TEE %zu of its table has a bad name or device class; expected lower-case letters, "
                          "digits and '-'",
                          (size_t)(t - d->plugin->tees));
        TRY(tee_check(d->blame, t, d->plugin->insecure));
    }
    return OK;
}

static result take_verifier(const struct describing *d, const void *vtable)
{
    static const struct shape shape = {"verifier table", sizeof(trustee_verifier), VERIFIER_REQUIRED};
    trustee_verifier *v = arena_new(d->arena, trustee_verifier);
    ENSURE(v, NO_MEMORY);
    TRY(copy_struct(d, &shape, v, vtable));
    if (!v->verify)
        return refuse(d->blame, "its verifier has no verify function");
    d->plugin->verifier = v;
    return check_tees(d, v);
}

static result take_policy(const struct describing *d, const void *vtable)
{
    static const struct shape shape = {"policy table", sizeof(trustee_policy), POLICY_REQUIRED};
    trustee_policy *p = arena_new(d->arena, trustee_policy);
    ENSURE(p, NO_MEMORY);
    TRY(copy_struct(d, &shape, p, vtable));
    if (!p->compile || !p->release || !p->evaluate)
        return refuse(d->blame, "its policy engine lacks compile, release or evaluate");
    if (!is_identifier(p->language, "-", 32) || !slice_is_sane(p->suffix, 16) || !slice_is_name(p->suffix, "."))
        return refuse(d->blame,
                      "its policy engine has a bad language or suffix; expected such as \"rego\" and \".rego\"");
    d->plugin->policy = p;
    return OK;
}

static result take_storage(const struct describing *d, const void *vtable)
{
    static const struct shape shape = {"storage table", sizeof(trustee_storage), STORAGE_REQUIRED};
    trustee_storage *s = arena_new(d->arena, trustee_storage);
    ENSURE(s, NO_MEMORY);
    TRY(copy_struct(d, &shape, s, vtable));
    if (!s->get || !s->list)
        return refuse(d->blame, "its storage lacks get or list");
    if (!(s->flags & TRUSTEE_STORAGE_READ_ONLY) && (!s->put || !s->del))
        return refuse(d->blame, "its storage lacks put or del, and is not marked read-only");
    d->plugin->storage = s;
    return OK;
}

static const struct kind {
    slice name;
    uint32_t major;
    result (*take)(const struct describing *d, const void *vtable);
} kinds[] = {
    {TRUSTEE_TEXT("verifier"), TRUSTEE_VERIFIER_MAJOR, take_verifier},
    {TRUSTEE_TEXT("policy"), TRUSTEE_POLICY_MAJOR, take_policy},
    {TRUSTEE_TEXT("storage"), TRUSTEE_STORAGE_MAJOR, take_storage},
};

static result check_interfaces(const struct describing *d)
{
    trustee_plugin *p = &d->plugin->about;
    struct rows in = {"interfaces",      p->interfaces,         p->interface_count,   16,
                      p->interface_size, sizeof *p->interfaces, sizeof *p->interfaces};
    bool taken[sizeof kinds / sizeof *kinds] = {false};
    void *rows;
    TRY(copy_rows(d, &in, &rows));
    p->interfaces = rows;
    for (const trustee_interface *i = p->interfaces; i < p->interfaces + p->interface_count; i++) {
        if (!is_identifier(i->kind, "-", 32))
            return refuse(d->blame, "interface %zu of its table has a bad kind", (size_t)(i - p->interfaces));
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            if (i->major != kinds[k].major || !slice_equal(i->kind, kinds[k].name))
                continue;
            if (taken[k])
                return refuse(d->blame, "its interface '%.*s' stands twice", SLICE_ARG(i->kind));
            taken[k] = true;
            TRY(kinds[k].take(d, i->vtable));
        }
    }
    if (!taken[0] && !taken[1] && !taken[2])
        return refuse(d->blame, "it offers no interface that this service knows: verifier 1, policy 1 or storage 1");
    return OK;
}

/* --- the whole --- */

static result check_head(const struct describing *d, const trustee_plugin *given)
{
    static const struct shape shape = {"descriptor", sizeof(trustee_plugin), PLUGIN_REQUIRED};
    trustee_plugin *p = &d->plugin->about;
    uint64_t magic;
    if (!given)
        return refuse(d->blame, TRUSTEE_PLUGIN_SYMBOL "() gave NULL");
    /* Before anything else is believed. */
    memcpy(&magic, (const uint8_t *)given + offsetof(trustee_plugin, magic), sizeof magic);
    if (magic != TRUSTEE_PLUGIN_MAGIC)
        return refuse(d->blame,
                      "its descriptor does not begin as one of ABI 1 (magic %016" PRIx64 "); set magic to "
                      "TRUSTEE_PLUGIN_MAGIC",
                      magic);
    TRY(copy_struct(d, &shape, p, given));
    if (p->flags_required & ~KNOWN_FLAGS)
        return refuse(d->blame,
                      "it requires flags %#" PRIx64 " that this service (ABI %u.%u) does not know; it was built "
                      "for %u.%u, use a newer service",
                      p->flags_required & ~KNOWN_FLAGS, TRUSTEE_ABI_MAJOR, TRUSTEE_ABI_MINOR, TRUSTEE_ABI_MAJOR,
                      p->abi_minor);
    if (p->thread_model > TRUSTEE_THREADS_PARALLEL)
        return refuse(d->blame, "its thread model %u is unknown; expected SERIAL or PARALLEL", p->thread_model);
    if (!p->init || !p->fini)
        return refuse(d->blame, "it has no init or no fini function");
    d->plugin->insecure = ((p->flags_required | p->flags_optional) & TRUSTEE_PLUGIN_INSECURE) != 0;
    return OK;
}

result plugin_describe(const struct blame *b, struct arena *a, const struct plugin_file *f, struct plugin *out)
{
    struct describing d = {b, a, out};
    *out = (struct plugin){.file = f->path};
    hex_encode((uint8_t *)out->sha256, slice_of(f->sha256, sizeof f->sha256));
    TRY(check_head(&d, f->describe()));
    TRY(check_texts(&d));
    TRY(check_options(&d));
    TRY(check_reasons(&d));
    return check_interfaces(&d);
}
