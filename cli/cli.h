/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl: what its commands share. A command returns the program's exit code: 0 done, 1 refused or failed, 2 wrong
 * use, 4 not found, 5 the service cannot be reached; those that attest have the agent's codes, docs/guest.md.
 */
#ifndef CLI_H
#define CLI_H

#include <limits.h>
#include <stdio.h>

#include "lib/json/json.h"

#define EXIT_REFUSED 1
#define EXIT_USAGE 2
#define EXIT_NOT_FOUND 4
#define EXIT_UNREACHABLE 5

/* Where the service is and who we are, from the options and the home folder's trusteectl.ini. */
struct cli {
    const char *home;
    slice url, ca, admin_key, role;
    bool json; /* --json */
    bool all;  /* explain --all */
    struct arena arena, secret;
    int argc; /* what follows the command's words */
    char **argv;
};

struct command {
    const char *group, *verb; /* verb NULL: the group alone */
    int (*run)(struct cli *c);
    const char *arguments, *help;
    bool offline; /* needs neither a service nor the folder of init */
};
extern const struct command COMMANDS[];
extern const size_t COMMAND_COUNT;

/* Says what is wrong and what to do, on standard error; returns `code`. */
int say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The value of "--name VALUE" among the command's arguments, taken out of them; NULL where there is none. */
const char *take_option(struct cli *c, const char *name);
bool take_flag(struct cli *c, const char *name);
/* A whole file, or standard input for "-", into an arena. Says what is wrong. */
bool read_input(const char *file, size_t limit, struct arena *a, slice *out);
/* Anything that came from outside is printed without control characters. */
void print_safely(slice s);
/* A copy with a NUL, in the arena; "" when full. */
const char *c_text(struct cli *c, slice s);
/* Writes a new file with this mode, durably; never over an existing one unless `replace`. Says what is wrong. */
bool write_file(const char *path, slice bytes, unsigned mode, bool replace);

/* Where the plugins lie: beside this program as it is built, or as it is installed. */
void find_plugins(char plugins[PATH_MAX]);

/* --- the service
 * ------------------------------------------------------------------------------------------------------ */
struct answer {
    long status;
    slice body;
};
/* One administrator's request with a token made for it. 0, or an exit code after saying why. */
int call(struct cli *c, const char *method, const char *path, slice body, const char *content_type, struct answer *out);
/* The same, and any status but 200 is said and turned into an exit code. */
int call_ok(struct cli *c, const char *method, const char *path, slice body, const char *content_type,
            struct answer *out);
/* A JSON body; NULL after saying so when it is none. */
const json *answer_json(struct cli *c, const struct answer *a);
/* An administrator's token, valid for `life` seconds. */
MUST_CHECK result admin_token(struct cli *c, unsigned life, const char *role, slice *out);
/* Text percent-encoded to be one segment of a path. */
const char *encode_segment(struct cli *c, const char *text);

/* --- commands
 * --------------------------------------------------------------------------------------------------------- */
int cmd_init(struct cli *c);
int cmd_secret_put(struct cli *c);
int cmd_secret_get(struct cli *c);
int cmd_secret_list(struct cli *c);
int cmd_secret_delete(struct cli *c);
int cmd_policy_set(struct cli *c);
int cmd_policy_show(struct cli *c);
int cmd_policy_list(struct cli *c);
int cmd_policy_check(struct cli *c);
int cmd_reference_set(struct cli *c);
int cmd_reference_list(struct cli *c);
int cmd_reference_show(struct cli *c);
int cmd_reference_delete(struct cli *c);
int cmd_attest(struct cli *c);
int cmd_token_show(struct cli *c);
int cmd_admin_token(struct cli *c);
int cmd_revoke(struct cli *c);
int cmd_explain(struct cli *c);
int cmd_verify(struct cli *c);
int cmd_collateral_fetch(struct cli *c);
int cmd_collateral_list(struct cli *c);
int cmd_collateral_export(struct cli *c);
int cmd_collateral_import(struct cli *c);
int cmd_collateral_verify(struct cli *c);
int cmd_convert_config(struct cli *c);
int cmd_measure_snp(struct cli *c);
int cmd_measure_tdx(struct cli *c);
int cmd_plugin_new(struct cli *c);
int cmd_plugin_check(struct cli *c);
int cmd_plugin_show(struct cli *c);
int cmd_plugin_list(struct cli *c);
int cmd_completion(struct cli *c);
int cmd_man(struct cli *c);
int cmd_help(struct cli *c);

#endif
