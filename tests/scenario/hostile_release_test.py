#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile TEE keys, resource paths, policies and reference values against the real daemon: rows E01 to E10, R01 to R14
and K01 to K09, and J15."""

import base64
import concurrent.futures
import json
import os
import sys
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import hostile
    from hostile import ALLOW, SECRET, Hostile
    from trusteed import Key, attestation, base64url, from_base64url
    MISSING = hostile.missing()
except ImportError as problem:
    MISSING = str(problem)

    class Hostile(unittest.TestCase):
        pass

P256 = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff
DENY = "package policy\nallow := false\n"


def number(value, size=None):
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8 or 1, "big"))


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Keys(Hostile):
    settings = {"http": {"body_limit": "3MiB"}}

    def release(self, public):
        """The answer to a GET with a session of this key; or the refusal to attest with it."""
        cookie, nonce = self.daemon.auth()
        answer = self.daemon.request("POST", "/kbs/v0/attest", attestation(nonce, public),
                                     {"Cookie": "kbs-session-id=" + cookie})
        return self.daemon.get(cookie=cookie) if answer.status == 200 else answer

    def refused(self, row, public):
        self.expect(row, lambda: self.release(public), 401, "JweError")

    def test_e01_rsa(self):
        good = Key("RSA").public
        self.expect("E01 good", lambda: self.release(good), 200)
        n = int.from_bytes(from_base64url(good["n"]), "big")
        for row, change in (("1024 bits", {"n": Key("RSA", bits=1024).public["n"]}), ("n = 0", {"n": number(0)}),
                            ("n = 1", {"n": number(1)}), ("n even", {"n": number(n - 1)}), ("e = 1", {"e": number(1)}),
                            ("e even", {"e": number(65536)}), ("e = 0", {"e": number(0)}), ("n huge", {"n": number(
                                (1 << 16383) + 1)}), ("n 20 KB", {"n": "A" * 20000}), ("e = n", {"e": good["n"]}),
                            ("no n", {"n": None}), ("n a number", {"n": 5}), ("n empty", {"n": ""}), ("n not base64", {"n": "*"})):
            self.refused(f"E01 {row}", {**good, **change})

    def test_e02_ec(self):
        good = Key().public
        y = from_base64url(good["y"])
        for row, change in (("off curve", {"y": good["x"]}), ("infinity", {"x": number(0, 32), "y": number(0, 32)}),
                            ("x = p", {"x": number(P256)}), ("x > p", {"x": number(2 ** 256 - 1)}), ("y = p", {"y": number(P256)}),
                            ("31 bytes", {"y": base64url(y[:31])}), ("33 bytes", {"y": base64url(b"\0" + y)}),
                            ("empty", {"x": ""}), ("no y", {"y": None}), ("y a number", {"y": 5})):
            self.refused(f"E02 {row}", {**good, **change})
        large = Key("P-521").public
        x = from_base64url(large["x"])
        for row, value in (("65 bytes", x[1:]), ("67 bytes", b"\0" + x)):
            self.refused(f"E02 P-521 {row}", {**large, "x": base64url(value)})

    def test_e03_algorithms_that_are_none_or_another_keys(self):
        ec, rsa = Key().public, Key("RSA").public
        for alg in ("ECDH-ES", "ECDH-ES+A128KW", "RSA-OAEP-256", "none", "", None, 7, "dir", "A256KW", "ecdh-es+a256kw"):
            self.refused(f"E03 EC {alg}", {**ec, "alg": alg})
        for alg in ("RSA-OAEP", "RSA-OAEP-512", "ECDH-ES+A256KW", "RS256", "", None, "RSA1_5"):
            self.refused(f"E03 RSA {alg}", {**rsa, "alg": alg})
        for row, change in (("P-384", {"crv": "P-384"}), ("secp256k1", {"crv": "secp256k1"}), ("OKP", {"kty": "OKP"}),
                            ("oct", {"kty": "oct", "k": "AAAA"}), ("RSA", {"kty": "RSA"}), ("no kty", {"kty": None}),
                            ("P-521", {"crv": "P-521"})):
            self.refused(f"E03 {row}", {**ec, **change})

    def test_e05_e06_every_encryption_is_its_own_and_another_implementation_opens_it(self):
        for key in (Key(), Key("P-521"), Key("RSA"), Key("RSA", bits=4096)):
            session = self.daemon.attest(key)[1]
            answers = [self.daemon.get(cookie=session) for _ in range(60)]
            self.assertEqual({key.decrypt(a) for a in answers}, {SECRET})
            for member in ("iv", "encrypted_key", "ciphertext", "tag"):
                self.assertEqual(len({a.json()[member] for a in answers}), len(answers), member)
            self.assertEqual({len(from_base64url(a.json()["tag"])) for a in answers}, {16})

    def test_e07_secrets_of_any_bytes(self):
        session = self.daemon.attest(self.key)[1]
        for secret in (b"", b"\0", bytes(range(256)) * 16, b"\0" * 1000, os.urandom(2 << 20), b"\r\n\r\n", b'{"a":1}'):
            self.assertEqual(self.daemon.admin("POST", "/kbs/v0/resource/default/test/bytes", secret).status, 200)
            answer = self.daemon.get("default/test/bytes", session)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(self.key.decrypt(answer), secret)

    def test_e10_a_device_is_no_primary(self):
        cookie, nonce = self.daemon.auth("sampledevice")
        self.expect("E10", lambda: self.daemon.request("POST", "/kbs/v0/attest", attestation(nonce, self.key), {
            "Cookie": "kbs-session-id=" + cookie}), 401, "AttestationError")

    def test_e10_the_shipped_resource_policy_releases_nothing_to_a_sample(self):
        values = {"svn": ["1"], "launch_digest": ["abcde"], "major_version": 1, "minimum_minor_version": 4}
        payload = base64.b64encode(json.dumps(values).encode()).decode()
        message = {"version": "0.1.0", "type": "sample", "payload": payload}
        self.assertEqual(self.daemon.admin("POST", "/kbs/v0/reference-value", message).status, 200)
        with open(os.path.join(ROOT, "policy/resource.rego"), encoding="utf-8") as f:
            self.daemon.set_resource_policy(f.read())
        try:
            answer, session = self.daemon.attest(self.key)
            self.assertIn("affirming", str(from_base64url(answer.json()["token"].split(".")[1])))
            self.expect("E10", lambda: self.daemon.get(cookie=session), 403, "PolicyDeny")
        finally:
            self.daemon.set_resource_policy(ALLOW)


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Resources(Hostile):
    BAD = ("a/b", "a/b/c/d", "/a/b/c", "a//c", "a/b/", "..", "a/../b", "../../x", "a/b/..", "a/./c", ".a/b/c", "a/b/.c",
           "a/b/%2e%2e", "%2e%2e/b/c", "a%2fb/c/d", "a/b/c%2f", "a/b/c%00", "a/b/%5c", "a/b/c%0a", "a/b/%c0%ae", "a/b/c%20d",
           "a/b/~", "a/b/" + "c" * 256, "a/b/%ff", "a/b/%", "a/b/%2", "a/b/%zz", "a/b/c;d", "a/b/c:d", "a/b/*", "a/b/%C3%A9",
           "a/b/%252e%252e", "a/" + "b" * 5000 + "/c", "a\\b\\c/d/e")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.session = cls.daemon.attest(cls.key)[1]

    def get(self, path, **how):
        return self.daemon.get(path, **(how or {"cookie": self.session}))

    def test_r01_r02_paths(self):
        for path in self.BAD:
            self.expect(f"R01 GET {path[:30]}", lambda p=path: self.get(p), (400, 404, 414))
            for method in ("POST", "DELETE"):
                self.expect(f"R01 {method} {path[:30]}", lambda p=path, m=method: self.daemon.admin(
                    m, "/kbs/v0/resource/" + p, b"x"), (400, 401, 404, 414))
        for path in ("a/b/c", "-/_/a.b", "A/b.c/..."[:-3] + "d", "default/test/%6bey"):
            self.expect(f"R02 {path}", lambda p=path: self.get(p), (200, 404))
        self.expect("R02 decoded once", lambda: self.get("default/test/%6bey"), 200)

    def test_r03_what_is_no_plain_file_in_the_repository(self):
        folder = os.path.join(self.daemon.home, "storage", "repository")
        self.assertTrue(os.path.isdir(folder), os.listdir(os.path.join(self.daemon.home, "storage")))
        name = "default\\x2Ftest\\x2F"
        self.assertIn(name + "key", os.listdir(folder))
        os.symlink("/etc/passwd", os.path.join(folder, name + "link"))
        os.mkfifo(os.path.join(folder, name + "pipe"))
        os.mkdir(os.path.join(folder, name + "folder"))
        try:
            for kind in ("link", "pipe", "folder"):
                self.expect(f"R03 {kind}", lambda k=kind: self.get("default/test/" + k), (404, 503))
        finally:
            os.unlink(os.path.join(folder, name + "link"))
            os.unlink(os.path.join(folder, name + "pipe"))
            os.rmdir(os.path.join(folder, name + "folder"))

    def test_r04_whole_old_or_whole_new(self):
        values, stop, bad = [bytes([65 + i]) * 40000 for i in range(4)], threading.Event(), []

        def write():
            while not stop.is_set():
                for value in values:
                    self.daemon.admin("POST", "/kbs/v0/resource/default/test/race", value)
        self.daemon.admin("POST", "/kbs/v0/resource/default/test/race", values[0])
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(150):
                answer = self.get("default/test/race")
                if answer.status != 200 or self.key.decrypt(answer) not in values:
                    bad.append(answer)
        finally:
            stop.set()
            writer.join()
        self.assertEqual(bad, [])

    def test_r11_who_is_nobody_learns_nothing(self):
        paths = ("/kbs/v0/resource/default/test/key", "/kbs/v0/resource/default/test/missing", "/kbs/v0/resource/a/b",
                 "/kbs/v0/nosuch/a/b/c", "/kbs/v0/nosuch")
        for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Cookie": "kbs-session-id=x"}):
            answers = [self.expect(f"R11 {path}", lambda p=path, h=headers: self.daemon.request("GET", p, headers=h), 401)
                       for path in paths]
            self.assertEqual(len({(a.json()["type"], a.json()["detail"], a.json()["reason"]) for a in answers}), 1)

    def test_r11_who_is_denied_does_not_learn_what_there_is(self):
        self.daemon.set_resource_policy(DENY)
        try:
            answers = [self.expect(f"R11 {p}", lambda p=p: self.get(p), 403, "PolicyDeny")
                       for p in ("default/test/key", "default/test/missing")]
            self.assertEqual(*[(a.json()["type"], a.json()["detail"], a.json()["reason"]) for a in answers])
        finally:
            self.daemon.set_resource_policy(ALLOW)

    def test_r12_nothing_is_listed_to_a_guest(self):
        for path in ("/kbs/v0/resource", "/kbs/v0/resource/", "/kbs/v0/resource/default", "/kbs/v0/resource/default/test/"):
            answer = self.expect(f"R12 {path}", lambda p=path: self.daemon.request(
                "GET", p, headers={"Cookie": "kbs-session-id=" + self.session}), (400, 404))
            self.assertNotIn(b"test/key", answer.body)

    def test_r13_names_are_no_metric(self):
        before = len(self.daemon.request("GET", "/metrics").body.splitlines())
        for i in range(300):
            self.get(f"default/test/name{i}")
        after = self.daemon.request("GET", "/metrics").body
        self.assertNotIn(b"name2", after)
        self.assertLess(len(after.splitlines()), before + 20)

    def test_r14_sizes_and_what_is_not_there(self):
        self.expect("R14 delete", lambda: self.daemon.admin("DELETE", "/kbs/v0/resource/default/test/missing"), 404,
                    "PluginInternalError")
        self.expect("R14 large", lambda: self.daemon.admin("POST", "/kbs/v0/resource/default/test/large", b"x" * ((2 << 20) + 1)),
                    413)
        self.assertEqual(self.daemon.admin("POST", "/kbs/v0/resource/default/test/empty", b"").status, 200)
        self.assertEqual(self.key.decrypt(self.get("default/test/empty")), b"")

    def test_j15_queries(self):
        self.daemon.set_resource_policy('package policy\nimport rego.v1\ndefault allow := false\n'
                                        'allow if data.query == {"a": "2"}\nallow if data.query == {}\n')
        try:
            for row, query, status in (("last wins", "a=1&a=2", 200), ("none", "", 200), ("encoded", "%61=%32", 200),
                                       ("other", "a=1", 403), ("bad", "%zz", 400), ("cut", "a=%4", 400),
                                       ("invalid UTF-8", "a=%ff", 400), ("NUL", "a=%00", (400, 403)), ("only &", "&&&", 200),
                                       ("many", "&".join(f"k{i}=v" for i in range(2000)), 414), ("33", "&".join(f"k{i}=v" for i in range(33)), 400),
                                       ("64 KiB", "a=" + "x" * 65536, 414)):
                self.expect(f"J15 {row}", lambda q=query: self.get("default/test/key?" + q), status)
        finally:
            self.daemon.set_resource_policy(ALLOW)


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Policies(Hostile):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.session = cls.daemon.attest(cls.key)[1]

    def set(self, text, path="resource-policy", **members):
        data = text if isinstance(text, bytes) else text.encode()
        return self.daemon.admin("POST", "/kbs/v0/" + path, {"policy": base64url(data), **members})

    def get(self):
        return self.daemon.get(cookie=self.session)

    def test_k01_what_is_no_policy_leaves_the_old_one(self):
        for row, body in (("not base64url", {"policy": "#"}), ("padded", {"policy": base64.b64encode(b"package policy").decode()}),
                          ("number", {"policy": 7}), ("null", {"policy": None}), ("missing", {}), ("array", []), ("empty", b""),
                          ("not JSON", b"{"), ("not UTF-8", {"policy": base64url(b"package policy\n#\xff")})):
            self.expect(f"K01 {row}", lambda b=body: self.daemon.admin("POST", "/kbs/v0/resource-policy", b), 400)
        deep = "package policy\nallow = " + "[" * 100000 + "]" * 100000
        for row, text in (("empty", ""), ("syntax", "package policy\nallow if {"), ("no package", "allow = true"),
                          ("not rego", "\0\0\0"), ("deep", deep), ("recursive", "package policy\nallow if allow\n"),
                          ("mutual", "package policy\nallow if b\nb if allow\n"), ("deep parentheses", "package policy\nallow if "
                           + "(" * 5000 + "true" + ")" * 5000)):
            self.expect(f"K01 {row}", lambda t=text: self.set(t), 400, None, seconds=6)
        self.expect("K01 10 MB", lambda: self.set("package policy\n#" + "x" * 10000000), 413)
        self.expect("the old one", self.get, 200)

    def test_k02_only_true_allows(self):
        for value in ('"true"', "1", "null", "{}", "[]", "[true]", "false", '"yes"', '{"allow": true}'):
            self.assertEqual(self.set(f"package policy\nallow := {value}\n").status, 200)
            self.expect(f"K02 {value}", self.get, 403, "PolicyDeny")
        for text in ("package policy\nx := 1\n", "package other\nallow := true\n", "package policy\nallow := true if input.nosuch\n",
                     "package policy\nimport rego.v1\nallow if 1 / 0 == 1\n", "package policy\nimport rego.v1\nallow if "
                     "to_number(\"x\") == 1\n"):
            answer = self.set(text)
            if answer.status == 200:
                self.expect(f"K02 {text!r}", self.get, 403, "PolicyDeny")
        self.daemon.set_resource_policy(ALLOW)

    def test_k03_an_evaluation_ends(self):
        loops = {
            "product": "count([1 | some a in numbers.range(1, 5000); some b in numbers.range(1, 5000); a * b == 7]) > 0",
            "range": "count(numbers.range(1, 1000000000)) > 0",
            "set": "count({[a, b, c] | some a in numbers.range(1, 400); some b in numbers.range(1, 400); "
                   "some c in numbers.range(1, 400)}) > 0",
            "regex": 'regex.match("^(a+)+$", concat("", ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"]))',
            "text": 'count(sprintf("%1000000000d", [1])) > 0',
        }
        for row, condition in loops.items():
            answer = self.set(f"package policy\nimport rego.v1\ndefault allow := false\nallow if {condition}\n")
            self.assertIn(answer.status, (200, 400), answer)
            if answer.status == 200:
                self.expect(f"K03 {row}", self.get, 403, "PolicyDeny", seconds=3)
                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    slow = pool.submit(self.get)
                    time.sleep(0.1)
                    started = time.monotonic()
                    self.assertEqual(self.daemon.request("GET", "/healthz").status, 200)
                    self.assertLess(time.monotonic() - started, 1.5, f"{row} holds up others")
                    slow.result()
            self.daemon.set_resource_policy(ALLOW)
        self.expect("K03 afterwards", self.get, 200)

    def test_k04_nothing_reaches_outside(self):
        for call in ('http.send({"method": "GET", "url": "http://127.0.0.1:1/"})', "opa.runtime()",
                     'net.lookup_ip_addr("localhost")', 'rego.parse_module("a", "package a")', 'data.system', 'trace("x")',
                     'opa.runtime().env.PATH'):
            answer = self.set(f"package policy\nimport rego.v1\ndefault allow := false\nallow if {call}\n")
            if answer.status == 200:
                self.expect(f"K04 {call}", self.get, (403,) if "trace" not in call else (200, 403))
            else:
                self.judge(answer, 400)
        self.daemon.set_resource_policy(ALLOW)

    def test_k05_ids(self):
        text = "package policy\ntrust_claims := {}\n"
        for name in ("../x", "", ".", "..", "a/b", "a\0b", "x" * 1000000, "a b", "\u00e9", 7, None, [], "/etc/passwd", "-\n"):
            self.expect(f"K05 {str(name)[:12]!r}", lambda n=name: self.set(text, "attestation-policy", policy_id=n), (400, 413),
                        None)
        for name in ("../x", "..%2fx", ".", "x%00", "a/b", "x" * 5000):
            self.expect(f"K05 GET {name[:12]}", lambda n=name: self.daemon.admin("GET", "/admin/v1/policies/" + n), (400, 404, 414))

    def test_k06_a_policy_is_set_whole(self):
        texts = [f"package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == \"resource\"\n# {i}\n"
                 for i in range(4)]
        stop, bad = threading.Event(), []

        def write():
            while not stop.is_set():
                for text in texts:
                    self.set(text)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(200):
                answer = self.get()
                if answer.status != 200:
                    bad.append(answer)
        finally:
            stop.set()
            writer.join()
            self.daemon.set_resource_policy(ALLOW)
        self.assertEqual(bad, [])

    def test_k07_a_reference_value_that_is_missing_affirms_nothing(self):
        token = self.daemon.attest(self.key)[0].json()["token"]
        claims = json.loads(from_base64url(token.split(".")[1]))
        vector = claims["submods"]["cpu0"]["ear.trustworthiness-vector"]
        self.assertEqual((vector["executables"], vector["hardware"]), (33, 97))
        self.assertEqual(claims["submods"]["cpu0"]["ear.status"], "contraindicated")

    def test_k08_reference_value_messages(self):
        def message(payload, **members):
            data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            return {"version": "0.1.0", "type": "sample", "payload": base64.b64encode(data).decode(), **members}
        many = {f"v{i}": ["x"] for i in range(100000)}
        for row, body in (("version", message({"a": [1]}, version="9.9.9")), ("type", message({"a": [1]}, type="nosuch")),
                          ("payload", message(b"x")), ("array", message([1])), ("text", message("x")), ("twice", message(
                              b'{"a":[1],"a":[2]}')), ("deep", message(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")),
                          ("control", message({"a\nb": [1]})), ("empty name", message({"": [1]})), ("not JSON", b"x"),
                          ("long name", message({"x" * 5000: [1]})), ("null", b"null"), ("no payload", {"version": "0.1.0",
                                                                                                    "type": "sample"})):
            self.expect(f"K08 {row}", lambda b=body: self.daemon.admin("POST", "/kbs/v0/reference-value", b), 400, "RvpsError")
        answer = self.daemon.admin("POST", "/kbs/v0/reference-value", message(many))
        self.assertIn(answer.status, (400, 413), answer)
        for name in ("nosuch", "..%2f..", "%00", "x" * 5000, "a/b/c"):
            self.expect(f"K08 GET {name[:12]}", lambda n=name: self.daemon.admin(
                "GET", "/kbs/v0/reference-value/" + n), (400, 404, 414))

    def test_k09_a_trust_claim_out_of_range_refuses_the_attestation(self):
        shipped = self.daemon.admin("GET", "/admin/v1/policies/default_cpu").body
        try:
            for value in ("258", "-129", "1.5", '"2"', "null", "true", "[2]", "1e3", "9223372036854775807"):
                claims = f'{{"executables": {value}}}'
                self.assertEqual(self.set(f"package policy\ntrust_claims := {claims}\n", "attestation-policy",
                                          policy_id="default_cpu").status, 200)
                self.expect(f"K09 {value}", lambda: self.daemon.attest(self.key)[0], 403, "AttestationError")
            for text in ('{"nosuch": 2}', '"x"', "[]", "7"):
                self.set(f"package policy\ntrust_claims := {text}\n", "attestation-policy", policy_id="default_cpu")
                self.expect(f"K09 {text}", lambda: self.daemon.attest(self.key)[0], 403, "AttestationError")
        finally:
            self.set(shipped, "attestation-policy", policy_id="default_cpu")


if __name__ == "__main__":
    unittest.main()
