/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/attester/tpm_key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#define RSA_EXPONENT_DEFAULT 65537 /* what 0 stands for in TPMS_RSA_PARMS */

result tpm_key_scheme(const TPMT_PUBLIC *key, TPMT_SIG_SCHEME *scheme)
{
    *scheme = (TPMT_SIG_SCHEME){.scheme = TPM2_ALG_NULL};
    ENSURE(key->type == TPM2_ALG_RSA || key->type == TPM2_ALG_ECC, AGENT_EVIDENCE);
    bool rsa = key->type == TPM2_ALG_RSA;
    TPM2_ALG_ID own = rsa ? key->parameters.rsaDetail.scheme.scheme : key->parameters.eccDetail.scheme.scheme;
    if (own != TPM2_ALG_NULL)
        return OK;
    scheme->scheme = rsa ? TPM2_ALG_RSASSA : TPM2_ALG_ECDSA;
    scheme->details.any.hashAlg = TPM2_ALG_SHA256;
    return OK;
}

static const char *curve_name(TPMI_ECC_CURVE curve)
{
    return curve == TPM2_ECC_NIST_P256   ? "P-256"
           : curve == TPM2_ECC_NIST_P384 ? "P-384"
           : curve == TPM2_ECC_NIST_P521 ? "P-521"
                                         : NULL;
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params && context && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(const TPMT_PUBLIC *key)
{
    const TPM2B_PUBLIC_KEY_RSA *modulus = &key->unique.rsa;
    uint32_t exponent = key->parameters.rsaDetail.exponent;
    EVP_PKEY *out = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus->buffer, modulus->size, NULL), *e = BN_new();
    if (build && n && e && BN_set_word(e, exponent ? exponent : RSA_EXPONENT_DEFAULT) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        out = key_from("RSA", build);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(build);
    return out;
}

/* Uncompressed point: coordinates padded to the curve's size, since a TPM may leave leading zeros out. */
static size_t ec_point(const TPMS_ECC_POINT *p, size_t size, uint8_t out[1 + 2 * 66])
{
    if (p->x.size > size || p->y.size > size)
        return 0;
    memset(out, 0, 1 + 2 * size);
    out[0] = 4;
    memcpy(out + 1 + size - p->x.size, p->x.buffer, p->x.size);
    memcpy(out + 1 + 2 * size - p->y.size, p->y.buffer, p->y.size);
    return 1 + 2 * size;
}

static EVP_PKEY *ec_key(const TPMT_PUBLIC *key)
{
    TPMI_ECC_CURVE curve = key->parameters.eccDetail.curveID;
    const char *name = curve_name(curve);
    uint8_t point[1 + 2 * 66];
    size_t size = curve == TPM2_ECC_NIST_P256 ? 32 : curve == TPM2_ECC_NIST_P384 ? 48 : 66;
    EVP_PKEY *out = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    size_t length = name ? ec_point(&key->unique.ecc, size, point) : 0;
    if (build && length && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length))
        out = key_from("EC", build);
    OSSL_PARAM_BLD_free(build);
    return out;
}

result tpm_key_info(const TPMT_PUBLIC *key, struct arena *a, slice *out)
{
    *out = NO_SLICE;
    EVP_PKEY *k = key->type == TPM2_ALG_RSA ? rsa_key(key) : key->type == TPM2_ALG_ECC ? ec_key(key) : NULL;
    ENSURE(k, AGENT_EVIDENCE);
    uint8_t *der = NULL;
    int length = i2d_PUBKEY(k, &der);
    EVP_PKEY_free(k);
    ENSURE(length > 0, CRYPTO);
    *out = arena_copy(a, slice_of(der, (size_t)length));
    OPENSSL_free(der);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}
