/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sgx/sgx.h"

/* A field of the body by offset and size, for the numbers that are read otherwise. */
#define MISC_SELECT 16, 4
#define PRODUCT_ID 256, 2
#define SECURITY_VERSION 258, 2
#define CONFIG_VERSION 260, 2

static void put_header(const trustee_host *host, trustee_writer *w, const struct dcap_quote *q)
{
    host->put_object(w, S("header"));
    host->put_hex(w, S("version"), slice_sub(q->header, 0, 2));
    host->put_hex(w, S("att_key_type"), slice_sub(q->header, 2, 2));
    host->put_hex(w, S("att_key_data_0"), slice_sub(q->header, 4, 4));
    host->put_hex(w, S("qe_svn"), slice_sub(q->header_4, 0, 2));
    host->put_hex(w, S("pce_svn"), slice_sub(q->header_4, 2, 2));
    host->put_hex(w, S("vendor_id"), q->vendor_id);
    host->put_hex(w, S("user_data"), q->user_data);
    host->put_end(w);
}

void sgx_put_quote(const trustee_host *host, trustee_writer *w, const struct dcap_quote *q)
{
    const struct enclave_report *e = &q->enclave;
    const struct {
        slice name, bytes;
    } fields[] = {
        {S("cpu_svn"), e->cpu_svn},
        {S("misc_select"), slice_sub(q->body, MISC_SELECT)},
        {S("reserved1"), e->reserved1},
        {S("isv_ext_prod_id"), e->isv_ext_prod_id},
        {S("attributes.flags"), slice_sub(e->attributes, 0, 8)},
        {S("attributes.xfrm"), slice_sub(e->attributes, 8, 8)},
        {S("mr_enclave"), e->mr_enclave},
        {S("reserved2"), e->reserved2},
        {S("mr_signer"), e->mr_signer},
        {S("reserved3"), e->reserved3},
        {S("config_id"), e->config_id},
        {S("isv_prod_id"), slice_sub(q->body, PRODUCT_ID)},
        {S("isv_svn"), slice_sub(q->body, SECURITY_VERSION)},
        {S("config_svn"), slice_sub(q->body, CONFIG_VERSION)},
        {S("reserved4"), e->reserved4},
        {S("isv_family_id"), e->isv_family_id},
        {S("report_data"), e->report_data},
    };
    put_header(host, w, q);
    host->put_object(w, S("body"));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        host->put_hex(w, fields[i].name, fields[i].bytes);
    host->put_end(w);
}
