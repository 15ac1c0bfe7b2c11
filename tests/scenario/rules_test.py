#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The security rules (docs/security-tests.md) shown refusing, on the real daemon. Verifiers that lie are those of
tests/abi; no TPM is needed."""

import base64
import hashlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import story
    from story import bearer, session
    from trusteed import BUILD, Key, base64url, from_base64url, missing, receive, sign, token_parts
    MISSING = missing()
except ImportError as problem:
    MISSING = [str(problem)]

PATH = "default/test/key"
SECRET = b"a secret that only affirmed workloads get"
AFFIRMING = {"executables": 3, "hardware": 2, "configuration": 2}
TEST_PLUGINS = ("actor", "honest", "marked")

plugins = service = None


def appraisal(vector):
    return f"package policy\nimport rego.v1\ntrust_claims := {json.dumps(vector)}\n".encode()


def build_plugin(name, folder):
    built = os.path.join(BUILD, "tests/abi", name + ".so")
    if os.path.exists(built):
        shutil.copy(built, folder)
        return
    source = os.path.join(ROOT, "tests/abi", name + ".c")
    subprocess.run(["cc", "-std=c11", "-fPIC", "-shared", "-I" + os.path.join(ROOT, "include"), "-o",
                    os.path.join(folder, name + ".so"), source], check=True)


def start(settings=None, sections="", tls=False, **more):
    """A service with the lying verifiers, which affirms whatever they accept."""
    settings = {"plugins": {"directory": plugins, "allow_insecure": "yes"}, **(settings or {})}
    sections += "".join(f"\n[plugin {name}]\n" for name in TEST_PLUGINS)
    daemon = story.Service(settings, sections, tls, sample=True, **more).__enter__()
    daemon.ctl("policy", "set", "default_cpu", "-", data=appraisal(AFFIRMING))
    daemon.ctl("policy", "set", "default_gpu", "-", data=appraisal(AFFIRMING))
    daemon.ctl("secret", "put", PATH, "-", data=SECRET)
    return daemon


def setUpModule():
    global plugins, service
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))
    plugins = tempfile.mkdtemp(prefix="plugins-")
    unittest.addModuleCleanup(shutil.rmtree, plugins)
    os.chmod(plugins, 0o755)
    for name in ("sample", "file", "rego", "tpm"):
        shutil.copy(os.path.join(BUILD, "plugins", name + ".so"), plugins)
    for name in TEST_PLUGINS:
        build_plugin(name, plugins)
    service = start(sections="\n[role auditor]\nallow = GET /admin/v1/**\n[role admin]\nallow = * /**\n")
    unittest.addModuleCleanup(service.__exit__)


def padded(digest):
    return base64.b64encode(digest.ljust(64, b"\0")).decode()


def init_data(text='version = "0.1.0"\nalgorithm = "sha384"\n[data]\na = "b"\n'):
    return {"format": "toml", "body": text}, hashlib.sha384(text.encode()).digest()


def gpu_evidence(nonce, key):
    binding = hashlib.sha384(story.canonical({"nonce": nonce, "tee-pubkey": key.public})).digest()
    return json.dumps({"honest-gpu": {"report_data": padded(binding)}})


class Rules(unittest.TestCase):
    def attest(self, key, tee="honest", at=None, additional=None, init=None, **members):
        """(response, cookie) for evidence that binds what it must, but for `members`."""
        at = at or service
        cookie, nonce = at.challenge(tee)
        additional = additional(nonce, key) if additional else ""
        evidence = {"report_data": padded(story.binding_of(nonce, key, additional)), **members}
        body = story.attestation_of(nonce, key, evidence, additional, init)
        return at.request("POST", "/kbs/v0/attest", body, session(cookie)), cookie

    def attested(self, key, **more):
        response, cookie = self.attest(key, **more)
        self.assertEqual(response.status, 200, response)
        return response.json()["token"], cookie

    def refused(self, response, status, reason, at=None):
        self.assertEqual(response.status, status, response)
        record = (at or service).explain(response.json()["id"])
        self.assertEqual(record.get("reason"), reason, record)
        return record

    def released(self, response, key):
        self.assertEqual(response.status, 200, response)
        self.assertEqual(key.decrypt(response), SECRET)


class Rule1Release(Rules):
    def set_appraisal(self, class_, vector):
        self.addCleanup(service.ctl, "policy", "set", class_, "-", data=appraisal(AFFIRMING))
        service.ctl("policy", "set", class_, "-", data=appraisal(vector))

    def test_what_is_affirmed_in_everything_gets_the_secret(self):
        key = Key()
        token, cookie = self.attested(key)
        self.released(service.get(PATH, cookie=cookie), key)
        self.released(service.get(PATH, token=token), key)

    def test_a_vector_that_leaves_a_member_unset_is_affirming_to_the_token_and_not_to_us(self):
        for left_out in AFFIRMING:
            for value in (None, 0, 1, -1):
                vector = {k: v for k, v in AFFIRMING.items() if k != left_out}
                if value is not None:
                    vector[left_out] = value
                with self.subTest(vector=vector):
                    self.set_appraisal("default_cpu", vector)
                    token, _ = self.attested(Key())
                    status = token_parts(token)[1]["submods"]["cpu0"]["ear.status"]
                    self.assertIn(status, ("affirming", "none"))
                    self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_a_member_that_is_warned_of_or_contraindicated_is_refused(self):
        for value in (32, 33, 95, 96, 99, 127, -128):
            with self.subTest(value=value):
                self.set_appraisal("default_cpu", {**AFFIRMING, "configuration": value})
                token, _ = self.attested(Key())
                self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_an_insecure_plugin_is_refused_however_it_is_appraised(self):
        key = Key()
        token, _ = self.attested(key, tee="marked")
        claims = token_parts(token)[1]["submods"]["cpu0"]
        self.assertEqual(claims["ear.status"], "affirming")
        self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_the_sample_tee_is_refused_however_it_is_appraised(self):
        token = service.token()
        self.assertEqual(token_parts(token)[1]["submods"]["cpu0"]["ear.status"], "affirming")
        self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_another_submodule_that_is_not_affirming_is_refused(self):
        key = Key()
        token, _ = self.attested(key, additional=gpu_evidence)
        self.assertEqual(set(token_parts(token)[1]["submods"]), {"cpu0", "gpu0"})
        self.released(service.get(PATH, token=token), key)
        self.set_appraisal("default_gpu", {**AFFIRMING, "hardware": 97})
        token, _ = self.attested(key, additional=gpu_evidence)
        self.assertEqual(token_parts(token)[1]["submods"]["gpu0"]["ear.status"], "contraindicated")
        self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_denied_is_the_same_for_existing_and_for_missing_resources(self):
        token = service.token()
        seen = set()
        for path in (PATH, "default/test/missing", "nobody/has/this", "default/never/seen"):
            answer = service.get(path, token=token)
            body = answer.json()
            self.assertRegex(body.pop("id"), "^[0-9a-f]{32}$")
            headers = sorted((k, v) for k, v in answer.headers if k not in ("date",))
            seen.add(json.dumps([answer.status, body, headers]))
        self.assertEqual(len(seen), 1, seen)
        self.assertEqual(json.loads(seen.pop())[0], 403)

    def test_unauthenticated_is_401_for_every_path_plugin_names_included(self):
        paths = [PATH, "default/test/missing", "a/b", "a/b/c/d", "a/b/c?x=y"]
        urls = ["/kbs/v0/resource/" + p for p in paths]
        urls += ["/kbs/v0/" + p for p in ("nebula-ca/x", "pkcs11/wrap-key", "no-such-plugin/a/b", "resource", "external/x")]
        for url in urls:
            for headers in ({}, bearer("a.b.c"), session("x")):
                with self.subTest(url=url, headers=headers):
                    answer = service.request("GET", url, headers=headers)
                    self.assertEqual(answer.status, 401, answer)
                    self.assertEqual(answer.json()["reason"], "authentication")

    def test_a_path_with_bindings_is_released_to_who_matches_one(self):
        sections = "\n[binding a]\npath = default/test/key\nclaim = /honest/measurement good\nclaim = /honest/measurement good\n" \
                   "\n[binding b]\npath = default/*/key\nclaim = /honest/measurement better\n"
        with_bindings = start(sections=sections)
        self.addCleanup(with_bindings.__exit__)
        key = Key()
        for measurement, status in (("good", 200), ("better", 200), ("bad", 403), ("goo", 403), ("good ", 403)):
            with self.subTest(measurement=measurement):
                token, _ = self.attested(key, at=with_bindings, measurement=measurement)
                answer = with_bindings.get(PATH, token=token)
                if status == 200:
                    self.released(answer, key)
                else:
                    self.refused(answer, 403, "release.binding", with_bindings)
        token, _ = self.attested(key, at=with_bindings)
        self.refused(with_bindings.get(PATH, token=token), 403, "release.binding", with_bindings)

    def test_require_binding_releases_nothing_that_is_not_bound(self):
        strict = start({"release": {"require_binding": "yes"}},
                       "\n[binding a]\npath = default/bound/key\nclaim = /honest/measurement good\n")
        self.addCleanup(strict.__exit__)
        strict.ctl("secret", "put", "default/bound/key", "-", data=SECRET)
        key = Key()
        token, _ = self.attested(key, at=strict, measurement="good")
        self.refused(strict.get(PATH, token=token), 403, "release.binding", strict)
        self.released(strict.get("default/bound/key", token=token), key)


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
        body = json.dumps(story.attestation_of(nonce, key, {"report_data": padded(story.binding_of(nonce, key))})).encode()
        request = (f"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nCookie: {story.COOKIE}={cookie}\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        answers = at_once(service, [request] * 1000)
        self.assertEqual({a.status for a in answers}, {200})
        self.assertEqual(len({a.json()["token"] for a in answers}), 1)

    def test_of_many_keys_at_once_one_wins_and_the_others_are_refused(self):
        cookie, nonce = service.challenge("honest")
        requests = []
        for _ in range(40):
            key = Key()
            body = json.dumps(story.attestation_of(nonce, key, {"report_data": padded(story.binding_of(nonce, key))})).encode()
            requests.append((f"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nCookie: {story.COOKIE}={cookie}\r\n"
                             f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        answers = at_once(service, requests)
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
            requests = []
            for c, n in challenges:
                body = json.dumps(story.attestation_of(n, key, {"report_data": padded(story.binding_of(n, key))})).encode()
                requests.append((f"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nCookie: {story.COOKIE}={c}\r\n"
                                 f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
            answers = at_once(small, requests)
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


def at_once(daemon, requests):
    """Each request on a connection of its own, all connected before the first is sent."""
    selector = selectors.DefaultSelector()
    sockets = [daemon.connect(30) for _ in requests]
    for sock, request in zip(sockets, requests):
        sock.sendall(request[:-1])
    for sock, request in zip(sockets, requests):
        sock.sendall(request[-1:])
    selector.close()
    answers = [receive(sock) for sock in sockets]
    for sock in sockets:
        sock.close()
    return answers


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
        cls.daemon = start({"token": {"trusted_jwks": cls.jwks.name}})
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

    def foreign_token(self, key, exp, signer=None, **header):
        claims = self.own_token(key)[1]
        claims.update(iss="https://elsewhere", exp=exp, iat=exp - 300)
        return sign(signer or self.foreign, claims, {"typ": "JWT", "alg": "ES256", "kid": "foreign", **header})

    def test_foreign_tokens_have_a_minute_at_most(self):
        key, now = Key(), int(time.time())
        self.released(self.daemon.get(PATH, token=self.foreign_token(key, now - 50)), key)
        self.refused(self.daemon.get(PATH, token=self.foreign_token(key, now - 61)), 401, "token.expired")

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


class Rule12InitData(Rules):
    @classmethod
    def setUpClass(cls):
        cls.sent, cls.digest = init_data()
        cls.digest64 = base64.b64encode(cls.digest).decode()
        bindings = f"\n[binding digest]\npath = default/by-digest/key\nclaim = /init_data {cls.digest64}\n" \
                   "\n[binding data]\npath = default/by-data/key\nclaim = /init_data_claims/a b\n"
        cls.daemon = start(sections=bindings)
        cls.addClassCleanup(cls.daemon.__exit__)
        for name in ("by-digest", "by-data"):
            cls.daemon.ctl("secret", "put", f"default/{name}/key", "-", data=SECRET)

    def evidence_of(self, token):
        return token_parts(token)[1]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]

    def test_init_data_that_the_evidence_binds_satisfies_a_binding(self):
        key = Key()
        token, _ = self.attested(key, at=self.daemon, init=self.sent, init_data=self.digest64)
        self.assertNotIn("trustee", self.evidence_of(token))
        for name in ("by-digest", "by-data"):
            self.released(self.daemon.get(f"default/{name}/key", token=token), key)

    def test_absent_init_data_is_a_claim_and_a_binding_refuses_it(self):
        token, _ = self.attested(Key(), at=self.daemon)
        self.assertIs(self.evidence_of(token)["trustee"]["init_data_checked"], False)
        for name in ("by-digest", "by-data"):
            self.refused(self.daemon.get(f"default/{name}/key", token=token), 403, "release.binding", self.daemon)

    def test_init_data_that_a_tee_cannot_carry_is_a_claim_and_a_binding_refuses_it(self):
        token, _ = self.attested(Key(), tee="honest-echo", at=self.daemon, init=self.sent)
        evidence = self.evidence_of(token)
        self.assertIs(evidence["trustee"]["init_data_checked"], False)
        self.assertEqual(evidence["init_data"], self.digest64, "echoed, as upstream does")
        for name in ("by-digest", "by-data"):
            self.refused(self.daemon.get(f"default/{name}/key", token=token), 403, "release.binding", self.daemon)

    def test_init_data_that_the_evidence_claims_and_nobody_sent_satisfies_no_binding(self):
        token, _ = self.attested(Key(), at=self.daemon, init_data=self.digest64)
        self.assertIs(self.evidence_of(token)["trustee"]["init_data_checked"], False)
        for name in ("by-digest", "by-data"):
            self.refused(self.daemon.get(f"default/{name}/key", token=token), 403, "release.binding", self.daemon)


class Rule14SecretFolders(Rules):
    def setUp(self):
        self.key = Key()
        self.token, _ = self.attested(self.key)
        self.outside = tempfile.mkdtemp(prefix="outside-")
        self.addCleanup(shutil.rmtree, self.outside)
        for name in ("key", "value"):
            with open(os.path.join(self.outside, name), "wb") as f:
                f.write(SECRET)

    def get(self, path):
        return service.get(path, token=self.token)

    def in_home(self, *parts):
        path = os.path.join(service.home, *parts)
        self.addCleanup(lambda: shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path))
        return path

    def test_the_repository_follows_no_symlink_and_reads_no_device(self):
        stored = os.path.join(service.home, "storage/repository")
        self.assertIn("default\\x2Ftest\\x2Fkey", os.listdir(stored))
        made = {"link": lambda p: os.symlink(os.path.join(self.outside, "key"), p),
                "inside": lambda p: os.symlink("default\\x2Ftest\\x2Fkey", p),
                "fifo": os.mkfifo, "folder": os.mkdir}
        for name, make in made.items():
            make(self.in_home("storage/repository", "default\\x2Fodd\\x2F" + name))
            with self.subTest(name=name):
                answer = self.get("default/odd/" + name)
                self.assertIn(answer.status, (404, 503), answer)
                self.assertEqual(service.request("GET", "/healthz").status, 200)
        self.released(self.get(PATH), self.key)

    def test_a_repository_that_is_a_symlink_is_refused(self):
        daemon = start()
        self.addCleanup(daemon.__exit__)
        token, _ = self.attested(self.key, at=daemon)
        stored = os.path.join(daemon.home, "storage/repository")
        os.rename(stored, os.path.join(self.outside, "repository"))
        os.symlink(os.path.join(self.outside, "repository"), stored)
        answer = daemon.get(PATH, token=token)
        self.assertIn(answer.status, (404, 503), answer)

    def test_files_are_0600_in_folders_0700(self):
        service.ctl("reference-value", "set", "mode", "x")
        seen = 0
        for folder, names, files in os.walk(os.path.join(service.home, "storage")):
            self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700, folder)
            for name in files:
                self.assertEqual(os.lstat(os.path.join(folder, name)).st_mode & 0o777, 0o600, name)
                seen += 1
        self.assertGreaterEqual(seen, 3)

    def test_a_secret_mounted_as_kubernetes_does_is_served(self):
        self.in_home("secrets", "mounted")
        service.secret_version("mounted", "..2026_01", {"key": SECRET})
        self.released(self.get("default/mounted/key"), self.key)
        for hidden in ("..data", "..2026_01"):
            self.assertEqual(self.get("default/mounted/" + hidden).status, 400)
        self.assertEqual(self.get("default/..data/key").status, 400)

    def test_a_key_that_leads_out_of_its_secret_is_refused(self):
        folder = self.in_home("secrets", "leading")
        service.secret_version("leading", "..1", {"key": SECRET})
        inner = os.path.join(folder, "..1")
        os.symlink(os.path.join(self.outside, "key"), os.path.join(inner, "absolute"))
        os.symlink("../key", os.path.join(inner, "sideways"))
        os.symlink("../../../keys/token.pem", os.path.join(inner, "upwards"))
        os.symlink("/proc/self/environ", os.path.join(inner, "magic"))
        os.mkfifo(os.path.join(inner, "fifo"))
        os.mkdir(os.path.join(inner, "dir"))
        for name in os.listdir(inner):
            if not os.path.lexists(os.path.join(folder, name)):
                os.symlink("..data/" + name, os.path.join(folder, name))
        self.released(self.get("default/leading/key"), self.key)
        for name in ("absolute", "sideways", "upwards", "magic", "fifo", "dir"):
            with self.subTest(name=name):
                answer = self.get("default/leading/" + name)
                self.assertIn(answer.status, (404, 503), answer)

    def test_data_that_leads_out_of_the_secret_is_refused(self):
        self.in_home("secrets", "victim")
        service.secret_version("victim", "..1", {"key": SECRET})
        for name, target in (("absolute", self.outside), ("upwards", "../../keys"), ("across", "../victim/..1"),
                             ("magic", "/proc/self/cwd")):
            folder = self.in_home("secrets", "data-" + name)
            os.mkdir(folder)
            os.symlink(target, os.path.join(folder, "..data"))
            os.symlink("..data/key", os.path.join(folder, "key"))
            with self.subTest(name=name):
                answer = self.get(f"default/data-{name}/key")
                self.assertIn(answer.status, (404, 503), answer)

    def test_a_secret_that_is_a_symlink_is_refused(self):
        os.symlink(self.outside, self.in_home("secrets", "linked"))
        self.assertIn(self.get("default/linked/key").status, (404, 503))

    def test_a_secret_cannot_be_changed_over_the_network(self):
        self.in_home("secrets", "fixed")
        service.secret_version("fixed", "..1", {"key": SECRET})
        answer = service.admin("POST", "/kbs/v0/resource/default/fixed/key", b"mine")
        self.refused(answer, 409, "resource.conflict")
        self.refused(service.admin("DELETE", "/kbs/v0/resource/default/fixed/key"), 409, "resource.conflict")
        self.released(self.get("default/fixed/key"), self.key)


class Rule15Records(Rules):
    def test_a_client_sees_the_class_and_a_random_id_and_the_name_of_its_own_forms_only(self):
        key = Key()
        token = service.token()
        good, _ = self.attested(key)
        deny = service.ctl("policy", "show", "resource")
        cases = {
            "protocol/json.syntax": service.request("POST", "/kbs/v0/auth", b"{"),
            "protocol/auth.version": service.request("POST", "/kbs/v0/auth",
                                                     {"version": "0.1.0", "tee": "honest", "extra-params": ""}),
            "protocol/release.path": service.get("a/b", token=good),
            "authentication": service.get(PATH),
            "evidence": self.attest(key, report_data=padded(b"x" * 48))[0],
            "policy": service.get(PATH, token=token),
            "not_found": service.get("default/test/missing", token=good),
            "size/http.body_too_large": service.raw(b"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
        }
        self.assertTrue(deny)
        ids = set()
        for reason, answer in cases.items():
            with self.subTest(reason=reason):
                body = answer.json()
                self.assertEqual(set(body), {"type", "detail", "reason", "id"}, body)
                self.assertEqual(body["reason"], reason)
                self.assertRegex(body["id"], "^[0-9a-f]{32}$")
                self.assertNotRegex(json.dumps([body["detail"], body["type"]]), r"[0-9a-f]{16}|/tmp|storage|expected digest")
                ids.add(body["id"])
        self.assertEqual(len(ids), len(cases))

    def test_under_compat_status_it_is_upstreams_body_to_the_letter(self):
        daemon = start({"service": {"compat_status": "upstream"}})
        self.addCleanup(daemon.__exit__)
        token = daemon.token()
        for answer in (daemon.get(PATH), daemon.get(PATH, token=token), daemon.request("POST", "/kbs/v0/auth", b"{")):
            self.assertEqual(answer.status, 401)
            self.assertEqual(set(answer.json()), {"type", "detail"})

    def test_records_are_for_administrators_alone(self):
        answer = service.get(PATH)
        path = "/admin/v1/decisions/" + answer.json()["id"]
        self.assertEqual(service.request("GET", path).status, 401)
        self.assertEqual(service.request("GET", path, headers=bearer(service.token())).status, 401)
        self.assertEqual(service.admin("GET", path).json()["reason"], "token.missing")

    def test_an_auditor_reads_and_changes_nothing(self):
        now = int(time.time())
        token = service.admin_jwt({"iss": "trusteectl", "sub": "a", "iat": now, "exp": now + 60, "role": "auditor"})
        self.assertEqual(service.request("GET", "/admin/v1/decisions", headers=bearer(token)).status, 200)
        for method, path in (("POST", "/kbs/v0/resource/a/b/c"), ("DELETE", "/kbs/v0/resource/default/test/key"),
                             ("POST", "/kbs/v0/resource-policy"), ("POST", "/kbs/v0/attestation-policy"),
                             ("POST", "/kbs/v0/reference-value"), ("DELETE", "/admin/v1/reference-values/x")):
            answer = service.request(method, path, b"{}" if method == "POST" else None, bearer(token))
            self.refused(answer, 401, "admin.denied")

    def test_a_flood_of_unauthenticated_denials_displaces_no_release_and_no_change(self):
        small = start({"records": {"memory": "256KiB"}})
        self.addCleanup(small.__exit__)
        key = Key()
        small.ctl("secret", "put", "default/change/key", "-", data=b"x")
        token, _ = self.attested(key, at=small)
        self.released(small.get(PATH, token=token), key)
        kept = [r for r in small.admin("GET", "/admin/v1/decisions?limit=500").json() if r["allowed"]]
        self.assertTrue({"release", "administration", "attestation"} <= {r["kind"] for r in kept})
        request = b"GET /kbs/v0/resource/a/b/c HTTP/1.1\r\nHost: x\r\n\r\n"
        for _ in range(10):
            self.assertEqual({a.status for a in at_once(small, [request] * 100)}, {401})
        for record in kept:
            self.assertEqual(small.explain(record["id"])["allowed"], True)

    def test_every_change_is_on_record_with_who_made_it(self):
        service.ctl("secret", "put", "default/recorded/key", "-", data=b"x")
        newest = service.admin("GET", "/admin/v1/decisions?limit=1").json()[0]
        self.assertEqual((newest["kind"], newest["allowed"]), ("administration", True))
        self.assertEqual(newest["path"], "POST /kbs/v0/resource/default/recorded/key")
        self.assertIn("key local", newest["subject"])


class Rule16Switches(Rules):
    SWITCHES = {  # name in readyz: (INI, metric)
        "compat_status": ({"service": {"compat_status": "upstream"}}, "trustee_switch_compat_status"),
        "plugins.allow_insecure": ({"plugins": {"allow_insecure": "yes"}}, "trustee_switch_allow_insecure"),
        "admin.allow_unauthenticated": ({"admin": {"allow_unauthenticated": "yes"}}, "trustee_switch_allow_unauthenticated"),
        "token.allow_insecure_header_jwk": ({"token": {"allow_insecure_header_jwk": "yes"}},
                                            "trustee_switch_allow_insecure_header_jwk"),
        "release.allow_rsa1_5": ({"release": {"allow_rsa1_5": "yes"}}, "trustee_switch_allow_rsa1_5"),
        "http.plain": ({"http": {"tls": "no"}}, "trustee_switch_plain_http"),
    }

    def all_off(self, **more):
        daemon = story.Service({"http": {"tls": "yes"}}, **more)
        return daemon

    def test_every_switch_is_off_by_default(self):
        with self.all_off() as daemon:
            self.assertEqual(daemon.ready()["switches"], [])
            metrics = {k: v for k, v in daemon.metrics().items() if k.startswith("trustee_switch_")}
            self.assertEqual(metrics, {metric: 0 for _, metric in self.SWITCHES.values()})
            self.assertNotIn("switch", daemon.log_text())
            listed = subprocess.run([os.path.join(BUILD, "bin/trusteed"), "--help-config"], capture_output=True, text=True,
                                    check=True).stdout
            import re
            options = set(re.findall(r"(?m)^[#; ]*((?:allow|compat)_\w+)\s*=", listed))
            self.assertEqual(options, {name.split(".")[-1] for name in self.SWITCHES} - {"plain"},
                             "every option of that name is among those that are tried here")

    def test_every_switch_that_is_on_is_shown_by_readyz_metrics_and_the_log(self):
        for name, (settings, metric) in self.SWITCHES.items():
            with self.subTest(name=name), story.Service(settings, tls=name != "http.plain") as daemon:
                self.assertEqual(daemon.ready()["switches"], [name])
                on = {k for k, v in daemon.metrics().items() if k.startswith("trustee_switch_") and v == 1}
                self.assertEqual(on, {metric})
                self.assertRegex(daemon.log_text(), r"warn [a-z]+: switch " + name.replace(".", r"\.") + r" is on")

    def test_every_switch_is_refused_under_profile_restricted(self):
        weakening = {k: v for k, v in self.SWITCHES.items() if k != "compat_status"}  # that one weakens no check
        weakening["release.require_binding"] = ({"release": {"require_binding": "no"}}, None)
        with self.all_off() as daemon:
            with open(daemon.config, encoding="utf-8") as f:
                base = f.read()
            for name, (settings, _) in [("none", ({}, None)), *weakening.items()]:
                daemon.settings = {"service": {"profile": "restricted"}, "release": {"require_binding": "yes"}}
                for section, options in settings.items():
                    daemon.settings.setdefault(section, {}).update(options)
                with open(daemon.config, "w", encoding="utf-8") as f:
                    f.write(base)
                daemon.like, daemon.sample = None, True
                daemon._configure()
                ran = subprocess.run([daemon.program, "--check-config", "--config", daemon.config], capture_output=True,
                                     text=True)
                with self.subTest(name=name):
                    self.assertEqual(ran.returncode, 0 if name == "none" else 1, ran.stderr)
                    if name != "none":
                        self.assertIn("profile = restricted does not allow", ran.stderr)
                        self.assertIn(name.split(".")[1] if "plain" not in name else "tls = no", ran.stderr)

    def test_the_sample_plugin_is_refused_without_its_switch(self):
        with self.all_off() as daemon:
            with open(daemon.config, "a", encoding="utf-8") as f:
                f.write("\n[plugin sample]\n")
            ran = subprocess.run([daemon.program, "--check-config", "--config", daemon.config], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 1)
            self.assertIn("allow_insecure", ran.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
