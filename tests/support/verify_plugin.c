/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads a verifier's shared object, gives it one piece of evidence from standard input through the fake host, and
 * prints the verdict as JSON.
 *
 *     verify_plugin FILE.so TEE REPORT-DATA-HEX [init_data=HEX] [now=SECONDS] [NAME=VALUE | NAME=@FILE]... <evidence
 *
 * The remaining arguments are the plugin's options; @FILE hands a file's content over. Exit status: 0 genuine, 1
 * refused, 2 when it could not be tried.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/fake_host.h"

#define INPUT_MAX (1u << 20)

struct run {
    struct fake_host host;
    struct arena arena; /* what lives as long as the program */
    trustee_verify_in in;
};

static int trouble(const char *what)
{
    fprintf(stderr, "verify_plugin: %s\n", what);
    return 2;
}

static slice read_stream(struct run *run, FILE *file)
{
    uint8_t *room = arena_alloc(&run->arena, INPUT_MAX, 1);
    if (!file || !room)
        return NO_SLICE;
    return slice_of(room, fread(room, 1, INPUT_MAX, file));
}

static slice read_file(struct run *run, const char *path)
{
    FILE *file = fopen(path, "rb");
    slice content = read_stream(run, file);
    if (file)
        fclose(file);
    return content;
}

static slice from_hex(struct run *run, const char *hex)
{
    slice text = slice_text(hex);
    size_t length;
    uint8_t *room = arena_alloc(&run->arena, text.len / 2 + 1, 1);
    return room && hex_decode(room, text.len / 2, text, &length) ? slice_of(room, length) : NO_SLICE;
}

static bool take_argument(struct run *run, char *argument)
{
    char *value = strchr(argument, '=');
    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(argument, "init_data") == 0)
        run->in.init_data = from_hex(run, value);
    else if (strcmp(argument, "now") == 0)
        run->in.now = strtoll(value, NULL, 10);
    else if (*value == '@')
        fake_option_bytes(&run->host, argument, read_file(run, value + 1));
    else
        fake_option(&run->host, argument, value);
    return true;
}

static trustee_plugin_describe_fn find_entry(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = library ? dlsym(library, TRUSTEE_PLUGIN_SYMBOL) : NULL;
    trustee_plugin_describe_fn entry = NULL;
    if (symbol)
        memcpy(&entry, &symbol, sizeof entry); /* POSIX's way from an object pointer to a function */
    return entry;
}

static void add_hex_member(struct text *t, slice name, slice bytes)
{
    text_lit(t, ",");
    text_json(t, name);
    text_lit(t, ":\"");
    text_hex(t, bytes);
    text_lit(t, "\"");
}

static void print_verdict(struct run *run, bool genuine)
{
    struct fake_host *h = &run->host;
    struct text t = text_begin(&run->arena);
    text_lit(&t, "{\"genuine\":");
    text_add(&t, genuine ? S("true") : S("false"));
    text_lit(&t, ",\"status\":");
    text_i64(&t, h->status);
    text_lit(&t, ",\"reason\":");
    text_json(&t, h->reason);
    add_hex_member(&t, S("report_data"), h->out.report_data);
    add_hex_member(&t, S("init_data"), h->out.init_data);
    text_lit(&t, ",\"report_data_claim\":");
    text_json(&t, h->out.report_data_claim);
    text_lit(&t, ",\"init_data_claim\":");
    text_json(&t, h->out.init_data_claim);
    text_lit(&t, ",\"claims\":");
    if (genuine)
        tree_json(&t, h->claims, tree_root(h->claims), false);
    else
        text_lit(&t, "null");
    text_lit(&t, ",\"checks\":[");
    for (size_t i = 0; i < h->check_count; i++) {
        text_add(&t, i ? S(",") : NO_SLICE);
        text_lit(&t, "{\"name\":");
        text_json(&t, h->checks[i].name);
        text_add(&t, h->checks[i].passed ? S(",\"passed\":true") : S(",\"passed\":false"));
        text_lit(&t, ",\"expected\":");
        text_json(&t, h->checks[i].expected);
        text_lit(&t, ",\"actual\":");
        text_json(&t, h->checks[i].actual);
        text_lit(&t, "}");
    }
    text_lit(&t, "]}");
    slice json_text_out = text_end(&t);
    printf("%.*s\n", SLICE_ARG(json_text_out));
}

static int verify(struct run *run, int argc, char **argv)
{
    trustee_plugin_describe_fn describe = find_entry(argv[1]);
    if (!describe)
        return trouble("the file has no entry symbol");
    run->in.report_data = from_hex(run, argv[3]);
    run->in.now = time(NULL);
    for (int i = 4; i < argc; i++)
        if (!take_argument(run, argv[i]))
            return trouble("an option has no value");
    if (fake_load(&run->host, describe()) != TRUSTEE_OK)
        return trouble("init or self test failed");
    bool genuine = fake_verify(&run->host, slice_text(argv[2]), read_stream(run, stdin), &run->in);
    print_verdict(run, genuine);
    return genuine ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    if (argc < 4)
        return trouble("FILE.so TEE REPORT-DATA-HEX [NAME=VALUE]...");
    if (FAILED(arena_map(&run.arena, 64u << 20, ARENA_PLAIN)))
        return trouble("no memory");
    fake_host_begin(&run.host);
    int status = verify(&run, argc, argv);
    fake_host_end(&run.host);
    arena_unmap(&run.arena);
    return status;
}
