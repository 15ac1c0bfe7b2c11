/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that we make, and the chains that we put into tokens. The openssl program judges.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/selfsigned.h"
#include "core/crypto/x5c_header.h"

static struct arena arena, secret;
static struct selfsigned made;
static char folder[] = "/tmp/trustee-certificates-XXXXXX";

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)4 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&secret, (size_t)1 << 20, ARENA_SECRET)));
    cr_assert(mkdtemp(folder));
}

static void run(const char *format, bool good)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && { %s; } >/dev/null 2>&1", folder, format);
    cr_assert_eq(system(command) == 0, good, "%s", command);
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    arena_unmap(&arena);
    arena_unmap(&secret);
}

TestSuite(certificates, .init = setup, .fini = teardown);

static void write_file(const char *name, slice text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fwrite(text.ptr, 1, text.len, f) == text.len);
    fclose(f);
}

static void make(const char *host)
{
    cr_assert(!FAILED(selfsigned_make(slice_text(host), 30, &arena, &secret, &made)));
    write_file("ca.pem", made.ca_pem);
    write_file("server.pem", made.server_pem);
    write_file("key.pem", made.key_pem);
}

Test(certificates, the_chain_holds_by_the_strictest_rules)
{
    make("kbs.example.org");
    run("openssl verify -x509_strict -purpose sslserver -verify_hostname kbs.example.org -CAfile ca.pem server.pem",
        true);
    run("openssl verify -verify_hostname localhost -CAfile ca.pem server.pem", true);
    run("openssl verify -verify_ip 127.0.0.1 -CAfile ca.pem server.pem", true);
    run("openssl verify -verify_ip ::1 -CAfile ca.pem server.pem", true);
    run("openssl verify -verify_hostname other.example.org -CAfile ca.pem server.pem", false);
}

Test(certificates, an_address_becomes_an_address)
{
    make("192.0.2.7");
    run("openssl verify -x509_strict -verify_ip 192.0.2.7 -CAfile ca.pem server.pem", true);
    run("openssl verify -verify_ip 192.0.2.8 -CAfile ca.pem server.pem", false);
    make("2001:db8::1");
    run("openssl verify -verify_ip 2001:db8::1 -CAfile ca.pem server.pem", true);
}

Test(certificates, the_key_is_the_servers)
{
    make("kbs");
    run("test \"$(openssl x509 -in server.pem -noout -pubkey)\" = \"$(openssl pkey -in key.pem -pubout)\"", true);
}

Test(certificates, the_server_certificate_is_no_authority)
{
    make("kbs");
    run("openssl verify -purpose crlsign -CAfile ca.pem server.pem", false);
    run("openssl x509 -in server.pem -noout -ext basicConstraints | grep -q CA:FALSE", true);
    run("openssl x509 -in ca.pem -noout -ext basicConstraints | grep -q 'CA:TRUE, pathlen:0'", true);
}

Test(certificates, a_host_that_could_smuggle_in_a_name_is_refused)
{
    static const char *const bad[] = {"", "a,DNS:evil", "a\nb", "*", "a b", "dirName:x", "a=b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        result r = selfsigned_make(slice_text(bad[i]), 30, &arena, &secret, &made);
        cr_assert(strcmp(bad[i], "dirName:x") == 0 || r.reason == CRYPTO, "%s: %s", bad[i], reason_id(r.reason));
    }
}

/* --- x5c --- */

static struct jws_signer *server_signer(void)
{
    struct jws_signer *s;
    make("kbs");
    cr_assert(!FAILED(jws_signer_from_pem(made.key_pem, &s)));
    return s;
}

Test(certificates, a_chain_becomes_a_json_array_leaf_first)
{
    slice out;
    const json *v;
    struct jws_signer *s = server_signer();
    cr_assert(!FAILED(x5c_from_pem(made.server_pem, s, &arena, &out)));
    cr_assert(!FAILED(json_parse(&arena, out, &v)));
    cr_assert_eq(json_count(v), 2);
    write_file("leaf.b64", json_text(json_next(v, NULL, NULL)));
    run("base64 -d leaf.b64 >leaf.der && openssl x509 -in server.pem -outform DER | cmp - leaf.der", true);
    jws_signer_free(s);
}

Test(certificates, a_chain_of_another_key_or_none_is_refused)
{
    slice out;
    struct jws_signer *s = server_signer(), *other;
    cr_assert(!FAILED(jws_signer_generate(&other)));
    cr_assert_eq(x5c_from_pem(made.server_pem, other, &arena, &out).reason, TOKEN_UNTRUSTED);
    cr_assert_eq(x5c_from_pem(made.ca_pem, s, &arena, &out).reason, TOKEN_UNTRUSTED);
    cr_assert_eq(x5c_from_pem(S(""), s, &arena, &out).reason, TOKEN_UNTRUSTED);
    cr_assert_eq(x5c_from_pem(S("text"), s, &arena, &out).reason, TOKEN_UNTRUSTED);
    jws_signer_free(s);
    jws_signer_free(other);
}

Test(certificates, a_chain_with_a_certificate_that_cannot_be_read_is_refused)
{
    slice out;
    struct jws_signer *s = server_signer();
    slice broken = arena_printf(&arena, "%.*s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                SLICE_ARG(made.server_pem));
    cr_assert_eq(x5c_from_pem(broken, s, &arena, &out).reason, TOKEN_UNTRUSTED);
    cr_assert_eq(x5c_from_pem(made.server_pem, s, &arena, &out).reason, REASON_OK);
    jws_signer_free(s);
}

Test(certificates, a_chain_of_more_than_eight_is_refused)
{
    slice out;
    struct jws_signer *s = server_signer();
    struct text t = text_begin(&arena);
    for (int i = 0; i < 4; i++)
        text_add(&t, made.server_pem);
    slice eight = text_end(&t);
    cr_assert_eq(x5c_from_pem(eight, s, &arena, &out).reason, REASON_OK);
    slice nine = arena_printf(&arena, "%.*s%.*s", SLICE_ARG(eight), SLICE_ARG(made.ca_pem));
    cr_assert_eq(x5c_from_pem(nine, s, &arena, &out).reason, TOKEN_UNTRUSTED);
    jws_signer_free(s);
}
