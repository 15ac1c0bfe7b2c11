/* SPDX-License-Identifier: Apache-2.0
 *
 * forge eventlog: see forge.c.
 */
#include <stdio.h>

#include "tests/support/forge_command.h"
#include "tests/support/forge_eventlog.h"

static slice text_option(const struct forge_command *c, const char *name, const char *otherwise)
{
    return slice_text(command_text(c, name, otherwise));
}

int forge_command_eventlog(struct forge_command *c)
{
    const struct forge_boot boot = {
        .firmware = text_option(c, "firmware", "the firmware"),
        .kernel = text_option(c, "kernel", "the kernel"),
        .command_line = text_option(c, "command-line", "console=ttyS0"),
        .initrd = text_option(c, "initrd", "the initrd"),
        .secure_boot = command_text(c, "secure-boot", NULL) != NULL,
    };
    struct forge_log log;
    forge_log_begin(&log, (uint16_t[]){TPM_ALG_SHA384}, 1);
    forge_guest(&log, &boot);
    const char *line = command_text(c, "agent-line", NULL);
    if (line)
        forge_agent_line(&log, 4, line);
    forge_must(!log.failed, "the log");
    command_write(c, "eventlog.bin", forge_log_bytes(&log));
    for (uint32_t i = 0; i < 4; i++) {
        char name[] = "rtmr0";
        name[4] = (char)('0' + i);
        command_write(c, name, forge_hex(&c->arena, forge_log_register(&log, i + 1), false));
    }
    forge_log_end(&log);
    return 0;
}
