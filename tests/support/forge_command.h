/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kinds of the program build/tests/forge share: options, files.
 */
#ifndef TESTS_FORGE_COMMAND_H
#define TESTS_FORGE_COMMAND_H

#include "tests/support/forge_x509.h"

#define FORGE_OPTIONS_MAX 64

struct forge_option {
    const char *name, *value; /* "--name value"; flags have an empty value */
};
struct forge_command {
    struct arena arena;
    const char *out; /* folder */
    struct forge_option options[FORGE_OPTIONS_MAX];
    size_t count;
};

bool command_take(struct forge_command *c, char **words, int count); /* "--name" "value" …; false: not of that form */
/* The option's value, of several the last; `otherwise` where it was not given. */
const char *command_text(const struct forge_command *c, const char *name, const char *otherwise);
int64_t command_number(const struct forge_command *c, const char *name, int64_t otherwise);
/* From hexadecimal digits; ptr NULL where it was not given. */
slice command_bytes(struct forge_command *c, const char *name);
slice command_from_hex(struct forge_command *c, slice digits);
slice command_read(struct forge_command *c, const char *path);                /* a whole file */
void command_write(struct forge_command *c, const char *file, slice content); /* into the folder `out` */
slice command_base64(struct forge_command *c, slice bytes);

/* Answers each line "--NAME VALUE …" of the input, until it ends, with one line: what `answer` gives with these options
 * before those of the command line. */
void command_serve(struct forge_command *c, slice (*answer)(struct forge_command *c, void *user), void *user);

/* One per kind; exit status. */
int forge_command_dcap(struct forge_command *c);
int forge_command_eventlog(struct forge_command *c);
int forge_command_snp(struct forge_command *c);

#endif
