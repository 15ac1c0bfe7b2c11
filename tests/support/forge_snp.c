/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/forge_snp.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "tests/support/test_pki.h"

#define must(condition, what) forge_must((condition) != 0, what)
#define AMD "1.3.6.1.4.1.3704.1."
#define YEAR (365 * TEST_DAY)

/* --- certificates --------------------------------------------------------------------------------------------------
 */

static X509_NAME *name_of(const char *common_name)
{
    static const char *const parts[][2] = {
        {"OU", "Engineering"}, {"C", "US"}, {"L", "Santa Clara"}, {"ST", "CA"}, {"O", "Advanced Micro Devices"}};
    X509_NAME *name = X509_NAME_new();
    must(name, "a name");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        must(X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_UTF8, (const uint8_t *)parts[i][1], -1, -1, 0),
             "a name");
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1, -1, 0), "a name");
    return name;
}

static void add_extension(X509 *x, const char *oid, bool critical, slice value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    must(object && content && ASN1_OCTET_STRING_set(content, value.ptr, (int)value.len), "an extension");
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, content);
    must(extension && X509_add_ext(x, extension, -1), "an extension");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(object);
}

static void add_named(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    must(extension && X509_add_ext(x, extension, -1), "an extension");
    X509_EXTENSION_free(extension);
}

/* RSASSA-PSS with SHA-384 and 48 bytes of salt, as AMD signs, or PKCS #1 v1.5. */
static EVP_MD_CTX *signer(EVP_PKEY *key, bool pkcs1)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    must(context && EVP_DigestSignInit(context, &parameters, EVP_sha384(), NULL, key), "signing");
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || pkcs1)
        return context;
    must(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48) > 0 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, EVP_sha384()) > 0,
         "PSS");
    return context;
}

static slice der_of(struct arena *a, uint8_t *bytes, int length, bool bad_signature)
{
    must(length > 0, "encoding");
    if (bad_signature)
        bytes[length - 9] ^= 1;
    slice copy = arena_copy(a, slice_of(bytes, (size_t)length));
    must(copy.ptr, "memory");
    OPENSSL_free(bytes);
    return copy;
}

static X509 *certificate(const char *subject, const char *issuer, uint64_t serial, EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *own = name_of(subject), *above = name_of(issuer);
    must(x && X509_set_version(x, X509_VERSION_3) && X509_set_subject_name(x, own) && X509_set_issuer_name(x, above) &&
             ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial) && X509_set_pubkey(x, key),
         "a certificate");
    X509_NAME_free(own);
    X509_NAME_free(above);
    return x;
}

static void set_times(X509 *x, int64_t not_before, int64_t not_after)
{
    must(ASN1_TIME_set(X509_getm_notBefore(x), not_before) && ASN1_TIME_set(X509_getm_notAfter(x), not_after),
         "a time");
}

static slice finish(struct arena *a, X509 *x, EVP_PKEY *issuer_key, bool pkcs1, bool bad_signature)
{
    EVP_MD_CTX *context = signer(issuer_key, pkcs1);
    uint8_t *bytes = NULL;
    must(X509_sign_ctx(x, context) > 0, "signing a certificate");
    int length = i2d_X509(x, &bytes);
    EVP_MD_CTX_free(context);
    X509_free(x);
    return der_of(a, bytes, length, bad_signature);
}

slice forge_ca_issue(struct arena *a, const struct forge_ca *c, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    X509 *x = certificate(c->subject, c->issuer, c->serial, key);
    set_times(x, c->not_before, c->not_after);
    add_named(x, NID_basic_constraints, c->constraints ? c->constraints : "critical,CA:TRUE,pathlen:0");
    add_named(x, NID_key_usage, c->usage ? c->usage : "critical,keyCertSign");
    return finish(a, x, issuer_key, false, false);
}

/* --- AMD -----------------------------------------------------------------------------------------------------------
 */

static EVP_PKEY *ca_key(const char *folder, const char *name, int bits)
{
    char path[4096];
    FILE *file = NULL;
    if (folder) {
        must(snprintf(path, sizeof path, "%s/%s.pem", folder, name) < (int)sizeof path, "the path of a key");
        file = fopen(path, "r");
    }
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        fclose(file);
    if (key)
        return key;
    key = bits ? EVP_RSA_gen((unsigned)bits) : EVP_EC_gen("P-384");
    must(key, "key generation");
    file = folder ? fopen(path, "w") : NULL;
    must(!folder || (file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) && fclose(file) == 0),
         "writing a key");
    return key;
}

static const char *text_of(struct arena *a, const char *prefix, const char *rest)
{
    slice text = arena_printf(a, "%s%s", prefix, rest);
    must(text.ptr, "memory");
    return (const char *)text.ptr;
}

void forge_amd(struct arena *a, struct forge_amd *amd, const char *generation, int bits, const char *folder)
{
    const char *ark = text_of(a, "ARK-", generation), *ask = text_of(a, "SEV-", generation),
               *asvk = text_of(a, "SEV-VLEK-", generation);
    struct forge_ca c = {.subject = ark,
                         .issuer = ark,
                         .serial = 0x10000,
                         .not_before = TEST_NOW - 5 * YEAR,
                         .not_after = TEST_NOW + 15 * YEAR,
                         .constraints = "critical,CA:TRUE",
                         .usage = "critical,keyCertSign,cRLSign"};
    *amd = (struct forge_amd){.generation = generation, .not_before = c.not_before, .not_after = c.not_after};
    amd->ark = ca_key(folder, ark, bits);
    amd->ask = ca_key(folder, ask, bits);
    amd->asvk = ca_key(folder, asvk, bits);
    amd->ark_der = forge_ca_issue(a, &c, amd->ark, amd->ark);
    c = (struct forge_ca){.issuer = ark, .not_before = c.not_before, .not_after = c.not_after};
    c.subject = ask;
    c.serial = 0x10001;
    amd->ask_der = forge_ca_issue(a, &c, amd->ask, amd->ark);
    c.subject = asvk;
    c.serial = 0x10101;
    amd->asvk_der = forge_ca_issue(a, &c, amd->asvk, amd->ark);
    slice ark_pem = forge_pem(a, amd->ark_der);
    amd->vcek_chain = forge_join(a, forge_pem(a, amd->ask_der), ark_pem);
    amd->vlek_chain = forge_join(a, forge_pem(a, amd->asvk_der), ark_pem);
    amd->pem = forge_join(a, amd->vcek_chain, forge_pem(a, amd->asvk_der));
}

void forge_amd_free(struct forge_amd *amd)
{
    EVP_PKEY_free(amd->ark);
    EVP_PKEY_free(amd->ask);
    EVP_PKEY_free(amd->asvk);
}

/* --- keys of platforms ---------------------------------------------------------------------------------------------
 */

struct forge_vek forge_vek(const struct forge_amd *amd, const struct forge_report *r)
{
    struct forge_vek v = {
        .vlek = (r->key_info >> 2 & 7) == 1,
        .generation = amd->generation,
        .levels = r->reported,
        .not_before = TEST_NOW - 30 * TEST_DAY,
        .not_after = TEST_NOW + 300 * TEST_DAY,
    };
    if (v.vlek) {
        v.provider = "CN=cloud.example";
        return v;
    }
    memcpy(v.chip_id, r->chip_id, sizeof v.chip_id);
    v.chip_id_size = r->turin ? 8 : 64;
    return v;
}

static void add_level(struct arena *a, X509 *x, const struct forge_vek *v, const char *oid, uint8_t level)
{
    uint8_t content[2] = {0, level};
    slice number = forge_der(a, 0x02, level & 0x80 ? slice_of(content, 2) : slice_of(content + 1, 1));
    if (!v->omit || strcmp(v->omit, oid) != 0)
        add_extension(x, oid, false, number);
}

static void add_levels(struct arena *a, X509 *x, const struct forge_vek *v)
{
    add_level(a, x, v, AMD "3.1", v->levels.bootloader);
    add_level(a, x, v, AMD "3.2", v->levels.tee);
    add_level(a, x, v, AMD "3.4", v->reserved && strcmp(v->reserved, AMD "3.4") == 0);
    add_level(a, x, v, AMD "3.5", v->reserved && strcmp(v->reserved, AMD "3.5") == 0);
    add_level(a, x, v, AMD "3.6", v->reserved && strcmp(v->reserved, AMD "3.6") == 0);
    add_level(a, x, v, AMD "3.7", v->reserved && strcmp(v->reserved, AMD "3.7") == 0);
    add_level(a, x, v, AMD "3.3", v->levels.snp);
    add_level(a, x, v, AMD "3.8", v->levels.microcode);
    if (v->levels.fmc >= 0)
        add_level(a, x, v, AMD "3.9", (uint8_t)v->levels.fmc);
}

static void add_identity(struct arena *a, X509 *x, const struct forge_vek *v)
{
    slice chip = slice_of(v->chip_id, v->chip_id_size);
    if (v->chip_id_size)
        add_extension(x, AMD "4", false, v->chip_id_wrapped ? forge_der(a, 0x04, chip) : chip);
    if (v->provider)
        add_extension(x, AMD "5", false, forge_der(a, 0x16, slice_text(v->provider)));
    if (v->critical)
        add_extension(x, v->critical, true, S("\x05\x00"));
    if (v->constraints)
        add_named(x, NID_basic_constraints, v->constraints);
}

slice forge_vek_issue(struct arena *a, const struct forge_amd *amd, const struct forge_vek *v, EVP_PKEY *key)
{
    const char *subject = v->subject ? v->subject : v->vlek ? "SEV-VLEK" : "SEV-VCEK";
    const char *issuer = v->issuer ? v->issuer : text_of(a, v->vlek ? "SEV-VLEK-" : "SEV-", v->generation);
    X509 *x = certificate(subject, issuer, v->serial, key);
    set_times(x, v->not_before, v->not_after);
    add_extension(x, AMD "1", false, S("\x02\x01\x00"));
    if (!v->omit || strcmp(v->omit, AMD "2") != 0)
        add_extension(x, AMD "2", false, forge_der(a, 0x16, slice_text(v->product ? v->product : v->generation)));
    add_levels(a, x, v);
    add_identity(a, x, v);
    EVP_PKEY *issuer_key = v->issuer_key ? v->issuer_key : v->vlek ? amd->asvk : amd->ask;
    return finish(a, x, issuer_key, v->pkcs1, v->bad_signature);
}

/* --- revocation lists ----------------------------------------------------------------------------------------------
 */

static void set_crl_times(X509_CRL *crl, const struct forge_amd_crl *c)
{
    ASN1_TIME *when = ASN1_TIME_set(NULL, c->this_update);
    must(when && X509_CRL_set1_lastUpdate(crl, when), "a time");
    if (c->next_update)
        must(ASN1_TIME_set(when, c->next_update) && X509_CRL_set1_nextUpdate(crl, when), "a time");
    ASN1_TIME_free(when);
}

static void add_revoked(X509_CRL *crl, const struct forge_amd_crl *c)
{
    for (size_t i = 0; i < c->revoked_count; i++) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        ASN1_TIME *when = ASN1_TIME_set(NULL, c->this_update - 1);
        must(entry && serial && when && ASN1_INTEGER_set_uint64(serial, c->revoked[i]) &&
                 X509_REVOKED_set_serialNumber(entry, serial) && X509_REVOKED_set_revocationDate(entry, when) &&
                 X509_CRL_add0_revoked(crl, entry),
             "a revocation");
        ASN1_INTEGER_free(serial);
        ASN1_TIME_free(when);
    }
}

slice forge_amd_revoke(struct arena *a, const struct forge_amd *amd, const struct forge_amd_crl *c)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *issuer = name_of(c->issuer ? c->issuer : text_of(a, "ARK-", amd->generation));
    must(crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) && X509_CRL_set_issuer_name(crl, issuer), "a list");
    X509_NAME_free(issuer);
    set_crl_times(crl, c);
    add_revoked(crl, c);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    must(number && ASN1_INTEGER_set_uint64(number, c->number) &&
             X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0),
         "a list's number");
    ASN1_INTEGER_free(number);
    EVP_MD_CTX *context = signer(c->issuer_key ? c->issuer_key : amd->ark, false);
    uint8_t *bytes = NULL;
    must(X509_CRL_sort(crl) && X509_CRL_sign_ctx(crl, context) > 0, "signing a list");
    int length = i2d_X509_CRL(crl, &bytes);
    EVP_MD_CTX_free(context);
    X509_CRL_free(crl);
    return der_of(a, bytes, length, c->bad_signature);
}
