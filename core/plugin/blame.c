/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/internal.h"

#include <stdarg.h>

result refuse(const struct blame *b, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ini_error(b->ini, b->line, b->column, b->error, b->error_size, "%s", text);
    return FAIL(PLUGIN_LOAD);
}

const char *status_name(trustee_status status)
{
    switch (status) {
    case TRUSTEE_OK:
        return "OK (0)";
    case TRUSTEE_REJECT:
        return "REJECT (1)";
    case TRUSTEE_NEED:
        return "NEED (2)";
    case TRUSTEE_NOT_FOUND:
        return "NOT_FOUND (3)";
    case TRUSTEE_E_INVAL:
        return "E_INVAL (-1)";
    case TRUSTEE_E_NOMEM:
        return "E_NOMEM (-2)";
    case TRUSTEE_E_LIMIT:
        return "E_LIMIT (-3)";
    case TRUSTEE_E_NOTSUP:
        return "E_NOTSUP (-4)";
    case TRUSTEE_E_CONFIG:
        return "E_CONFIG (-5)";
    case TRUSTEE_E_AGAIN:
        return "E_AGAIN (-6)";
    case TRUSTEE_E_INTERNAL:
        return "E_INTERNAL (-7)";
    default:
        return "a status that the ABI does not have";
    }
}
