/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sgx/sgx.h"

#include "lib/dcap/selftest.h"

trustee_status sgx_self_test(void *instance)
{
    const struct sgx *sgx = instance;
    return dcap_self_test(&sgx->dcap);
}
