/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/failure.h"

#include <stdarg.h>
#include <stdio.h>

result failure_set(struct failure *f, enum reason why, const char *step, const char *format, ...)
{
    va_list args;
    f->step = step;
    va_start(args, format);
    int n = vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    if (n < 0)
        f->text[0] = 0;
    for (char *c = f->text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
    return FAIL((uint16_t)why);
}

unsigned failure_status(enum reason why)
{
    if (why == NO_MEMORY || why == HTTP_BUSY)
        return 503;
    switch (reason_class(why)) {
    case CLASS_PROTOCOL:
        return 400;
    case CLASS_POLICY:
        return 403;
    case CLASS_NOT_FOUND:
        return 404;
    case CLASS_INTERNAL:
        return 500;
    default:
        return 502;
    }
}

int failure_exit_code(enum reason why)
{
    switch ((int)why) {
    case REASON_OK:
        return 0;
    case AGENT_CONFIG:
    case AGENT_REQUEST:
        return 2;
    case AGENT_DENIED:
        return 3;
    case AGENT_NOT_FOUND:
        return 4;
    case AGENT_UNREACHABLE:
    case AGENT_TLS:
    case AGENT_BUSY:
    case AGENT_SERVICE:
    case AGENT_ANSWER:
        return 5;
    case AGENT_EVIDENCE:
        return 6;
    case AGENT_REFUSED:
        return 7;
    default:
        return 1;
    }
}
