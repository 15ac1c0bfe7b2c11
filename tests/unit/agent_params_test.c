/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/params.h"

#include <criterion/criterion.h>

#include "guest/api.h"
#include "guest/query.h"

static struct failure why;

static void takes(slice params, slice expected)
{
    slice url;
    result r = params_url(params, &url, &why);
    cr_assert(!FAILED(r), "%s", why.text);
    cr_assert(slice_equal(url, expected), "%.*s", SLICE_ARG(url));
}

static void refuses(slice params, const char *words)
{
    slice url;
    result r = params_url(params, &url, &why);
    cr_assert_eq(r.reason, AGENT_CONFIG, "%.*s", SLICE_ARG(params));
    cr_assert(strstr(why.text, words), "%s", why.text);
    cr_assert_null(url.ptr);
}

Test(params, a_url_stands_behind_cc_kbc)
{
    takes(S("cc_kbc::http://kbs-service.trustee-operator-system:8080"),
          S("http://kbs-service.trustee-operator-system:8080"));
    takes(S(" cc_kbc::https://kbs.example/prefix/ "), S("https://kbs.example/prefix"));
    takes(S("cc_kbc::http://[::1]:8080"), S("http://[::1]:8080"));
}

Test(params, other_kbcs_are_refused)
{
    refuses(S("offline_fs_kbc::null"), "offline_fs_kbc is not supported");
    refuses(S("eaa_kbc::127.0.0.1:50000"), "expected cc_kbc::<url>");
    refuses(S("http://kbs"), "expected cc_kbc::<url>");
    refuses(S(""), "expected cc_kbc::<url>");
}

Test(params, a_url_of_another_scheme_or_without_host_is_refused)
{
    refuses(S("cc_kbc::file:///etc/shadow"), "must begin with");
    refuses(S("cc_kbc::kbs:8080"), "must begin with");
    refuses(S("cc_kbc::http://"), "must begin with");
    refuses(S("cc_kbc::https:///x"), "no host");
    refuses(S("cc_kbc::http://:8080"), "no host");
}

Test(params, a_url_with_user_query_fragment_or_strange_characters_is_refused)
{
    refuses(S("cc_kbc::https://good@evil"), "user");
    refuses(S("cc_kbc::https://kbs/?a=b"), "query");
    refuses(S("cc_kbc::https://kbs/#x"), "query");
    refuses(S("cc_kbc::https://kbs/\r\nX: y"), "characters");
    refuses(S("cc_kbc::https://kb\xc3\xa9"), "characters");
}

Test(params, a_url_of_2048_bytes_is_the_longest)
{
    static char text[8 + 2049] = "cc_kbc::http://";
    memset(text + 15, 'a', sizeof text - 15);
    slice url;
    cr_assert(!FAILED(params_url(slice_of(text, sizeof text - 1), &url, &why)));
    refuses(slice_of(text, sizeof text), "2048");
}

static void finds(slice cmdline, slice expected)
{
    slice value = cmdline_value(cmdline, S("agent.aa_kbc_params"));
    cr_assert(slice_equal(value, expected), "%.*s", SLICE_ARG(value));
    cr_assert_eq(value.ptr == NULL, expected.ptr == NULL);
}

Test(params, the_first_word_of_that_name_on_the_kernel_command_line_counts)
{
    finds(S("quiet agent.aa_kbc_params=cc_kbc::http://a agent.aa_kbc_params=x\n"), S("cc_kbc::http://a"));
    finds(S("agent.aa_kbc_params=cc_kbc::http://a"), S("cc_kbc::http://a"));
    finds(S("xagent.aa_kbc_params=a agent.aa_kbc_params_x=b agent.aa_kbc_params"), NO_SLICE);
    finds(S(""), NO_SLICE);
}

Test(params, quotes_of_the_kernel_command_line_are_understood)
{
    finds(S("a=\"agent.aa_kbc_params=no b\" agent.aa_kbc_params=\"cc_kbc::http://a\" c"), S("cc_kbc::http://a"));
    finds(S("\"agent.aa_kbc_params=cc_kbc::http://a\""), S("cc_kbc::http://a"));
    finds(S("\"a agent.aa_kbc_params=x"), NO_SLICE);
}

Test(query, parameters_are_decoded_as_forms_encode_them)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    slice q = S("x=1&runtime_data=a%20b+c%2F%00&runtime_data=second&empty=");
    cr_assert(slice_equal(query_value(q, S("runtime_data"), &a), S("a b c/\0")));
    cr_assert_eq(query_value(q, S("empty"), &a).len, 0);
    cr_assert_not_null(query_value(q, S("empty"), &a).ptr);
    cr_assert_null(query_value(q, S("missing"), &a).ptr);
    cr_assert_null(query_value(S("a=%2"), S("a"), &a).ptr);
    cr_assert_null(query_value(S("a=%zz"), S("a"), &a).ptr);
    cr_assert_null(query_value(NO_SLICE, S("a"), &a).ptr);
    arena_unmap(&a);
}

Test(host, only_names_of_the_loopback_are_local)
{
    static const char *const local[] = {"localhost",  "LocalHost:8006", "127.0.0.1:8006", "127.0.0.1",
                                        "[::1]:8006", "[::1]",          "127.1.2.3:1"};
    static const char *const foreign[] = {"evil.example",
                                          "evil.example:8006",
                                          "10.0.0.1:8006",
                                          "localhost.evil:80",
                                          "127.0.0.1.evil",
                                          "[::2]:8006",
                                          "[::1",
                                          "localhost:x",
                                          "127.0.0.1:80:80",
                                          "",
                                          "::1",
                                          "[",
                                          "[127.0.0.1"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        cr_assert(host_is_local(slice_text(local[i])), "%s", local[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        cr_assert(!host_is_local(slice_text(foreign[i])), "%s", foreign[i]);
}

Test(host, only_addresses_of_the_loopback_are_peers)
{
    cr_assert(address_is_loopback(S("127.0.0.1")));
    cr_assert(address_is_loopback(S("127.200.0.9")));
    cr_assert(address_is_loopback(S("::1")));
    cr_assert(address_is_loopback(S("::ffff:127.0.0.1")));
    cr_assert(!address_is_loopback(S("::ffff:10.0.0.1")));
    cr_assert(!address_is_loopback(S("10.0.0.1")));
    cr_assert(!address_is_loopback(S("fe80::1")));
    cr_assert(!address_is_loopback(S("localhost")));
    cr_assert(!address_is_loopback(S("")));
    cr_assert(!address_is_loopback(S("0.0.0.0")));
}

Test(path, a_resource_path_has_three_plain_segments)
{
    cr_assert(resource_path_valid(S("default/test/key")));
    cr_assert(resource_path_valid(S("d-1/t_2/k.3")));
    cr_assert(!resource_path_valid(S("default/test")));
    cr_assert(!resource_path_valid(S("default/test/key/more")));
    cr_assert(!resource_path_valid(S("default//key")));
    cr_assert(!resource_path_valid(S("default/../key")));
    cr_assert(!resource_path_valid(S("default/test/ke%20y")));
    cr_assert(!resource_path_valid(S("default/test/k?e")));
    cr_assert(!resource_path_valid(S("/default/test/key")));
    cr_assert(!resource_path_valid(NO_SLICE));
}
