/* SPDX-License-Identifier: Apache-2.0 */
#include "core/token/issuers.h"

#include <stdio.h>

#include "core/conf/file.h"

#define FILE_SIZE_MAX (1u << 20)
#define PROFILE_ANY S("any")

struct issuer_config {
    slice issuer, audience, profile;
    struct bind_list jwks, certificates, key_pointers;
};

#define AT(member) BIND_AT(struct issuer_config, member)
static const struct bind_option options[] = {
    {"issuer", BIND_TEXT, AT(issuer), .flags = BIND_REQUIRED, .help = "claim iss of its tokens"},
    {"jwks", BIND_PATH, AT(jwks), .flags = BIND_MANY, .help = "JWK set of its keys"},
    {"certificate", BIND_PATH, AT(certificates), .flags = BIND_MANY,
     .help = "PEM certificates that vouch for a key in a token's header (jwk with x5c)"},
    {"audience", BIND_TEXT, AT(audience), .help = "claim aud must be or have it; none: not looked at"},
    {"profile", BIND_TEXT, AT(profile), .fallback = "tag:github.com,2024:confidential-containers/Trustee",
     .help = "claim eat_profile must be it; any: not looked at, for issuers of other kinds of token"},
    {"key_pointer", BIND_TEXT, AT(key_pointers), .flags = BIND_MANY,
     .help = "JSON pointer to the TEE key in its tokens, before the usual ones"},
};
#undef AT
const struct bind_table TOKEN_ISSUER_TABLE = {
    .kind = "token-issuer",
    .name = "NAME",
    .help = "an issuer whose attestation tokens are believed, with the keys that are its",
    .options = options,
    .count = sizeof options / sizeof *options,
};

static result read_files(const struct bind *b, const char *option, const struct bind_list *paths, slice *out)
{
    for (size_t i = 0; i < paths->count; i++)
        TRY(file_read(option, paths->items[i], FILE_SIZE_MAX, false, b->arena, &out[i], b->error, b->error_size));
    return OK;
}

/* All certificates as one text. */
static result read_anchors(const struct bind *b, const struct bind_list *paths, slice *out)
{
    slice *files = arena_array(b->arena, slice, paths->count + 1);
    ENSURE(files, NO_MEMORY);
    TRY(read_files(b, "[token-issuer] certificate", paths, files));
    struct text all = text_begin(b->arena);
    for (size_t i = 0; i < paths->count; i++) {
        text_add(&all, files[i]);
        text_lit(&all, "\n");
    }
    *out = text_end(&all);
    return out->ptr || !paths->count ? OK : FAIL(NO_MEMORY);
}

static result read_one(const struct bind *b, const struct ini_section *s, struct trust_issuer *out)
{
    struct issuer_config c = {0};
    TRY(bind_section(b, &TOKEN_ISSUER_TABLE, s->name, &c));
    slice *jwks = arena_array(b->arena, slice, c.jwks.count + 1);
    ENSURE(jwks, NO_MEMORY);
    *out = (struct trust_issuer){.issuer = c.issuer,
                                 .audience = c.audience,
                                 .profile = slice_equal(c.profile, PROFILE_ANY) ? NO_SLICE : c.profile,
                                 .jwks = jwks,
                                 .jwks_count = c.jwks.count,
                                 .key_pointers = c.key_pointers.items,
                                 .key_pointer_count = c.key_pointers.count};
    TRY(read_files(b, "[token-issuer] jwks", &c.jwks, jwks));
    return read_anchors(b, &c.certificates, &out->anchors_pem);
}

result token_issuers_read(const struct bind *b, const struct trust_issuer **issuers, size_t *count)
{
    struct trust_issuer *all = arena_array(b->arena, struct trust_issuer, TOKEN_ISSUERS_MAX);
    ENSURE(all, NO_MEMORY);
    *issuers = all;
    *count = 0;
    for (const struct ini_section *s = b->ini->sections; s; s = s->next) {
        if (!slice_equal(s->kind, S("token-issuer")))
            continue;
        if (!s->name.len || *count == TOKEN_ISSUERS_MAX) {
            ini_error(b->ini, s->line, s->column, b->error, b->error_size,
                      s->name.len ? "more than %d sections of this kind" : "an issuer has a name: [token-issuer NAME]",
                      TOKEN_ISSUERS_MAX);
            return FAIL(CONFIG_VALUE);
        }
        TRY(read_one(b, s, &all[(*count)++]));
    }
    return OK;
}
