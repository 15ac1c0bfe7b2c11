/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/postgres/postgres.h"

/* A value that is too large to be handed over is not fetched: NULL stands in its place. */
#define TABLE(name)                                                                                             \
    {                                                                                                           \
        .space = TRUSTEE_TEXT(#name),                                                                           \
        .get = "SELECT CASE WHEN octet_length(value) <= 16777216 THEN value END FROM " #name " WHERE key = $1", \
        .put = "INSERT INTO " #name " (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = "    \
               "EXCLUDED.value",                                                                                \
        .put_new = "INSERT INTO " #name " (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",           \
        .del = "DELETE FROM " #name " WHERE key = $1",                                                          \
        .list = "SELECT key, octet_length(value)::bigint FROM " #name " WHERE starts_with(key, $1)",            \
        .create = "CREATE TABLE IF NOT EXISTS " #name " (key TEXT PRIMARY KEY, value BYTEA NOT NULL)",          \
    }

static const struct postgres_statements tables[] = {
    TABLE(repository),
    TABLE(kbs),
    TABLE(attestation_service_policy),
    TABLE(reference_value),
};

#define COUNT (sizeof tables / sizeof *tables)

const char *const postgres_has_tables =
    "SELECT (to_regclass('repository') IS NOT NULL AND to_regclass('kbs') IS NOT NULL AND "
    "to_regclass('attestation_service_policy') IS NOT NULL AND to_regclass('reference_value') IS NOT NULL)::text";

/* What was confirmed is on disk, whatever the role's default is; a setting that is stricter stays. */
const char *const postgres_settle =
    "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false), "
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
    "ELSE current_setting('synchronous_commit') END, false)";

const struct postgres_statements *postgres_statements_nth(size_t n)
{
    return n < COUNT ? &tables[n] : NULL;
}

const struct postgres_statements *postgres_statements(slice space)
{
    for (size_t i = 0; i < COUNT; i++)
        if (slice_equal(tables[i].space, space))
            return &tables[i];
    return NULL;
}
