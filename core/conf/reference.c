/* SPDX-License-Identifier: Apache-2.0 */
#include "core/conf/bind.h"

#include <inttypes.h>

/* The tables, for people. */

static void print_choices(const struct bind_option *o, FILE *out)
{
    for (const char *const *c = o->choices; *c; c++)
        fprintf(out, "%s %s", c == o->choices ? "" : ",", *c);
}

static void print_type(const struct bind_option *o, FILE *out)
{
    fprintf(out, "%s", bind_type_name(o->type));
    if (o->type == BIND_CHOICE)
        print_choices(o, out);
    else if (o->type != BIND_BOOL && o->max)
        fprintf(out, ", %" PRIu64 " to %" PRIu64, o->min, o->max);
    else if (o->type != BIND_BOOL && o->min)
        fprintf(out, ", at least %" PRIu64, o->min);
    if (o->flags & BIND_MANY)
        fprintf(out, "; may stand several times");
}

static const char *shown_default(const struct bind_option *o)
{
    return !o->fallback ? "" : o->flags & BIND_SECRET ? "(secret)" : o->fallback;
}

void bind_help(const struct bind_table *t, FILE *out)
{
    fprintf(out, "# %s\n[%s%s%s]\n", t->help ? t->help : "", t->kind, t->name ? " " : "", t->name ? t->name : "");
    for (const struct bind_option *o = t->options; o < t->options + t->count; o++) {
        fprintf(out, "\n# %s\n# ", o->help ? o->help : "");
        print_type(o, out);
        if (o->flags & BIND_REQUIRED)
            fprintf(out, "\n# required\n%s =\n", o->key);
        else
            fprintf(out, "\n# %s = %s\n", o->key, shown_default(o));
    }
    fputc('\n', out);
}

void bind_reference(const struct bind_table *t, FILE *out)
{
    fprintf(out, "## `[%s%s%s]`\n\n%s\n\n", t->kind, t->name ? " " : "", t->name ? t->name : "",
            t->help ? t->help : "");
    fprintf(out, "| Key | Value | Default | Meaning |\n|---|---|---|---|\n");
    for (const struct bind_option *o = t->options; o < t->options + t->count; o++) {
        const char *fallback = o->flags & BIND_REQUIRED ? "" : shown_default(o);
        fprintf(out, "| `%s` | ", o->key);
        print_type(o, out);
        fprintf(out, " | %s%s%s%s | %s |\n", o->flags & BIND_REQUIRED ? "required" : "", *fallback ? "`" : "", fallback,
                *fallback ? "`" : "", o->help ? o->help : "");
    }
    fputc('\n', out);
}

/* A dash is a minus to troff; a line that begins with a point or an apostrophe would be a request. */
static void print_roff(const char *text, FILE *out)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++)
        if (*text == '-' || *text == '\\')
            fprintf(out, "\\%c", *text == '-' ? '-' : 'e');
        else
            fputc(*text, out);
}

void bind_man(const struct bind_table *t, FILE *out)
{
    fprintf(out, ".SH \"[%s%s%s]\"\n", t->kind, t->name ? " " : "", t->name ? t->name : "");
    print_roff(t->help ? t->help : "", out);
    fputs(".\n", out);
    for (const struct bind_option *o = t->options; o < t->options + t->count; o++) {
        const char *fallback = o->flags & BIND_REQUIRED ? "" : shown_default(o);
        fputs(".TP\n\\fB", out);
        print_roff(o->key, out);
        fputs("\\fR = ", out);
        print_type(o, out);
        if (o->flags & BIND_REQUIRED)
            fputs("; required", out);
        else if (*fallback) {
            fputs("; default ", out);
            print_roff(fallback, out);
        }
        fputc('\n', out);
        print_roff(o->help && *o->help ? o->help : "\\&", out);
        fputc('\n', out);
    }
}
