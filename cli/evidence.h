/* SPDX-License-Identifier: Apache-2.0
 *
 * One piece of evidence as it lies in a file: JSON as in the protocol, or a bare quote or report.
 */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include "cli/verifiers.h"

#define EVIDENCE_MAX ((size_t)16 << 20)

struct evidence {
    slice tee;         /* as it was said, or as its shape tells */
    const json *value; /* in the form of the protocol */
    slice field;       /* its own report data; empty where its place is not known here */
    bool bare;         /* it was no JSON */
};
struct evidence_in {
    const char *file, *tee, *eventlog; /* tee "auto"; eventlog NULL: none */
    const struct sources *sources;     /* a VLEK's certificate may lie in a file among them */
};
/* 0, or an exit code after saying why. Everything lives in `a`. */
int evidence_read(struct cli *c, struct arena *a, const struct evidence_in *in, struct evidence *out);

#endif
