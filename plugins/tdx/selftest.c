/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tdx/tdx.h"

#include "lib/dcap/selftest.h"

trustee_status tdx_self_test(void *instance)
{
    const struct tdx *tdx = instance;
    return dcap_self_test(&tdx->dcap);
}
