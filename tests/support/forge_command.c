/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_command.h"

#include <stdio.h>
#include <stdlib.h>

bool command_take(struct forge_command *c, char **words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strncmp(words[i], "--", 2) != 0 || c->count == FORGE_OPTIONS_MAX)
            return false;
        struct forge_option *o = &c->options[c->count++];
        *o = (struct forge_option){words[i] + 2, ""};
        if (i + 1 < count && strncmp(words[i + 1], "--", 2) != 0)
            o->value = words[++i];
    }
    return true;
}

const char *command_text(const struct forge_command *c, const char *name, const char *otherwise)
{
    for (size_t i = c->count; i-- > 0;)
        if (strcmp(c->options[i].name, name) == 0)
            return c->options[i].value;
    return otherwise;
}

int64_t command_number(const struct forge_command *c, const char *name, int64_t otherwise)
{
    const char *text = command_text(c, name, NULL);
    char *end;
    if (!text)
        return otherwise;
    long long number = strtoll(text, &end, 0);
    forge_must(end != text && *end == '\0', name);
    return number;
}

slice command_from_hex(struct forge_command *c, slice digits)
{
    size_t length = 0;
    uint8_t *room = arena_alloc(&c->arena, digits.len / 2 + 1, 1);
    forge_must(room && hex_decode(room, digits.len / 2, digits, &length), "reading hexadecimal digits");
    return slice_of(room, length);
}

slice command_bytes(struct forge_command *c, const char *name)
{
    const char *text = command_text(c, name, NULL);
    return text ? command_from_hex(c, slice_text(text)) : NO_SLICE;
}

slice command_read(struct forge_command *c, const char *path)
{
    size_t most = 16u << 20;
    FILE *file = fopen(path, "rb");
    uint8_t *room = arena_alloc(&c->arena, most, 1);
    forge_must(file && room, path);
    slice content = slice_of(room, fread(room, 1, most, file));
    fclose(file);
    return content;
}

void command_write(struct forge_command *c, const char *name, slice content)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", c->out, name);
    forge_must(n > 0 && (size_t)n < sizeof path, "a path");
    if (!content.ptr) {
        remove(path); /* of a former call */
        return;
    }
    FILE *file = fopen(path, "wb");
    forge_must(file && fwrite(content.ptr, 1, content.len, file) == content.len && fclose(file) == 0, path);
}

slice command_base64(struct forge_command *c, slice bytes)
{
    uint8_t *room = arena_alloc(&c->arena, BASE64_SIZE(bytes.len) + 1, 1);
    forge_must(room, "memory");
    return slice_of(room, base64_encode(room, bytes));
}

#define LINE_MAX_SIZE 8192
#define WORDS_MAX 64

static int split_words(char *line, char **words)
{
    int count = 0;
    while (*line && count < WORDS_MAX) {
        line += strspn(line, " \n");
        if (*line)
            words[count++] = line;
        line += strcspn(line, " \n");
        if (*line)
            *line++ = '\0';
    }
    return count;
}

void command_serve(struct forge_command *c, slice (*answer)(struct forge_command *c, void *user), void *user)
{
    static char line[LINE_MAX_SIZE];
    char *words[WORDS_MAX + 1];
    size_t mark = c->arena.used, given = c->count;
    char report_data[] = "--report-data";
    while (fgets(line, sizeof line, stdin)) {
        int n = split_words(line, words + 1);
        bool bare = n == 1 && strncmp(words[1], "--", 2) != 0;
        words[0] = report_data;
        forge_must(command_take(c, bare ? words : words + 1, bare ? 2 : n), "reading a line");
        slice text = answer(c, user);
        printf("%.*s\n", SLICE_ARG(text));
        fflush(stdout);
        c->arena.used = mark;
        c->count = given;
    }
}
