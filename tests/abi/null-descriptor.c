/* SPDX-License-Identifier: Apache-2.0 */
/* Has the symbol, and nothing behind it. */
#include <trustee/plugin.h>

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);
const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return NULL;
}
