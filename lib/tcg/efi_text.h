/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of UEFI structures as UTF-8, made in an arena.
 */
#ifndef LIB_TCG_EFI_TEXT_H
#define LIB_TCG_EFI_TEXT_H

#include "lib/base/arena.h"

#define EFI_GUID_SIZE 16

/* UTF-16LE as UTF-8; units that are no character become U+FFFD, and *whole (NULL: nobody asks) is then false. An odd
 * last byte is not read. Takes three bytes of the arena for each unit at most. */
void text_utf16(struct text *t, slice utf16, bool *whole);
/* 00F1275E-5375-43D5-9EB5-DE2ADD4C9932: the first three fields as numbers. `guid` has 16 bytes. */
void text_guid(struct text *t, slice guid);
/* 5e27f100-7553-d543-9eb5-de2add4c9932: the bytes in their order, as claims name variables. `guid` has 16 bytes. */
void text_guid_raw(struct text *t, slice guid);
/* 0x1f */
void text_0x(struct text *t, uint64_t number);

#endif
