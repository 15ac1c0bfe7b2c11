/* SPDX-License-Identifier: Apache-2.0 */
/* A thread model of another time. */
#define PLUGIN_NAME "unknown-threads"
#define THREADS 7
#include "template.h"
