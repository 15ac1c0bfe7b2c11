/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes evidence and collateral under roots of its own, for tests without the vendors' hardware.
 *
 *     forge dcap --out DIR [--keys DIR] [--version 3|4|5] [--body sgx|tdx10|tdx15] [--case NAME] [--at UNIX-SECONDS]
 *                [--report-data HEX] [--init-data HEX] [--rtmr0 HEX] … [--mrtd HEX] [--td-attributes HEX] [--fmspc HEX]
 *                [--eventlog FILE] [--serve]
 *     forge dcap --list-cases
 *
 *     forge eventlog --out DIR [--firmware TEXT] [--kernel TEXT] [--command-line TEXT] [--initrd TEXT] [--secure-boot]
 *                [--agent-line TEXT]
 *
 * eventlog: DIR gets eventlog.bin, and rtmr0 to rtmr3 in hexadecimal digits. The texts stand for what is measured.
 *
 * dcap: DIR gets root.pem and root.der (the anchor to trust), quote.bin, evidence.json, collateral.json (all in one),
 * and what Intel's service answers with the chains beside it: tcb_info.json, qe_identity.json, tcb_chain.pem,
 * pck_chain.pem, pck.der, pck.pem, pck_crl.der, pck_crl_chain.pem, root_crl.der; fmspc and ca (platform, processor) are
 * texts. With --keys the keys are kept there, so that later calls are of the same vendor and platform. With --serve the
 * program then answers each line "REPORT-DATA-HEX [INIT-DATA-HEX]" of its input with one line of evidence from the
 * same platform, until the input ends.
 */
#include <stdio.h>

#include "tests/support/forge_command.h"

static const struct {
    const char *name;
    int (*run)(struct forge_command *);
} kinds[] = {{"dcap", forge_command_dcap}, {"eventlog", forge_command_eventlog}};

static int usage(void)
{
    fprintf(stderr, "usage: forge KIND --out DIR [--NAME VALUE]...; kinds:");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        fprintf(stderr, " %s", kinds[i].name);
    fprintf(stderr, "; see the head of tests/support/forge.c\n");
    return 2;
}

static bool take(struct forge_command *c, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0 || c->count == FORGE_OPTIONS_MAX)
            return false;
        struct forge_option *o = &c->options[c->count++];
        *o = (struct forge_option){argv[i] + 2, ""};
        if (i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
            o->value = argv[++i];
    }
    return true;
}

int main(int argc, char **argv)
{
    struct forge_command c = {0};
    if (argc < 2 || !take(&c, argc - 2, argv + 2))
        return usage();
    forge_must(!FAILED(arena_map(&c.arena, 256u << 20, ARENA_PLAIN)), "memory");
    c.out = command_text(&c, "out", ".");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return kinds[i].run(&c);
    return usage();
}
