/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier table that ends before verify. */
#define PLUGIN_NAME "short-verifier"
#define VERIFIER_SIZE offsetof(trustee_verifier, verify)
#include "template.h"
