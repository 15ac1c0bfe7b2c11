#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile JSON, handshakes, sessions and credentials against the real daemon. The rows have the ids of the list of bad
inputs that the project measures itself by; the statuses are those of docs/compatibility.md."""

import base64
import concurrent.futures
import hashlib
import json
import os
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from jwcrypto import jwk
    import hostile
    from hostile import ALLOW, SECRET, Hostile
    from trusteed import AUTH, Key, attestation, base64url, from_base64url, report_data, sign, token_parts
    MISSING = hostile.missing()
except ImportError as problem:
    MISSING = str(problem)

    class Hostile(unittest.TestCase):
        pass

HANDSHAKE = "AttestationError"
VERSION_TEXT = "KBS Client Protocol Version Mismatch"


def auth_text(**members):
    return json.dumps({**AUTH, **members}).encode()


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Challenges(Hostile):
    """J01 to J09, J14, J16: requests for a challenge."""

    def refused(self, row, body, status=400):
        return self.expect(row, lambda: self.post("/kbs/v0/auth", body), status, HANDSHAKE)

    def test_j01_bodies_that_are_no_request(self):
        for body in (b"", b"null", b"[]", b'"x"', b"7", auth_text()[:-1], b"{}"):
            self.refused(f"J01 {body!r}", body)

    def test_j02_duplicate_members(self):
        self.refused("J02", b'{"version":"0.4.0","tee":"sample","tee":"tdx","extra-params":{}}')
        self.refused("J02 escaped", b'{"version":"0.4.0","tee":"sample","t\\u0065e":"tdx","extra-params":{}}')
        self.refused("J02 nested", b'{"version":"0.4.0","tee":"sample","extra-params":{"a":1,"a":2}}')

    def test_j03_deep_nesting(self):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            depth = 30000 if opening == b"[" else 9000
            nested = opening * depth + (b"1" if opening != b"[" else b"") + closing * depth
            self.refused("J03", b'{"version":"0.4.0","tee":"sample","extra-params":' + nested + b"}")

    def test_j05_what_is_not_json(self):
        good = auth_text()
        for row, body in (("invalid UTF-8", good.replace(b"sample", b"samp\xffle")),
                          ("overlong UTF-8", good.replace(b"sample", b"\xc1\xb3ample")),
                          ("lone surrogate", good.replace(b"sample", b"\\ud800")),
                          ("byte order mark", b"\xef\xbb\xbf" + good), ("trailing text", good + b"x"),
                          ("two documents", good + good), ("comment", good + b"//"), ("NaN", good.replace(b"{}", b"NaN")),
                          ("trailing comma", good.replace(b"{}}", b"{},}")),
                          ("zeros", good.replace(b"sample", b"\\u0000" * 10000)), ("NUL", good + b"\0")):
            self.refused(f"J05 {row}", body)

    def test_j06_numbers(self):
        # Nobody reads these parameters: a number that no type holds may pass, one that is not JSON may not.
        self.expect("J06 1e999", lambda: self.post("/kbs/v0/auth", auth_text().replace(b"{}", b"1e999")), (200, 400))
        for number in ("01", "+1", ".5", "1.", "0x10", "Infinity"):
            self.refused(f"J06 {number}", auth_text().replace(b"{}", number.encode()))

    def test_j07_versions(self):
        for version in ("0.3.0", "0.5.0", "0.1.1", "1.0.0"):
            answer = self.refused(f"J07 {version}", auth_text(version=version))
            self.assertIn(VERSION_TEXT, answer.json()["detail"])
        for version in ("0.4", "v0.4.0", "00.4.0", "0.4.0-rc1", "0.4.0+x", "", " 0.4.0", "0.4.0\n", "0.4.0\0"):
            self.refused(f"J07 {version!r}", auth_text(version=version))
        for version in (4, None, ["0.4.0"], {"a": 1}):
            self.refused(f"J07 {version!r}", auth_text(version=version))
        self.expect("J07 200 KB", lambda: self.post("/kbs/v0/auth", auth_text(version="0" * 200000)), 413)

    def test_j08_tees(self):
        for tee in ("foo", "", "TDX", "sample ", "sample\0", "s" * 60000, 7, None, ["sample"], {}):
            self.refused(f"J08 {str(tee)[:20]!r}", auth_text(tee=tee))
        body = dict(AUTH)
        del body["tee"]
        self.refused("J08 missing", json.dumps(body).encode())

    def test_j09_the_parameters_are_needed_by_their_name(self):
        self.refused("J09", json.dumps({"version": "0.4.0", "tee": "sample", "extra_params": {}}).encode())

    def test_j14_j16_what_upstream_does_not_look_at(self):
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "garbage"}):
            self.expect(f"J14 {headers}", lambda h=headers: self.post("/kbs/v0/auth", AUTH, headers=h), 200)
        self.expect("J16", lambda: self.post("/kbs/v0/auth", {**AUTH, "foo": [1, {"a": None}]}), 200)
        for value in ("", None, 7, {"supported-hash-algorithms": ["sha256"]}, []):
            self.expect("J16 " + repr(value), lambda v=value: self.post("/kbs/v0/auth", {**AUTH, "extra-params": v}), 200)


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Attestations(Hostile):
    """J03 to J17: attestation requests."""

    def attest(self, change=None, raw=None, **members):
        """An attestation that `change` spoils after its report data was made, or the bytes that `raw` makes of it."""
        cookie, nonce = self.daemon.auth()
        body = attestation(nonce, self.key, **members)
        if change:
            change(body)
        data = json.dumps(body).encode()
        return self.post("/kbs/v0/attest", raw(data) if raw else data, cookie)

    def refused(self, row, status, **how):
        return self.expect(row, lambda: self.attest(**how), status, HANDSHAKE)

    def test_the_rows_start_from_an_attestation_that_is_good(self):
        self.expect("good", self.attest, 200)

    def test_j03_deep_nesting(self):
        deep = b"[" * 100000 + b"]" * 100000
        answer = self.expect("J03", lambda: self.attest(raw=lambda b: b.replace(b'"svn": "1"', b'"svn": ' + deep)), 400,
                             HANDSHAKE, seconds=0.5)
        self.assertEqual(answer.json()["reason"], "protocol/json.depth")

    def test_j04_memory_is_bounded_by_the_bodys_size(self):
        body = b"[" + b"{}," * 599999 + b"{}]"
        cookie, _ = self.daemon.auth()
        for _ in range(3):  # every worker's slots have been used
            self.post("/kbs/v0/attest", body, cookie)
        before = self.resident()
        self.expect("J04", lambda: self.post("/kbs/v0/attest", body, cookie), (400, 413), HANDSHAKE)
        self.assertLess(self.resident() - before, 8 * len(body))

    def test_j05_what_is_not_json(self):
        for row, raw in (("trailing", lambda b: b + b"}"), ("twice", lambda b: b + b), ("cut", lambda b: b[:-1]),
                         ("empty", lambda b: b""), ("null", lambda b: b"null"), ("array", lambda b: b"[" + b + b"]"),
                         ("zeros", lambda b: b.replace(b'"svn": "1"', b'"svn": "' + b"\\u0000" * 170000 + b'", "svn": "1"')),
                         ("invalid UTF-8", lambda b: b.replace(b'"1"', b'"\xff"'))):
            self.refused(f"J05 {row}", 400, raw=raw)

    def test_j02_duplicates_anywhere(self):
        for row, old, new in (("nonce", b'"nonce"', b'"nonce": "x", "nonce"'), ("evidence", b'"svn"', b'"svn": "2", "svn"'),
                              ("key", b'"kty"', b'"kty": "RSA", "kty"')):
            self.refused(f"J02 {row}", 400, raw=lambda b, o=old, n=new: b.replace(o, n, 1))

    def test_j06_j13_numbers_in_what_is_hashed(self):
        for number in ("1e999", "18446744073709551616", "9" * 100000, "1.5", "1e2", "1.0", "-0"):
            self.refused(f"J06 {number[:24]}", (400, 401), runtime={"extra": 1},
                         raw=lambda b, n=number: b.replace(b'"extra": 1', b'"extra": ' + n.encode()))

    def test_j10_additional_evidence(self):
        device = {"svn": "1", "report_data": "AAAA"}
        same = '{"sampledevice":{"svn":"1"},"sampledevice":{"svn":"1"}}'
        many = json.dumps({f"tee{i}": device for i in range(10000)})
        for row, text in (("not JSON", "x"), ("array", "[]"), ("string", '"x"'), ("twice", same), ("many", many),
                          ("unknown", json.dumps({"foo": device})), ("a CPU", json.dumps({"sample": device})),
                          ("wrong binding", json.dumps({"sampledevice": device})), ("spaces", "  "), ("null", "null")):
            self.refused(f"J10 {row}", 401, additional=text)
        for value in ({"sampledevice": device}, None, 7, []):
            self.refused(f"J10 {value}", (400, 401), change=lambda b, v=value: b["tee-evidence"].update(additional_evidence=v))

    def test_j11_only_canonical_base64(self):
        def spelled(how):
            def change(body):
                evidence = body["tee-evidence"]["primary_evidence"]
                raw = base64.b64decode(evidence["report_data"])
                evidence["report_data"] = how(evidence["report_data"], raw)
            return change
        for row, how in (("spaces", lambda t, _: t[:8] + " " + t[8:]), ("line end", lambda t, _: t + "\n"),
                         ("cut", lambda t, _: t[:-1]), ("padding", lambda t, _: t + "="), ("hex", lambda _, r: r.hex()),
                         ("empty", lambda *_: ""), ("short", lambda t, _: t[:-4]), ("long", lambda t, _: t + "AAAA")):
            self.refused(f"J11 {row}", 401, change=spelled(how))

    def test_j12_a_keys_members_in_any_order_and_spelling(self):
        public = {"zz": "extra", **dict(reversed(list(self.key.public.items()))), "aa": {"b": [1, "x"], "a": None}}
        cookie, nonce = self.daemon.auth()
        self.expect("J12 order", lambda: self.post("/kbs/v0/attest", attestation(nonce, public), cookie), 200)
        self.expect("J12 escapes", lambda: self.attest(raw=lambda b: b.replace(b'"kty"', b'"\\u006bty"')), 200)

    def test_j16_unknown_members(self):
        self.expect("J16", lambda: self.attest(change=lambda b: b.update(foo={"a": [1]})), 200)

    def test_j17_init_data(self):
        large = 'version = "0.1.0"\nalgorithm = "sha384"\n[data]\n' + "".join(f'"k{i}" = "v"\n' for i in range(100000))
        toml = 'version = "0.1.0"\nalgorithm = "%s"\n[data]\n"a" = "b"\n'
        for row, init in (("format", {"format": "xml", "body": "<a/>"}), ("no TOML", {"format": "toml", "body": "= ["}),
                          ("algorithm", {"format": "toml", "body": toml % "md5"}), ("no body", {"format": "toml"}),
                          ("type", {"format": "toml", "body": 7}), ("array", [1]), ("text", "x"),
                          ("duplicate", {"format": "toml", "body": toml % "sha384" + '"a" = "c"\n'})):
            self.refused(f"J17 {row}", 400, init_data=init)
        self.expect("J17 large", lambda: self.attest(init_data={"format": "toml", "body": large}), (200, 400, 413))
        usual = toml % "sha384" + '"cdh.toml" = """\n' + "# a comment\n" * 8000 + '"""\n'
        self.expect("J17 as guests have it", lambda: self.attest(init_data={"format": "toml", "body": usual}), 200)
        self.expect("J17 good", lambda: self.attest(init_data={"format": "toml", "body": toml % "sha256"}), 200)

    def test_members_of_other_types(self):
        for member, values in (("runtime-data", (None, [], "x", {})), ("tee-evidence", (None, [], "x", {}))):
            for value in values:
                self.refused(f"{member} {value!r}", 400, change=lambda b, m=member, v=value: b.update({m: v}))
        for key in (None, "x", [], 7):
            self.refused(f"tee-pubkey {key!r}", (400, 401), change=lambda b, k=key: b["runtime-data"].update({"tee-pubkey": k}))


def seal(key_file, purpose, plain):
    """A cookie as the service seals it, written a second time from its description in DESIGN."""
    with open(key_file, "rb") as f:
        master = f.read()
    salt = os.urandom(16)
    key = HKDF(SHA256(), 32, salt, b"").derive(master)
    head = b"\x01" + hashlib.sha256(b"trustee seal id" + master).digest()[:4] + salt
    return base64url(head + AESGCM(key).encrypt(bytes(12), plain, b"\x01" + purpose))


def challenge(nonce="n", tee="sample", issued=0, life=300):
    now = int(time.time())
    short = b"".join(bytes([len(s)]) + s.encode() for s in (nonce, tee, "0.4.0"))
    return os.urandom(16) + (now + issued).to_bytes(8, "big") + (now + issued + life).to_bytes(8, "big") + short + \
        hashlib.sha256(b'""').digest()


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Sessions(Hostile):
    """S01 to S16."""

    def answer(self, cookie, nonce, key=None, **members):
        return self.post("/kbs/v0/attest", attestation(nonce, key or self.key, **members), cookie)

    def refused(self, row, send, status=401, kind=HANDSHAKE):
        return self.expect(row, send, status, kind)

    def test_s01_s02_cookies_that_are_none_of_ours(self):
        cookie, nonce = self.daemon.auth()
        raw = from_base64url(cookie)
        self.refused("S01 none", lambda: self.answer(None, nonce))
        spoiled = [base64url(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1:]) for i in range(0, len(raw), 7)]
        for value in ["", "0" * 32, "../x", "a/b", "%2e", "*", "a b", "' OR 1=1", "\u00e9", "x" * 60000, cookie + "A",
                      cookie + "==", cookie[:-1], cookie[:40], *spoiled]:
            self.refused(f"S02 {value[:20]!r}", lambda v=value: self.answer(v, nonce))
            self.refused(f"S02 GET {value[:20]!r}", lambda v=value: self.daemon.get(cookie=v or " "), 401, "TokenNotFound")
        self.expect("S02 1 MB", lambda: self.answer("x" * 1000000, nonce), 431)

    def test_s03_challenges_end(self):
        keys = os.path.join(self.daemon.home, "keys/session.key")
        purpose = b"kbs-session-id challenge v2"
        for row, sealed, status in (("good", seal(keys, purpose, challenge()), 200),
                                    ("expired", seal(keys, purpose, challenge(issued=-310)), 401),
                                    ("future", seal(keys, purpose, challenge(issued=60)), 401),
                                    ("other purpose", seal(keys, b"other", challenge()), 401),
                                    ("longer", seal(keys, purpose, challenge() + b"x"), 401),
                                    ("shorter", seal(keys, purpose, challenge()[:-1]), 401),
                                    ("empty", seal(keys, purpose, b""), 401)):
            self.expect(f"S03 {row}", lambda c=sealed: self.answer(c, "n"), status)

    def test_s04_s05_evidence_for_another_challenge(self):
        (a, nonce_a), (b, nonce_b) = self.daemon.auth(), self.daemon.auth()
        for row, nonce in (("another's", nonce_b), ("empty", ""), ("url-safe", nonce_a.replace("=", "")),
                           ("spaced", nonce_a + " "), ("lower", nonce_a.lower())):
            self.refused(f"S04 {row}", lambda n=nonce: self.answer(a, n))
        good = attestation(nonce_a, self.key)
        self.expect("S05 first", lambda: self.post("/kbs/v0/attest", good, a), 200)
        good["runtime-data"]["nonce"] = nonce_b
        self.refused("S05 replayed", lambda: self.post("/kbs/v0/attest", good, b))

    def test_s06_an_answered_challenge_gives_its_own_token_to_its_own_key_only(self):
        cookie, nonce = self.daemon.auth()
        token = self.expect("S06 first", lambda: self.answer(cookie, nonce), 200).json()["token"]
        again = self.expect("S06 again", lambda: self.answer(cookie, nonce, evidence={"svn": "2", "report_data": "x"}), 200)
        self.assertEqual(again.json()["token"], token)
        self.refused("S06 another key", lambda: self.answer(cookie, nonce, Key()))
        self.refused("S06 another nonce", lambda: self.answer(cookie, "AAAA"))

    def test_s07_two_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for _ in range(50):
                cookie, nonce = self.daemon.auth()
                both = list(pool.map(lambda _, c=cookie, n=nonce: self.answer(c, n), range(2)))
                self.assertEqual([a.status for a in both], [200, 200], both)
                self.assertEqual(both[0].json()["token"], both[1].json()["token"])

    def test_s08_s09_challenges_are_the_services_own_and_fresh(self):
        mine, _ = self.daemon.auth()
        theirs = self.expect("S08", lambda: self.post("/kbs/v0/auth", AUTH, mine), 200)
        self.assertNotEqual(theirs.cookie(), mine)
        seen = {self.daemon.auth() for _ in range(500)}
        self.assertEqual((len({c for c, _ in seen}), len({n for _, n in seen})), (500, 500))

    def test_s10_an_unanswered_challenge_costs_nothing(self):
        def sessions():
            text = self.daemon.request("GET", "/metrics").body.decode()
            return [line for line in text.splitlines() if line.startswith("trustee_sessions ")]
        before, memory = sessions(), self.resident()
        for _ in range(2000):
            self.daemon.auth()
        self.assertEqual(sessions(), before)
        self.assertLess(self.resident() - memory, 4 << 20)

    def test_s11_s12_s13_which_credential_counts(self):
        cookie, _ = self.daemon.auth()
        self.refused("S11", lambda: self.daemon.get(cookie=cookie), 401, "TokenNotFound")
        mine, other = Key(), Key()
        session = self.daemon.attest(mine)[1]
        bearer = self.daemon.token(other)
        answer = self.expect("S12 both", lambda: self.daemon.get(cookie=session, token=bearer), 200)
        self.assertEqual(mine.decrypt(answer), SECRET)
        for bad in ("x", cookie):
            answer = self.expect("S12 bad cookie", lambda c=bad: self.daemon.get(cookie=c, token=bearer), 200)
            self.assertEqual(other.decrypt(answer), SECRET)
        self.refused("S12 bad both", lambda: self.daemon.get(cookie="x", token="x"), 401, "TokenVerifierError")
        padding = "".join(f"c{i}=v; " for i in range(1000))
        answer = self.expect("S13", lambda: self.daemon.get(cookie=f"x; {padding}kbs-session-id={session}"), 401)
        answer = self.expect("S13", lambda: self.daemon.get(cookie=f"{session}; {padding}kbs-session-id=x"), 200)
        self.assertEqual(mine.decrypt(answer), SECRET)

    def test_s15_a_restart(self):
        (cookie, nonce), (session, token) = self.daemon.auth(), (None, None)
        answer, session = self.daemon.attest(self.key)
        token = answer.json()["token"]
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        self.expect("S15 answer", lambda: self.answer(cookie, nonce), 200)
        self.refused("S15 session", lambda: self.daemon.get(cookie=session), 401, "TokenNotFound")
        self.expect("S15 token", lambda: self.daemon.get(token=token), 200)

    def test_s16_attributes_of_the_cookie(self):
        value = self.post("/kbs/v0/auth", AUTH).header("set-cookie")
        name, *attributes = value.split("; ")
        self.assertLessEqual(len(name), 512 + len("kbs-session-id="))
        self.assertEqual([a.partition("=")[0] for a in attributes], ["Expires", "Path", "HttpOnly", "SameSite"])
        self.assertIn("Path=/kbs", attributes)
        self.assertIn("SameSite=Strict", attributes)


if __name__ == "__main__":
    unittest.main()
