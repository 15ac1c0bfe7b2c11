#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The security rules of evidence, challenges and tokens (docs/security-tests.md), shown refusing on the real daemon.
Verifiers that lie are those of tests/abi; no TPM is needed."""

import base64
import hashlib
import json
import os
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import story
    from rules import AFFIRMING, PATH, Rules, appraisal, at_once, attest_request, init_data, padded, start
    from story import bearer
    from trusteed import Key, base64url, from_base64url, missing, sign, token_parts
    MISSING = missing()
except ImportError as problem:
    MISSING = [str(problem)]
    Rules = unittest.TestCase

service = None


def setUpModule():
    global service
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))
    service = Rules.service = start()
    unittest.addModuleCleanup(service.__exit__)


class Rule4Verifiers(Rules):
    def act(self, what, key=None, tee="actor", **members):
        return self.attest(key or Key(), tee=tee, do=what, **members)[0]

    def test_a_verifier_that_accepts_what_binds_another_challenge_is_overruled(self):
        self.assertEqual(self.act("genuine").status, 200)
        record = self.refused(self.act("lies"), 401, "attest.report_data")
        check = next(c for c in record["checks"] if c["name"] == "binding.report_data")
        self.assertFalse(check["passed"])

    def test_report_data_is_compared_over_its_full_width(self):
        key = Key()
        for change in ({"report_data": padded(b"\1" * 48)}, {"report_data": base64.b64encode(b"").decode()}):
            with self.subTest(**change):
                self.refused(self.act("genuine", key, **change), 401, "attest.report_data")
        cookie, nonce = service.challenge("actor")
        good = story.binding_of(nonce, key)
        for bad in (good[:47] + bytes([good[47] ^ 1]), good[:32], good + b"\1", good.ljust(63, b"\0") + b"\1",
                    good.ljust(65, b"\0")):
            evidence = {"do": "genuine", "report_data": base64.b64encode(bad).decode()}
            with self.subTest(bad=bad.hex()):
                self.refused(service.answer(cookie, nonce, key, evidence), 401, "attest.report_data")
        evidence = {"do": "genuine", "report_data": padded(good)}
        self.assertEqual(service.answer(cookie, nonce, key, evidence).status, 200)

    def test_init_data_is_compared_by_the_core(self):
        sent, digest = init_data()
        good = base64.b64encode(digest).decode()
        self.assertEqual(self.act("genuine", init=sent, init_data=good).status, 200)
        for bad in (base64.b64encode(bytes(48)).decode(), base64.b64encode(digest[:47] + b"\0").decode()):
            self.refused(self.act("genuine", init=sent, init_data=bad), 401, "attest.init_data")
        self.refused(self.act("genuine", init=sent), 401, "attest.init_data")

    def test_answers_that_are_none_are_refused(self):
        expected = {"no_verdict": "attest.refused", "odd_verdict": "attest.refused", "rejects": "actor.bad",
                    "rejects_silently": "attest.refused", "rejects_then_accepts": "actor.bad",
                    "dangles": "attest.report_data", "duplicate_key": "attest.claims", "unclosed": "attest.claims",
                    "closes_the_root": "attest.claims", "not_utf8": "attest.claims", "too_deep": "attest.claims",
                    "claim_not_utf8": "attest.claims"}
        for what, reason in expected.items():
            with self.subTest(what=what):
                answer = self.act(what)
                record = service.explain(answer.json()["id"])
                self.assertEqual((answer.status, record["reason"]), (401, reason), record)

    def test_faults_are_unavailable_and_give_no_token(self):
        for what in ("faulty", "odd_status", "out_of_memory", "needs", "needs_nothing", "needs_too_much",
                     "needs_nameless", "too_much"):
            with self.subTest(what=what):
                answer, cookie = self.attest(Key(), tee="actor", do=what)
                self.assertIn(answer.status, (401, 503), answer)
                self.assertNotIn("token", answer.json())
                self.assertEqual(service.get(PATH, cookie=cookie).status, 401)
        self.assertEqual(self.act("genuine").status, 200, "and it goes on")

    def test_claims_are_rooted_under_the_tee_of_the_challenge(self):
        token = self.act("genuine", Key()).json()["token"]
        evidence = token_parts(token)[1]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
        self.assertEqual(evidence["actor"]["tee"], "actor")
        self.assertFalse({"tpm", "tdx", "snp", "sample"} & set(evidence))


class Rule7Attesting(Rules):
    def test_a_thousand_answers_at_once_give_one_token(self):
        key = Key()
        cookie, nonce = service.challenge("honest")
        answers = at_once(service, [attest_request(cookie, nonce, key)] * 1000)
        self.assertEqual({a.status for a in answers}, {200})
        self.assertEqual(len({a.json()["token"] for a in answers}), 1)

    def test_of_many_keys_at_once_one_wins_and_the_others_are_refused(self):
        cookie, nonce = service.challenge("honest")
        answers = at_once(service, [attest_request(cookie, nonce, Key()) for _ in range(40)])
        self.assertEqual(sorted(a.status for a in answers), [200] + [401] * 39)
        loser = next(a for a in answers if a.status == 401)
        self.refused(loser, 401, "session.consumed")

    def test_a_full_table_refuses_new_answers_and_forgets_no_old_one(self):
        small = start({"session": {"capacity": "1024"}})
        self.addCleanup(small.__exit__)
        key = Key()
        first, cookie, nonce = None, None, None
        for i in range(0, 1024, 128):
            challenges = [small.challenge("honest") for _ in range(128)]
            answers = at_once(small, [attest_request(*challenge, key) for challenge in challenges])
            self.assertEqual({a.status for a in answers}, {200})
            if i == 0:
                first, (cookie, nonce) = answers[0], challenges[0]
        self.assertEqual(small.metrics()["trustee_sessions"], 1024)
        answer, full_cookie = self.attest(key, at=small)
        self.refused(answer, 503, "session.full", small)
        self.assertEqual(answer.header("retry-after"), "1")
        self.assertEqual(small.get(PATH, cookie=full_cookie).status, 401)
        again = small.answer(cookie, nonce, key, {"report_data": ""})
        self.assertEqual(again.json().get("token"), first.json()["token"])
        thief = Key()
        stolen = small.answer(cookie, nonce, thief, {"report_data": padded(story.binding_of(nonce, thief))})
        self.refused(stolen, 401, "session.consumed", small)

    def test_a_stored_token_is_judged_at_every_use(self):
        short = start({"token": {"life": "10s"}})
        self.addCleanup(short.__exit__)
        key = Key()
        cookie, nonce = short.challenge("honest")
        evidence = {"report_data": padded(story.binding_of(nonce, key))}
        self.assertEqual(short.answer(cookie, nonce, key, evidence).status, 200)
        made = time.monotonic()
        self.released(short.get(PATH, cookie=cookie), key)
        short.ctl("reference-value", "set", "anything", "changes the generation")
        self.refused(short.get(PATH, cookie=cookie), 401, "token.generation", short)
        self.refused(short.answer(cookie, nonce, key, evidence), 401, "session.consumed", short)
        token, cookie = self.attested(key, at=short)
        made = time.monotonic()
        time.sleep(max(0, made + 11 - time.monotonic()))
        self.refused(short.get(PATH, cookie=cookie), 401, "token.expired", short)
        self.refused(short.get(PATH, token=token), 401, "token.expired", short)


class Rule8Sealing(Rules):
    def setUp(self):
        with open(os.path.join(service.home, "keys/session.key"), "rb") as f:
            self.sealer = story.Sealer(f.read())
        self.key = Key()
        self.cookie, self.nonce = service.challenge("honest")
        self.evidence = {"report_data": padded(story.binding_of(self.nonce, self.key))}
        self.fields = self.sealer.open(self.cookie)

    def answer(self, cookie):
        return service.answer(cookie, self.nonce, self.key, self.evidence)

    def test_a_cookie_that_is_altered_anywhere_is_refused(self):
        data = from_base64url(self.cookie)
        for at in range(len(data)):
            altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
            answer = self.answer(base64url(altered))
            self.assertEqual(answer.status, 401, at)
            if at % 16 == 0:
                self.refused(answer, 401, "session.cookie")
        for altered in (data[:-1], data + b"\0", data[:30], data[:1], bytes(600)):
            self.refused(self.answer(base64url(altered)), 401, "session.cookie")
        for text in ("x", self.cookie + "=", self.cookie[:-1] + "!", "../../etc/passwd", "A" * 5000):
            self.refused(self.answer(text), 401, "session.cookie")
        self.assertEqual(self.answer(self.cookie).status, 200, "the cookie itself is good")

    def test_everything_that_the_challenge_said_is_sealed(self):
        rest = self.fields["rest"]
        parts = []
        while len(rest) > 32:
            parts.append(rest[1:1 + rest[0]].decode())
            rest = rest[1 + rest[0]:]
        self.assertEqual(parts, [self.nonce, "honest", "0.4.0"])
        self.assertEqual(rest, hashlib.sha256(b'""').digest(), "the extra-params")

    def test_a_challenge_of_the_future_is_refused(self):
        now = int(time.time())
        for ahead, status in ((3, 200), (8, 401), (3600, 401), (2 ** 40, 401)):
            with self.subTest(ahead=ahead):
                fields = {**self.fields, "id": os.urandom(16), "issued": now + ahead, "expiry": now + ahead + 300}
                answer = self.answer(self.sealer.seal(fields))
                if status == 200:
                    self.assertEqual(answer.status, 200, answer)
                else:
                    self.refused(answer, 401, "session.expired")

    def test_a_challenge_past_its_life_is_refused(self):
        now = int(time.time())
        for past, status in ((0, 200), (7, 401), (86400, 401)):
            with self.subTest(past=past):
                fields = {**self.fields, "id": os.urandom(16), "issued": now - 300 - past, "expiry": now - past}
                answer = self.answer(self.sealer.seal(fields))
                if status == 200:
                    self.assertEqual(answer.status, 200, answer)
                else:
                    self.refused(answer, 401, "session.expired")

    def test_what_another_key_sealed_is_refused(self):
        other = story.Sealer(os.urandom(32))
        self.refused(self.answer(other.seal(self.fields)), 401, "session.cookie")
        other.head = self.sealer.head  # a key id that is known, and a key that is not
        self.refused(self.answer(other.seal(self.fields)), 401, "session.cookie")

    def test_what_was_sealed_for_another_purpose_is_refused(self):
        purpose, story.PURPOSE = story.PURPOSE, b"kbs-session-id token v1"
        try:
            cookie = self.sealer.seal(self.fields)
        finally:
            story.PURPOSE = purpose
        self.refused(self.answer(cookie), 401, "session.cookie")

    def test_a_retiring_key_still_opens_and_a_retired_one_does_not(self):
        daemon = start()
        self.addCleanup(daemon.__exit__)
        home = daemon.home

        def with_keys(*names):
            with open(daemon.config, encoding="utf-8") as f:
                lines = [line for line in f if not line.startswith("key_file")]
            at = lines.index("[session]\n") + 1
            lines[at:at] = [f"key_file = {home}/keys/{name}\n" for name in names]
            with open(daemon.config, "w", encoding="utf-8") as f:
                f.writelines(lines)
            daemon.restart()

        with_keys("session.key")
        cookie, nonce = daemon.challenge("honest")
        with open(os.path.join(home, "keys/next.key"), "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(os.urandom(32))
        with_keys("next.key", "session.key")
        evidence = {"report_data": padded(story.binding_of(nonce, self.key))}
        self.assertEqual(daemon.answer(cookie, nonce, self.key, evidence).status, 200)
        newer, newer_nonce = daemon.challenge("honest")
        with_keys("next.key")
        self.refused(daemon.answer(cookie, nonce, self.key, evidence), 401, "session.cookie", daemon)
        evidence = {"report_data": padded(story.binding_of(newer_nonce, self.key))}
        self.assertEqual(daemon.answer(newer, newer_nonce, self.key, evidence).status, 200)


class Rule9Tokens(Rules):
    @classmethod
    def setUpClass(cls):
        from jwcrypto import jwk
        cls.foreign = jwk.JWK.generate(kty="EC", crv="P-256", kid="foreign")
        cls.unlisted = jwk.JWK.generate(kty="EC", crv="P-256", kid="foreign")
        cls.jwks = tempfile.NamedTemporaryFile("w", suffix=".json")
        cls.addClassCleanup(cls.jwks.close)
        json.dump({"keys": [cls.foreign.export_public(as_dict=True)]}, cls.jwks)
        cls.jwks.flush()
        cls.daemon = start({"token-issuer foreign": {"issuer": "https://elsewhere", "jwks": cls.jwks.name,
                                                     "audience": "kbs"}})
        cls.addClassCleanup(cls.daemon.__exit__)
        with open(os.path.join(cls.daemon.home, "keys/token.pem"), "rb") as f:
            cls.own = jwk.JWK.from_pem(f.read())

    def refused(self, response, status, reason, at=None):
        return super().refused(response, status, reason, at or self.daemon)

    def own_token(self, key):
        token, _ = self.attested(key, at=self.daemon)
        return token_parts(token)

    def resigned(self, **change):
        """A token of our own key, with other claims than we would have signed."""
        key = Key()
        header, claims = self.own_token(key)
        for name, value in change.items():
            name = name.replace("_dot_", ".")
            if value is None:
                claims.pop(name, None)
            else:
                claims[name] = value
        return key, sign(self.own, claims, header)

    def test_a_token_of_attestation_is_no_administrators(self):
        token, _ = self.attested(Key(), at=self.daemon)
        for method, path in (("POST", "/kbs/v0/resource/a/b/c"), ("GET", "/admin/v1/decisions"), ("POST", "/kbs/v0/resource-policy"),
                             ("DELETE", "/kbs/v0/resource/default/test/key")):
            self.refused(self.daemon.request(method, path, b"" if method == "POST" else None, bearer(token)), 401,
                         "admin.token")

    def test_an_administrators_token_is_none_of_attestation(self):
        for claims in (None, {"iss": "trusteectl", "role": "admin", "exp": int(time.time()) + 60,
                              "submods": {"cpu0": {"ear.status": "affirming"}}, "tee-pubkey": Key().public}):
            answer = self.daemon.get(PATH, token=self.daemon.admin_jwt(claims))
            self.refused(answer, 401, "token.untrusted")

    def test_our_key_alone_does_not_make_a_token_ours(self):
        now = int(time.time())
        key, token = self.resigned(exp=now + 60)
        self.released(self.daemon.get(PATH, token=token), key)
        for change, reason in (({"iss": "someone-else"}, "token.claims"), ({"iss": None}, "token.claims"),
                               ({"eat_profile": "tag:other"}, "token.claims"), ({"exp": None}, "token.claims"),
                               ({"exp": str(now + 60)}, "token.claims"), ({"iat": now + 3600}, "token.not_yet"),
                               ({"nbf": now + 30}, "token.not_yet"), ({"submods": {}}, "token.key")):
            with self.subTest(**change):
                _, token = self.resigned(**change)
                self.refused(self.daemon.get(PATH, token=token), 401, reason)

    def test_our_own_have_no_leeway(self):
        _, token = self.resigned(exp=int(time.time()))
        self.refused(self.daemon.get(PATH, token=token), 401, "token.expired")

    def test_tokens_of_another_generation_are_refused(self):
        header, claims = self.own_token(Key())
        names = [n for n in claims if "generation" in n]
        self.assertEqual(len(names), 1, claims.keys())
        for value in (None, "", "0" * 32, claims[names[0]][:-1]):
            with self.subTest(value=value):
                changed = {k: v for k, v in claims.items() if k != names[0]}
                if value is not None:
                    changed[names[0]] = value
                self.refused(self.daemon.get(PATH, token=sign(self.own, changed, header)), 401, "token.generation")

    def foreign_token(self, key, exp, signer=None, claims=None, **header):
        claims = {**self.own_token(key)[1], "iss": "https://elsewhere", "aud": "kbs", "exp": exp, "iat": exp - 300,
                  **(claims or {})}
        return sign(signer or self.foreign, claims, {"typ": "JWT", "alg": "ES256", "kid": "foreign", **header})

    def test_foreign_tokens_have_a_minute_at_most(self):
        key, now = Key(), int(time.time())
        self.released(self.daemon.get(PATH, token=self.foreign_token(key, now - 50)), key)
        self.refused(self.daemon.get(PATH, token=self.foreign_token(key, now - 61)), 401, "token.expired")

    def test_a_foreign_key_counts_for_its_own_issuer_profile_and_audience_only(self):
        exp = int(time.time()) + 60
        for claims, reason in (({"iss": "https://nowhere"}, "token.untrusted"), ({"iss": None}, "token.untrusted"),
                               ({"iss": "CoCo-Attestation-Service"}, "token.untrusted"), ({"aud": "kbs2"}, "token.claims"),
                               ({"aud": []}, "token.claims"), ({"eat_profile": "tag:other"}, "token.claims"),
                               ({"eat_profile": None}, "token.claims")):
            with self.subTest(**claims):
                self.refused(self.daemon.get(PATH, token=self.foreign_token(Key(), exp, claims=claims)), 401, reason)

    def test_foreign_keys_that_are_not_configured_are_refused(self):
        exp = int(time.time()) + 60
        self.refused(self.daemon.get(PATH, token=self.foreign_token(Key(), exp, self.unlisted)), 401, "token.signature")
        self.refused(self.daemon.get(PATH, token=self.foreign_token(Key(), exp, kid="other")), 401, "token.untrusted")
        jwk = self.unlisted.export_public(as_dict=True)
        self.refused(self.daemon.get(PATH, token=self.foreign_token(Key(), exp, self.unlisted, jwk=jwk)), 401,
                     "token.untrusted")

    def test_a_tightened_policy_refuses_older_tokens(self):
        key = Key()
        token, cookie = self.attested(key, at=self.daemon)
        self.released(self.daemon.get(PATH, token=token), key)
        self.daemon.ctl("policy", "set", "default_cpu", "-", data=appraisal({**AFFIRMING, "hardware": 97}))
        self.addCleanup(self.daemon.ctl, "policy", "set", "default_cpu", "-", data=appraisal(AFFIRMING))
        self.refused(self.daemon.get(PATH, token=token), 401, "token.generation")
        self.refused(self.daemon.get(PATH, cookie=cookie), 401, "token.generation")


if __name__ == "__main__":
    unittest.main(verbosity=2)
