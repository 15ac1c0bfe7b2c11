/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answers: one quote of each scheme, made by another implementation. Recorded from swtpm 0.7.1 (libtpms) with
 * tpm2-tools: tpm2_createak -G rsa|ecc -s SCHEME -g sha256; tpm2_readpublic -f der; tpm2_quote -l sha256:all -g sha256
 * -f tss --scheme SCHEME, with the text NONCE as qualifying data.
 */
#include "plugins/tpm/tpm.h"

#include "lib/tcg/tpm.h"

#define NONCE "known answer of the tpm verifier"
#define BYTES_MAX 512

struct recording {
    slice key, message, signature; /* in hex */
};

static const struct recording RECORDINGS[] = {
    {TRUSTEE_TEXT(
         "30820122300d06092a864886f70d01010105000382010f003082010a0282010100c73b98a580ba9051b855ce7322c474d1fd807d"
         "28abb9ce726af0dd2124ede0273a290d87f5f25689507d2ff213d616cb09d87edaec234732773760924a71ec57667a217b50c7cf"
         "4bb59e3f1071240f09b5a2265cec9d9fa26f6b17c3681fa05a448483cc2a34e431927bc0d8c36536803f46fb2e72278a3bc7ad9c"
         "b97472286ab60d8736e82716b0039d99df292783acff8f50fa3e29a75036ef7412ddf9767e9a34996f9df6ab16cffbffb18272b7"
         "d9229cc5760521c19105872e2ac4c3cc604a12ff3128f68179191363eb45a65ac79b55900cb0763ac30f4cc69ab108885ec9624c"
         "cf7b2afb253cb9966609370adf12ee7760e8d8fb173dbb5115450b423b0203010001"),
     TRUSTEE_TEXT(
         "ff54434780180022000b073bdb5939b7eeb1aa4d3aae1fb5123b753998f94d6087dddcce77df1e612d7700206b6e6f776e20616e"
         "73776572206f66207468652074706d20766572696669657200000000000002110000000100000000012019102300163636000000"
         "01000b03ffffff0020019de64c9318655e422c3d03831169896e31f02a1d74e4d8fef575bf4e0d75fa"),
     TRUSTEE_TEXT(
         "0014000b0100362ae1c12d362dbd2c547f20d7118e9b1d23a012cdaa1d03be9eb2839618582e175e6082540513df6899df0493e8"
         "45c7be6a44e2f30a09005cff48e6de3140412443b944d62ce39ff0c14bb6d3fb014e2c95534027dbee38959a509b50e87fcc83de"
         "a7cb01fdd121ec1dc4f3a0c99decdca0b65eb96f184a7e33ce57956c74a26e11ee7cf14372c6e8b10a4f976d111c5a76d2494651"
         "02c665036366b08bb0b70284384dc017bb71a071dd016f635af27c88d489652ba8679ad87c6e3ae9b0c22010f2ebec2bfe72bccb"
         "b72a2ad877ca06dfe41b272d43a39cbdb8511cd1dfc1a758cf935b49c23de48d977247582729cea468f13a2b880864e59816d5d7"
         "71b0")},
    {TRUSTEE_TEXT(
         "30820122300d06092a864886f70d01010105000382010f003082010a028201010092197843cf01a339988205cb8df2e4e5107bbc"
         "1ade26ad9a1c58dc959cefd8db5cc267eb4705f8fea4f546288c47bd1d055d801aa20cff45a468a819dfdef69d365c1f76da9139"
         "145f5c293a7cc153f6c350bee5da6c7f47c8f23457c666bc8c5e71f35c6e670f724f00e1aacb540d4fafcc322872900bd43f9410"
         "cb953308507b91fa93890ed2efa6e0adf94eb05a352677663f916b4c1cee1c4600d9db584917a7c0619757aa9b4856dddd4b89c3"
         "242c35d7f7a8fd83032e9cd0e467ba32d47f10d363b1bcadb89c9ad91a9fa138cb331c34f2098832687622f7508f7a85df0c1a6d"
         "d6b71185064112aba52c24d99d60debe9640a9f26eeb932e789646c0ff0203010001"),
     TRUSTEE_TEXT(
         "ff54434780180022000b378eb8973b8e110a367b6d887cc156337eefdd3087f31a04730ac3ce39725f0600206b6e6f776e20616e"
         "73776572206f66207468652074706d20766572696669657200000000000003120000000100000000012019102300163636000000"
         "01000b03ffffff0020019de64c9318655e422c3d03831169896e31f02a1d74e4d8fef575bf4e0d75fa"),
     TRUSTEE_TEXT(
         "0016000b0100670e6a90b64d61f4c81ef0ea1c4f3a9e6d4a548c568223b8f9e96564e8a07a03d9fc8a70a059621ce2c761691c07"
         "371dec8baaac10702ff113abafb0302d350e6ffca734dd6771277458d90560ee02f162ea6c0bb35261d3c8e17f07bf2d82cf1522"
         "3108292d3c57b559908690a24b427e4b343e05f483f97a4eafb397c0fa3dd86ab6f532cf266e22a82ae5e64c1ca56884f3cb50c8"
         "8488c1bd022ed42c745ff92fa8a1ad78901478a23b57b4f2b1abaf4222432b232240319531a638a74e862e3d98f12661bcec62a4"
         "548b38f313343fca5ab26a1d95fb2462e383ceeff481db8e2ea6c7dc35c71555ef7d3b6701b2338fd5c29261dd4f48ef7f185ac2"
         "a4ba")},
    {TRUSTEE_TEXT(
         "3059301306072a8648ce3d020106082a8648ce3d03010703420004d6ed3fc66c1f3c56f2811d431f2d07d831cd00eb224e417993"
         "5ed1fe5c5c28082d95a9b289ecf1aab959d0196c5b765b6e1359390d8b1611cf4cf7758945d3b6"),
     TRUSTEE_TEXT(
         "ff54434780180022000b9cc8304ef3d9910eeca62270ee8696a7a8d62c8e58537b6c67fcbfa6c6f12bbc00206b6e6f776e20616e"
         "73776572206f66207468652074706d20766572696669657200000000000003720000000100000000012019102300163636000000"
         "01000b03ffffff0020019de64c9318655e422c3d03831169896e31f02a1d74e4d8fef575bf4e0d75fa"),
     TRUSTEE_TEXT(
         "0018000b00204efff1581c3e93ac9912d77226440afeed306142a26fb14ae00266132f906c680020f4ae08bd3dd488da73f9ae97"
         "6d62bc60c39bbfd95a8eff9f1c8995480b050368")},
};

struct bytes {
    uint8_t bytes[BYTES_MAX];
    size_t length;
};

static slice view(const struct bytes *b)
{
    return slice_of(b->bytes, b->length);
}

static bool unhex(slice hex, struct bytes *out)
{
    return hex_decode(out->bytes, sizeof out->bytes, hex, &out->length);
}

static bool holds(slice key_der, slice message, slice signature)
{
    struct tpm_quote quote;
    struct tpm_signature parsed;
    struct raw_signature raw;
    struct public_key *key;
    if (FAILED(tpm_read_quote(message, &quote)) || !slice_equal(quote.extra_data, S(NONCE)))
        return false;
    if (FAILED(tpm_read_signature(signature, &parsed)) || FAILED(tpm_raw_signature(&parsed, &raw)))
        return false;
    if (FAILED(public_key_new(key_der, &key)))
        return false;
    result verified = signature_verify(key, &raw, message);
    public_key_free(key);
    return !FAILED(verified);
}

static bool passes(const struct recording *recorded)
{
    struct bytes key, message, signature;
    if (!unhex(recorded->key, &key) || !unhex(recorded->message, &message) || !unhex(recorded->signature, &signature))
        return false;
    if (!holds(view(&key), view(&message), view(&signature)))
        return false;
    message.bytes[message.length - 1] ^= 1; /* of the PCR digest */
    return !holds(view(&key), view(&message), view(&signature));
}

trustee_status tpm_self_test(void *instance)
{
    const struct tpm *tpm = instance;
    for (size_t i = 0; i < sizeof RECORDINGS / sizeof *RECORDINGS; i++)
        if (!passes(&RECORDINGS[i])) {
            tpm->host->log(tpm->host->ctx, TRUSTEE_LOG_ERROR, S("tpm: a recorded quote is judged wrongly"));
            return TRUSTEE_E_INTERNAL;
        }
    return TRUSTEE_OK;
}
