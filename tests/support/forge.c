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
 *     forge snp --out DIR [--keys DIR] [--generation Milan|Genoa|Turin] [--report-version 2..5] [--case NAME]
 *                [--report-data HEX] [--init-data HEX] [--measurement HEX] [--policy N] [--vmpl N] [--raw]
 *                [--serve]
 *     forge snp --list-cases
 *
 * eventlog: DIR gets eventlog.bin, and rtmr0 to rtmr3 in hexadecimal digits. The texts stand for what is measured.
 *
 * dcap: DIR gets root.pem and root.der (the anchor to trust), quote.bin, evidence.json, collateral.json (all in one),
 * and what Intel's service answers with the chains beside it: tcb_info.json, qe_identity.json, tcb_chain.pem,
 * pck_chain.pem, pck.der, pck.pem, pck_crl.der, pck_crl_chain.pem, root_crl.der; fmspc and ca (platform, processor) are
 * texts. With --keys the keys are kept there, so that later calls are of the same vendor and platform. With --serve the
 * program then answers each line "--NAME VALUE ..." (or "REPORT-DATA-HEX") of its input with one line of evidence from
 * the same platform, by these options before those of the command line, until the input ends.
 *
 * snp: DIR gets root.pem (ASK, ARK, ASVK: what to trust), report.bin, evidence.json, vcek.der, and for KDS chain.pem,
 * crl.der and the texts product, chip_id, tcb ("blSPL=4&...").
 */
#include <stdio.h>

#include "tests/support/forge_command.h"

static const struct {
    const char *name;
    int (*run)(struct forge_command *);
} kinds[] = {{"dcap", forge_command_dcap}, {"eventlog", forge_command_eventlog}, {"snp", forge_command_snp}};

static int usage(void)
{
    fprintf(stderr, "usage: forge KIND --out DIR [--NAME VALUE]...; kinds:");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        fprintf(stderr, " %s", kinds[i].name);
    fprintf(stderr, "; see the head of tests/support/forge.c\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct forge_command c = {0};
    if (argc < 2 || !command_take(&c, argv + 2, argc - 2))
        return usage();
    forge_must(!FAILED(arena_map(&c.arena, 256u << 20, ARENA_PLAIN)), "memory");
    c.out = command_text(&c, "out", ".");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return kinds[i].run(&c);
    return usage();
}
