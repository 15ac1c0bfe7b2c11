/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses for reasons of somebody else. */
#define PLUGIN_NAME "foreign-reason"
#define REASON_ID "tdx.bad"
#include "template.h"
