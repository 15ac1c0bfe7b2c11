/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/conf/bind.h"
#include "core/log/log.h"

const struct command COMMANDS[] = {
    {"init", NULL, cmd_init,
     "DIRECTORY [--listen ADDRESS:PORT] [--host NAME] [--plugins DIRECTORY] [--allow-sample] [--http]",
     "make keys, folders and an INI for a service of one's own", true},
    {"secret", "put", cmd_secret_put, "REPOSITORY/TYPE/TAG FILE|-", "store a secret", false},
    {"secret", "get", cmd_secret_get, "REPOSITORY/TYPE/TAG [--tee tpm|sample] [--tcti TCTI]",
     "attest this machine and fetch a secret, as a workload does", false},
    {"secret", "list", cmd_secret_list, "", "paths and sizes of all secrets", false},
    {"secret", "delete", cmd_secret_delete, "REPOSITORY/TYPE/TAG", "delete a secret", false},
    {"policy", "set", cmd_policy_set, "resource|default_CLASS FILE|-", "set a policy", false},
    {"policy", "show", cmd_policy_show, "resource|default_CLASS", "print a policy in force", false},
    {"policy", "list", cmd_policy_list, "", "policies in force", false},
    {"policy", "check", cmd_policy_check, "FILE", "see whether a policy loads, without a service", true},
    {"reference-value", "set", cmd_reference_set, "NAME VALUE… [--single] | --file FILE", "set reference values",
     false},
    {"reference-value", "list", cmd_reference_list, "", "all reference values", false},
    {"reference-value", "show", cmd_reference_show, "NAME", "one reference value", false},
    {"reference-value", "delete", cmd_reference_delete, "NAME", "delete a reference value", false},
    {"attest", NULL, cmd_attest, "[--tee tpm|sample] [--tcti TCTI]", "attest this machine and print the token", false},
    {"token", "show", cmd_token_show, "FILE|-", "what an attestation token says", true},
    {"admin-token", NULL, cmd_admin_token, "[--role ROLE] [--life SECONDS]",
     "print an administrator's token, for kbs-client and curl", false},
    {"revoke", NULL, cmd_revoke, "[--before SECONDS-SINCE-1970]", "refuse all attestation tokens issued until now",
     false},
    {"explain", NULL, cmd_explain, "[ID] [--all]",
     "why something was released or refused; without ID the newest decisions", false},
    {"verify", NULL, cmd_verify,
     "--evidence FILE|- [--tee NAME|auto] [--collateral FOLDER|FILE]… [--at TIME] [--report-data HEX] "
     "[--init-data HEX|FILE] [--eventlog FILE] [--trust-anchor FILE] [--option KEY=VALUE]… [--plugins FOLDER] "
     "[--allow-insecure] [--all]",
     "verify one piece of evidence here, without a service; 0 accepted, 1 refused, 2 not decided", true},
    {"collateral", "fetch", cmd_collateral_fetch,
     "[--evidence FILE [--tee NAME] | --tee tdx|sgx --fmspc HEX | --chip-id HEX --product NAME --tcb BL-TEE-SNP-UCODE] "
     "[--directory FOLDER | --config INI] [--trust-anchor FILE] [--plugins FOLDER]",
     "bring into the folder what evidence, a platform or a chip takes; without any, what has expired in it", true},
    {"collateral", "list", cmd_collateral_list, "[--directory FOLDER | --config INI] [--kind KIND] [--all]",
     "what lies in the service's folder of collateral, and when it expires", true},
    {"collateral", "export", cmd_collateral_export,
     "FILE|- [--directory FOLDER | --config INI] [--kind KIND] [--key KEY]",
     "write it into one file, to carry it across an air gap", true},
    {"collateral", "import", cmd_collateral_import,
     "FILE|FOLDER… [--directory FOLDER | --config INI] [--trust-anchor FILE] [--plugins FOLDER]",
     "judge collateral of any known form and keep what is genuine and no older than what is there", true},
    {"collateral", "verify", cmd_collateral_verify,
     "[--directory FOLDER | --config INI] [--at TIME] [--trust-anchor FILE] [--plugins FOLDER]",
     "judge everything in the folder; 0 when all of it is whole, genuine and in force", true},
    {"convert-config", NULL, cmd_convert_config, "FILE [--plugins FOLDER]",
     "print upstream's configuration (TOML or JSON) as our INI, and say what it leaves out", true},
    {"measure", "snp", cmd_measure_snp,
     "--firmware FILE --vcpu-type MODEL | --vcpu-signature N [--vcpus N] [--guest-features N] "
     "[--kernel FILE [--initrd FILE] [--command-line TEXT]]",
     "the launch digest of an SEV-SNP guest of these parts, as a file for reference-value set", true},
    {"measure", "tdx", cmd_measure_tdx,
     "--firmware FILE [--two-passes] [--kernel FILE [--initrd FILE] [--command-line TEXT] [--memory SIZE] "
     "[--kernel-header patched|as-is] [--separator-before]]",
     "MRTD, and RTMR 1 and 2 with a kernel, of a TD of these parts, as a file for reference-value set", true},
    {"plugin", "new", cmd_plugin_new, "NAME --kind verifier|policy|storage [--directory FOLDER]",
     "write a plugin project of one's own: source, tests, Makefile, README", true},
    {"plugin", "check", cmd_plugin_check,
     "FILE [--option KEY=VALUE]… [--evidence FILE [--report-data HEX] [--at TIME] [--collateral FOLDER|FILE]…] "
     "[--policy FILE] [--seconds N] "
     "[--slow MS] "
     "[--seed N]",
     "try a plugin with hostile inputs in a process of its own, and say what to mend; 0 good, 1 findings", true},
    {"plugin", "show", cmd_plugin_show, "FILE", "what a plugin says of itself: options, reasons, TEEs, SHA-256", true},
    {"plugin", "list", cmd_plugin_list, "[--directory FOLDER]", "the plugins of a folder", true},
    {"completion", NULL, cmd_completion, "bash|zsh|fish", "print a completion script for a shell", true},
    {"man", NULL, cmd_man, "", "print the manual page trusteectl(1)", true},
    {"help", NULL, cmd_help, "", "this list", true},
};
const size_t COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS;

#define HELP_WIDTH 118

/* Words after each other, continued below the first. */
static void print_wrapped(const char *text, int column, FILE *out)
{
    slice rest = slice_text(text), word;
    while (*text && slice_split(&rest, ' ', &word)) {
        if (column + 1 + (int)word.len > HELP_WIDTH)
            column = fprintf(out, "\n         ") - 1;
        column += fprintf(out, " %.*s", SLICE_ARG(word));
    }
}

static void print_command(const struct command *m, FILE *out)
{
    int column = fprintf(out, "  %s%s%s", m->group, m->verb ? " " : "", m->verb ? m->verb : "");
    print_wrapped(m->arguments, column, out);
    fprintf(out, "%s\n      %s\n", *m->arguments ? "" : " ", m->help);
}

int cmd_help(struct cli *c)
{
    (void)c;
    puts("trusteectl " TRUSTEE_VERSION " - the command line of the Trustee service\n\n"
         "  trusteectl [--home DIRECTORY] [--url URL] [--ca FILE] [--json] COMMAND …\n\n"
         "--home is a folder made by init (default: TRUSTEE_HOME, else ./trustee, else /etc/trustee); its "
         "trusteectl.ini\n"
         "says where the service is and which key we sign with.\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        print_command(&COMMANDS[i], stdout);
    puts("\nExit codes: 0 done, 1 refused or failed, 2 wrong use, 3 denied by policy, 4 not found, 5 the service "
         "cannot be\n"
         "reached, 6 no evidence on this machine, 7 attestation refused.");
    return 0;
}

/* Says which command may have been meant. */
static int unknown_command(const struct cli *c)
{
    slice names[64], near;
    size_t groups = 0, verbs = 0;
    const char *group = c->argv[0], *verb = c->argc > 1 ? c->argv[1] : "";
    if (*group == '-')
        return say(EXIT_USAGE, "unknown option '%s', or one without its value; see trusteectl help", group);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(COMMANDS[i].group, group) == 0 && COMMANDS[i].verb)
            names[verbs++] = slice_text(COMMANDS[i].verb);
    if (verbs) {
        near = ini_nearest(slice_text(verb), names, verbs);
        if (near.len)
            return say(EXIT_USAGE, "there is no command '%s %s'; did you mean '%s %.*s'?", group, verb, group,
                       SLICE_ARG(near));
        say(0, "there is no command '%s%s%s', but:", group, *verb ? " " : "", verb);
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            if (strcmp(COMMANDS[i].group, group) == 0)
                print_command(&COMMANDS[i], stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[groups++] = slice_text(COMMANDS[i].group);
    near = ini_nearest(slice_text(group), names, groups);
    if (near.len)
        return say(EXIT_USAGE, "there is no command '%s'; did you mean '%.*s'?", group, SLICE_ARG(near));
    return say(EXIT_USAGE, "there is no command '%s'; see trusteectl help", group);
}

struct home_config {
    slice url, ca, admin_key, role;
};

static const struct bind_option home_options[] = {
    {"url", BIND_TEXT, BIND_AT(struct home_config, url), .fallback = "https://127.0.0.1:8080"},
    {"ca", BIND_PATH, BIND_AT(struct home_config, ca), .help = ""},
    {"admin_key", BIND_PATH, BIND_AT(struct home_config, admin_key), .help = ""},
    {"role", BIND_TEXT, BIND_AT(struct home_config, role), .fallback = "admin"},
};
static const struct bind_table home_table = {"service", NULL, "where the service is", home_options, 4};

static const char *default_home(void)
{
    struct stat st;
    const char *set = getenv("TRUSTEE_HOME");
    if (set && *set)
        return set;
    return stat("trustee/trusteectl.ini", &st) == 0 ? "trustee" : "/etc/trustee";
}

static int read_home(struct cli *c)
{
    char file[4096], error[1024] = "";
    struct ini ini;
    struct stat st;
    struct home_config h;
    struct bind b = {&ini, &c->arena, error, sizeof error};
    snprintf(file, sizeof file, "%s/trusteectl.ini", c->home);
    if (stat(file, &st) != 0) {
        if (!c->url.len)
            return say(EXIT_USAGE,
                       "there is no %s; run `trusteectl init DIRECTORY` first, or say --home DIRECTORY or --url URL",
                       file);
        return 0;
    }
    if (FAILED(ini_read(&c->arena, file, &ini, error, sizeof error)) ||
        FAILED(bind_section(&b, &home_table, NO_SLICE, &h)))
        return say(EXIT_USAGE, "%s", error);
    if (!c->url.len)
        c->url = h.url;
    if (!c->ca.len)
        c->ca = h.ca;
    c->admin_key = h.admin_key;
    c->role = h.role;
    return 0;
}

static const struct command *find_command(struct cli *c)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *m = &COMMANDS[i];
        int words = m->verb ? 2 : 1;
        if (c->argc < words || strcmp(c->argv[0], m->group) != 0 || (m->verb && strcmp(c->argv[1], m->verb) != 0))
            continue;
        c->argc -= words;
        c->argv += words;
        return m;
    }
    return NULL;
}

static int run(struct cli *c)
{
    const char *url = take_option(c, "--url"), *ca = take_option(c, "--ca"), *home = take_option(c, "--home");
    c->url = slice_text(url);
    c->ca = slice_text(ca);
    c->home = home ? home : default_home();
    c->json = take_flag(c, "--json");
    c->role = S("admin");
    if (take_flag(c, "--version")) {
        puts("trusteectl " TRUSTEE_VERSION);
        return 0;
    }
    if (c->argc == 0 || take_flag(c, "--help"))
        return cmd_help(c);
    const struct command *m = find_command(c);
    if (!m)
        return unknown_command(c);
    int code = m->offline ? 0 : read_home(c);
    return code ? code : m->run(c);
}

int main(int argc, char **argv)
{
    struct cli c = {.argc = argc - 1, .argv = argv + 1};
    if (FAILED(arena_map(&c.arena, 64u << 20, ARENA_PLAIN)) || FAILED(arena_map(&c.secret, 16u << 20, ARENA_SECRET)))
        return say(EXIT_FAILURE, "out of memory");
    log_set_level(LOG_ERROR);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = run(&c);
    arena_unmap(&c.secret);
    arena_unmap(&c.arena);
    curl_global_cleanup();
    return code;
}
