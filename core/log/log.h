/* SPDX-License-Identifier: Apache-2.0
 *
 * One event, one line, on standard error: time, level, module, text. Control characters are escaped. Nothing secret is
 * ever handed to a log function: no secret, token, cookie or nonce.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "lib/base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
bool log_level_parse(slice name, enum log_level *out); /* debug, info, warn, error */
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *module, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define log_debug(module, ...) (log_enabled(LOG_DEBUG) ? log_write(LOG_DEBUG, module, __VA_ARGS__) : (void)0)
#define log_info(module, ...) log_write(LOG_INFO, module, __VA_ARGS__)
#define log_warn(module, ...) log_write(LOG_WARN, module, __VA_ARGS__)
#define log_error(module, ...) log_write(LOG_ERROR, module, __VA_ARGS__)

#endif
