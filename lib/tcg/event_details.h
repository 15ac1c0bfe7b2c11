/* SPDX-License-Identifier: Apache-2.0
 *
 * What the data of an event says, by its type (TCG PC Client Platform Firmware Profile 1.06, sections 10.2 and 10.4),
 * and what the event's digest has to cover before that may be told.
 */
#ifndef LIB_TCG_EVENT_DETAILS_H
#define LIB_TCG_EVENT_DETAILS_H

#include "lib/base/arena.h"
#include "lib/tcg/eventlog.h"

#define AAEL_SIZE_MAX (64u << 10) /* bytes of one line */

enum details_form {
    DETAILS_NONE,
    DETAILS_TEXT,     /* string */
    DETAILS_HEX,      /* string, of the data in hex */
    DETAILS_VARIABLE, /* variable_name, unicode_name, variable_data and lengths */
    DETAILS_PATH,     /* device_paths */
    DETAILS_AAEL,     /* string, unicode_name, data */
};

struct event_details {
    enum details_form form;
    /* The data only names what was measured: the digest is over something that is not in the log, an image or a table.
     * Otherwise the digest has to be over the data or over `part` (ptr NULL: there is none) or, where `more` is set,
     * over that many bytes more. */
    bool label;
    slice part;
    size_t more;

    slice text;                       /* TEXT, HEX, AAEL; VARIABLE: unicode_name */
    slice guid, name, value;          /* VARIABLE: as they stand there */
    slice path;                       /* PATH: checked */
    slice domain, operation, content; /* AAEL */
};

/* Reads the data of an event; texts that are not as they stand there are made in `scratch`, which takes twice the data
 * and 128 bytes more. EVENTLOG_DATA, NO_MEMORY. */
MUST_CHECK result event_details(struct arena *scratch, const struct event *e, struct event_details *out);

#endif
