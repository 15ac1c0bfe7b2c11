/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteectl completion and man: shells and readers get what the table of commands says, and nothing else.
 */
#include "cli/cli.h"

static const char *const GLOBAL = "--home --url --ca --json --version --help";

/* The next "--option" of a command's arguments. */
static bool next_option(slice *rest, slice *option)
{
    while (rest->len) {
        size_t n = 0;
        if (rest->len > 2 && slice_starts(*rest, S("--"))) {
            while (n < rest->len && slice_is_name(slice_sub(*rest, n, 1), "-"))
                n++;
            *option = slice_sub(*rest, 0, n);
        }
        *rest = slice_sub(*rest, n ? n : 1, rest->len);
        if (n > 2)
            return true;
    }
    return false;
}

static void print_options(const struct command *m)
{
    slice rest = slice_text(m->arguments), option;
    while (next_option(&rest, &option))
        printf(" %.*s", SLICE_ARG(option));
}

static bool is_first_of_group(size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(COMMANDS[i].group, COMMANDS[n].group) == 0)
            return false;
    return true;
}

static void print_groups(void)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (is_first_of_group(i))
            printf(" %s", COMMANDS[i].group);
}

/* --- bash and zsh ------------------------------------------------------------------------------------------------- */

/* One `case` arm a command, and one a group with verbs: what may follow it. */
static void print_arms(void)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *m = &COMMANDS[i];
        printf("        '%s %s') list=\"%s", m->group, m->verb ? m->verb : "", GLOBAL);
        print_options(m);
        puts("\" ;;");
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!COMMANDS[i].verb || !is_first_of_group(i))
            continue;
        printf("        '%s') list=\"", COMMANDS[i].group);
        for (size_t k = i; k < COMMAND_COUNT; k++)
            if (COMMANDS[k].verb && strcmp(COMMANDS[k].group, COMMANDS[i].group) == 0)
                printf("%s ", COMMANDS[k].verb);
        puts("\" ;;");
    }
}

static void print_lookup(void)
{
    puts("_trusteectl_list() {\n"
         "    # $1: the command's words so far\n"
         "    local list\n"
         "    case \"$1\" in");
    print_arms();
    printf("        *) list=\"%s", GLOBAL);
    print_groups();
    puts("\" ;;\n"
         "    esac\n"
         "    printf '%s' \"$list\"\n"
         "}\n");
    puts("# The group, and the verb where the group has any, without the options before and between.\n"
         "_trusteectl_words() {\n"
         "    local word group='' verb=''\n"
         "    while [ $# -gt 0 ]; do\n"
         "        word=$1\n"
         "        shift\n"
         "        case \"$word\" in\n"
         "            --home|--url|--ca) [ $# -gt 0 ] && shift ;;\n"
         "            -*) ;;\n"
         "            *) if [ -z \"$group\" ]; then group=$word; else verb=$word; break; fi ;;\n"
         "        esac\n"
         "    done\n"
         "    [ -z \"$group\" ] && return");
    printf("    case \"$group\" in\n        ");
    for (size_t i = 0, n = 0; i < COMMAND_COUNT; i++)
        if (!COMMANDS[i].verb)
            printf("%s%s", n++ ? "|" : "", COMMANDS[i].group);
    puts(") printf '%s ' \"$group\" ;;\n"
         "        *) printf '%s%s' \"$group\" \"${verb:+ $verb}\" ;;\n"
         "    esac\n"
         "}\n");
}

static void print_bash(void)
{
    puts("# Completion of trusteectl for bash: source <(trusteectl completion bash)\n");
    print_lookup();
    puts("_trusteectl() {\n"
         "    local current=${COMP_WORDS[COMP_CWORD]}\n"
         "    local words list\n"
         "    words=$(_trusteectl_words \"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
         "    list=$(_trusteectl_list \"$words\")\n"
         "    COMPREPLY=($(compgen -W \"$list\" -- \"$current\"))\n"
         "    # a whole command takes files, too\n"
         "    case \"$words/$current\" in */-*) ;; *' '*) COMPREPLY+=($(compgen -f -- \"$current\")) ;; esac\n"
         "}\n"
         "complete -o filenames -F _trusteectl trusteectl");
}

static void print_zsh(void)
{
    puts("#compdef trusteectl\n"
         "# Completion of trusteectl for zsh: trusteectl completion zsh >a folder of $fpath/_trusteectl\n");
    print_lookup();
    puts("_trusteectl() {\n"
         "    local words_before list\n"
         "    words_before=$(_trusteectl_words \"${(@)words[2,CURRENT-1]}\")\n"
         "    list=$(_trusteectl_list \"$words_before\")\n"
         "    compadd -- ${=list}\n"
         "    [[ $words_before == *' '* && $PREFIX != -* ]] && _files\n"
         "}\n"
         "compdef _trusteectl trusteectl");
}

/* --- fish --------------------------------------------------------------------------------------------------------- */

static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar(*text);
    putchar('\'');
}

static void print_fish_options(const struct command *m)
{
    slice rest = slice_text(m->arguments), option;
    while (next_option(&rest, &option)) {
        printf("complete -c trusteectl -n '__fish_seen_subcommand_from %s", m->group);
        if (m->verb)
            printf("; and __fish_seen_subcommand_from %s", m->verb);
        printf("' -l %.*s\n", (int)option.len - 2, (const char *)option.ptr + 2);
    }
}

static void print_fish(void)
{
    puts("# Completion of trusteectl for fish: trusteectl completion fish | source");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *m = &COMMANDS[i];
        if (is_first_of_group(i)) {
            printf("complete -c trusteectl -n __fish_use_subcommand -f -a %s -d ", m->group);
            print_quoted(m->verb ? m->group : m->help);
            putchar('\n');
        }
        if (m->verb) {
            printf("complete -c trusteectl -n '__fish_seen_subcommand_from %s' -a %s -d ", m->group, m->verb);
            print_quoted(m->help);
            putchar('\n');
        }
        print_fish_options(m);
    }
    puts("complete -c trusteectl -l home -r\ncomplete -c trusteectl -l url -x\ncomplete -c trusteectl -l ca -r\n"
         "complete -c trusteectl -l json");
}

int cmd_completion(struct cli *c)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; c->argc == 1 && i < sizeof shells / sizeof *shells; i++)
        if (strcmp(c->argv[0], shells[i].shell) == 0) {
            shells[i].print();
            return 0;
        }
    return say(EXIT_USAGE, "completion takes the name of a shell: bash, zsh or fish");
}

/* --- the manual ----------------------------------------------------------------------------------------------------
 */

/* A dash is a minus to troff, and a line must not begin with a point. */
static void print_roff(const char *text)
{
    for (; *text; text++)
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
}

int cmd_man(struct cli *c)
{
    if (c->argc)
        return say(EXIT_USAGE, "man takes no arguments");
    puts(
        ".TH TRUSTEECTL 1 \"\" \"trusteectl " TRUSTEE_VERSION "\"\n"
        ".SH NAME\ntrusteectl \\- the command line of the Trustee service\n"
        ".SH SYNOPSIS\n.B trusteectl\n[\\-\\-home DIRECTORY] [\\-\\-url URL] [\\-\\-ca FILE] [\\-\\-json] COMMAND ...\n"
        ".SH DESCRIPTION\n\\-\\-home is a folder made by init (default: TRUSTEE_HOME, else ./trustee, else "
        "/etc/trustee); its trusteectl.ini says where the service is and which key we sign with.\n.SH COMMANDS");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *m = &COMMANDS[i];
        printf(".TP\n\\fB");
        print_roff(m->group);
        if (m->verb) {
            putchar(' ');
            print_roff(m->verb);
        }
        fputs("\\fR ", stdout);
        print_roff(m->arguments);
        putchar('\n');
        print_roff(m->help);
        puts(".");
    }
    puts(".SH EXIT STATUS\n0 done, 1 refused or failed, 2 wrong use, 3 denied by policy, 4 not found, 5 the service "
         "cannot "
         "be reached, 6 no evidence on this machine, 7 attestation refused. verify: 0 accepted, 1 refused, 2 not "
         "decided.\n"
         ".SH SEE ALSO\n.BR trusteed (8),\n.BR trusteed.ini (5)");
    return 0;
}
