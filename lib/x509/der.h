/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading DER (X.690) as one reads the format: every read checks tag and length first; after the first failure all
 * further reads of the same cursor fail too. Lengths must be minimal and of at most four octets.
 */
#ifndef LIB_X509_DER_H
#define LIB_X509_DER_H

#include "lib/base/bytes.h"

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL 0x05
#define DER_OID 0x06
#define DER_ENUMERATED 0x0a
#define DER_UTF8_STRING 0x0c
#define DER_PRINTABLE_STRING 0x13
#define DER_IA5_STRING 0x16
#define DER_UTC_TIME 0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_CONTEXT(n) (0xa0 | (n))           /* constructed */
#define DER_CONTEXT_PRIMITIVE(n) (0x80 | (n)) /* primitive */

/* The next element, which must have this tag; *content is without tag and length. */
bool der_read(struct reader *r, uint8_t tag, slice *content);
/* The same, with tag and length in *whole; either may be NULL. */
bool der_read_whole(struct reader *r, uint8_t tag, slice *whole, slice *content);
/* Whether the next element has this tag; false at the end. Does not fail the cursor. */
bool der_next_is(const struct reader *r, uint8_t tag);
/* Steps over one element of any tag. */
bool der_skip(struct reader *r);
/* INTEGER that is not negative: minimal encoding; content without the leading zero octet, save that zero is one. */
bool der_read_unsigned(struct reader *r, slice *content);
bool der_read_u64(struct reader *r, uint64_t *out);
bool der_read_boolean(struct reader *r, bool *out); /* 0x00 or 0xff only */
/* BIT STRING without unused bits. */
bool der_read_bits(struct reader *r, slice *content);
/* UTCTime or GeneralizedTime as RFC 5280, 4.1.2.5 has them, to Unix seconds. Years before 2050 are taken in either. */
bool der_read_time(struct reader *r, int64_t *out);

#endif
