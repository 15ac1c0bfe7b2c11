/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/http.h"

#include <criterion/criterion.h>

Test(http_headers, cookies_are_found_by_their_whole_name)
{
    slice v;
    cr_assert(http_cookie(S("kbs-session-id=abc"), S("kbs-session-id"), &v));
    cr_assert(slice_equal(v, S("abc")));
    cr_assert(http_cookie(S("a=1; kbs-session-id=x=y;b=2"), S("kbs-session-id"), &v));
    cr_assert(slice_equal(v, S("x=y")));
    cr_assert(http_cookie(S("a=1; a=2"), S("a"), &v));
    cr_assert(slice_equal(v, S("1")));
    cr_assert(http_cookie(S("a="), S("a"), &v));
    cr_assert_eq(v.len, 0);
    cr_assert_not(http_cookie(S("xkbs-session-id=abc; kbs-session-idx=1; KBS-SESSION-ID=2; kbs-session-id"),
                              S("kbs-session-id"), &v));
    cr_assert_not(http_cookie(NO_SLICE, S("a"), &v));
    char many[512] = "";
    for (int i = 0; i < 64; i++)
        strcat(many, "b=1;");
    strcat(many, "a=1");
    cr_assert_not(http_cookie(slice_text(many), S("a"), &v));
}

Test(http_headers, only_bearer_credentials_are_taken)
{
    slice t;
    cr_assert(http_bearer(S("Bearer abc.def-_~+/="), &t));
    cr_assert(slice_equal(t, S("abc.def-_~+/=")));
    cr_assert(http_bearer(S("bEaReR  abc "), &t));
    cr_assert(slice_equal(t, S("abc")));
    static const slice bad[] = {TRUSTEE_TEXT(""),          TRUSTEE_TEXT("Bearer"),     TRUSTEE_TEXT("Bearer "),
                                TRUSTEE_TEXT("Basic abc"), TRUSTEE_TEXT("Bearerabc"),  TRUSTEE_TEXT("Bearer a b"),
                                TRUSTEE_TEXT("abc"),       TRUSTEE_TEXT("Bearer a,b"), TRUSTEE_TEXT("Bearer\tabc")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(http_bearer(bad[i], &t), "%zu", i);
}
