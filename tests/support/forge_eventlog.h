/* SPDX-License-Identifier: Apache-2.0
 *
 * Measurement logs for tests, right or wrong in any field: written from the specification, apart from the parser they
 * test.
 *
 *     struct forge_log l;
 *     forge_log_begin(&l, (uint16_t[]){TPM_ALG_SHA384}, 1);
 *     forge_guest(&l);                                   a boot of OVMF with a kernel
 *     forge_agent_line(&l, 4, "example.org start now");
 *     forge_log_bytes(&l); forge_log_register(&l, 1, rtmr0);
 *     forge_log_end(&l);
 */
#ifndef TESTS_FORGE_EVENTLOG_H
#define TESTS_FORGE_EVENTLOG_H

#include "lib/tcg/eventlog.h"

struct forge_log {
    uint8_t *bytes;
    size_t size, room;
    uint16_t algorithms[EVENT_DIGESTS_MAX];
    size_t algorithm_count;
    uint8_t registers[EVENTLOG_REGISTERS][EVENT_DIGEST_MAX]; /* of the first algorithm */
    size_t last;                                             /* where the last event begins */
    bool failed;                                             /* no memory, or no such algorithm */
};

/* Writes the header. No algorithms: nothing is written, and the caller makes a header of its own. */
void forge_log_begin(struct forge_log *l, const uint16_t *algorithms, size_t count);
void forge_log_end(struct forge_log *l);
slice forge_log_bytes(const struct forge_log *l); /* as long as nothing is added */
/* What the register holds that the log was written for. */
slice forge_log_register(const struct forge_log *l, uint32_t index);

/* Raw fields, little-endian. */
void forge_bytes(struct forge_log *l, slice bytes);
void forge_number(struct forge_log *l, uint64_t number, size_t width);
/* The header event with any data. */
void forge_header(struct forge_log *l, uint32_t type, slice data);

/* An event whose digests are those of `measured`, which the registers are extended with. */
void forge_event(struct forge_log *l, uint32_t index, uint32_t type, slice measured, slice data);
/* The same where the data is what is measured. */
void forge_plain(struct forge_log *l, uint32_t index, uint32_t type, slice data);
/* UEFI_VARIABLE_DATA under the EFI global variable GUID; the digest is over the value alone where `value_only`. */
void forge_variable(struct forge_log *l, uint32_t index, uint32_t type, const char *name, slice value, bool value_only);
/* EV_EFI_BOOT_SERVICES_APPLICATION of one file; `measured` stands for the image. */
void forge_application(struct forge_log *l, uint32_t index, const char *file, slice measured);
/* EV_EVENT_TAG; the digest is of `measured`. */
void forge_tag(struct forge_log *l, uint32_t index, uint32_t id, slice text, slice measured);
/* A line of the attestation agent. */
void forge_agent_line(struct forge_log *l, uint32_t index, const char *line);

/* What OVMF and a kernel's EFI stub measure in a TD: firmware, secure boot variables, boot order, kernel, command line,
 * initrd, separators and the end of the boot services. */
struct forge_boot {
    slice firmware, kernel, command_line, initrd;
    bool secure_boot;
};
void forge_guest(struct forge_log *l, const struct forge_boot *boot);

#endif
