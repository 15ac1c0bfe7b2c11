#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile administrators' and attestation tokens against the real daemon: rows A01 to A23, and tokens that are revoked
by a change of policy. Every spoiled token is tried at both doors."""

import base64
import datetime
import hmac
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
    from jwcrypto import jwk, jws
    import hostile
    from hostile import ALLOW, SECRET, Hostile
    from trusteed import Daemon, Key, base64url, from_base64url, sign, token_parts
    MISSING = hostile.missing()
except ImportError as problem:
    MISSING = str(problem)

    class Hostile(unittest.TestCase):
        pass

ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551  # of P-256
JWT = {"typ": "JWT", "alg": "ES256"}


def part(value):
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def read(path):
    with open(path, "rb") as f:
        return f.read()


def forged(key, claims, header):
    """{name: token}: no one of them is a compact JWS of this key as RFC 7515, 7518 and 8725 have it."""
    good = sign(key, claims, header)
    first, second, third = good.split(".")
    raw = from_base64url(third)
    pem, public = key.export_to_pem(), key.export_public(as_dict=True)
    other = jwk.JWK.generate(kty="EC", crv="P-256")
    rsa = jwk.JWK.generate(kty="RSA", size=2048)
    out = {}
    for alg in ("none", "None", "nOnE", "", "ES384", "ES512", "RS256", "HS256", "es256", None, 7):
        out[f"A06 alg {alg}, unsigned"] = ".".join((part({**header, "alg": alg}), second, ""))
        out[f"A06 alg {alg}, signature of another"] = ".".join((part({**header, "alg": alg}), second, third))
    for name, secret in (("PEM", pem), ("x", from_base64url(public["x"])), ("empty", b"")):
        start = part({**header, "alg": "HS256"}) + "." + second
        out[f"A07 HS256 by the public key, {name}"] = start + "." + part(hmac.digest(secret, start.encode(), "sha256"))
    out["A09 a key of its own"] = sign(other, claims, {**header, "jwk": {**other.export_public(as_dict=True), "alg": "ES256"}})
    out["A09 signed by another"] = sign(other, claims, header)
    out["A09 an RSA key of its own"] = sign(rsa, claims, {**header, "alg": "RS256", "jwk": {**rsa.export_public(as_dict=True),
                                                                                           "alg": "RS256"}})
    for name, value in (("crit", ["x"]), ("crit", []), ("crit", ["exp"]), ("b64", False), ("zip", "DEF"), ("crit", "b64")):
        start = part({**header, name: value}) + "." + second
        out[f"A12 {name} {value}"] = sign_text(key, start) if name != "b64" else start + "." + third
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    for name, pair in (("zeros", (0, 0)), ("r zero", (0, s)), ("s zero", (r, 0)), ("r = n", (ORDER, s)),
                       ("s = n", (r, ORDER)), ("ones", (1, 1))):
        out[f"A13 {name}"] = f"{first}.{second}.{part(b''.join(v.to_bytes(32, 'big') for v in pair))}"
    for name, value in (("DER", encode_dss_signature(r, s)), ("63 bytes", raw[:63]), ("65 bytes", raw + b"\0"),
                        ("empty", b""), ("96 bytes", raw + raw[:32]), ("leading zeros", b"\0" + raw[:32] + b"\0" + raw[32:])):
        out[f"A13 {name}"] = f"{first}.{second}.{part(value)}"
    out["A15 flattened JSON"] = json.dumps({"protected": first, "payload": second, "signature": third})
    out["A15 general JSON"] = json.dumps({"payload": second, "signatures": [{"protected": first, "signature": third}]})
    out["A15 compact in JSON"] = json.dumps(good)
    for name, text in (("dots", "." * 8000), ("two parts", f"{first}.{second}"), ("four parts", good + "."),
                       ("five parts", good + "." + third + "." + third), ("space inside", first + " ." + second + "." + third),
                       ("padded", f"{first}.{second}.{third}=="), ("trailing bits", good[:-1] + chr(ord(good[-1]) + 1)),
                       ("standard alphabet", f"{first}.{second}.{third[:-1]}+"), ("empty header", f".{second}.{third}"),
                       ("no signature", f"{first}.{second}."), ("large", first + "." + "A" * 60000 + "." + third)):
        out[f"A16 {name}"] = text
    for name, payload in (("duplicate", b'{"role":"admin",' + json.dumps(claims).encode()[1:-1] + b',"exp":9999999999}'),
                          ("array", b"[]"), ("empty", b""), ("no JSON", b"x"), ("invalid UTF-8", b'{"exp":"\xff"}')):
        out[f"A19 {name}"] = sign(key, payload, header)
    start = part(json.dumps(header)[:-1].encode() + b',"alg":"ES256"}') + "." + second
    out["A19 duplicate header"] = sign_text(key, start)
    return out


def sign_text(key, start):
    """ES256 over the text, whatever it is."""
    private = serialization.load_pem_private_key(key.export_to_pem(True, None), None)
    r, s = decode_dss_signature(private.sign(start.encode(), ec.ECDSA(hashes.SHA256())))
    return start + "." + part(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def wrong_times(claims):
    now = int(time.time())
    without = {k: v for k, v in claims.items() if k != "exp"}
    yield "no exp", without
    for name, value in (("past", now - 1), ("now", now), ("text", str(now + 300)), ("huge", 1e308), ("null", None),
                        ("array", [now + 300]), ("fraction", now + 300.5), ("zero", 0), ("negative", -1), ("2^63", 2 ** 63),
                        ("2^64", 2 ** 64)):
        yield f"exp {name}", {**claims, "exp": value}
    for name in ("nbf", "iat"):
        yield f"{name} in an hour", {**claims, name: now + 3600}
        yield f"{name} text", {**claims, name: "x"}


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Administrators(Hostile):
    sections = ("\n[admin-key second]\npublic_key = {home}/keys/admin.pub\nissuer = second\naudience = kbs\n")

    def claims(self, **members):
        now = int(time.time())
        return {"iss": "trusteectl", "sub": "admin", "iat": now, "exp": now + 300, "role": "admin", **members}

    def put(self, authorization, headers=None):
        return self.daemon.request("POST", "/kbs/v0/resource/default/test/forged", b"x",
                                   headers or {"Authorization": authorization})

    def refused(self, row, token, status=401):
        self.expect(row, lambda: self.put("Bearer " + token), status, "AdminAuthInitialization" if status == 401 else None)

    def test_a01_every_row_of_the_route_table_that_is_for_administrators(self):
        routes = json.loads(subprocess.check_output([self.daemon.program, "--dump-routes"]))
        rows = [r for r in routes if r["access"] == "admin"]
        self.assertGreater(len(rows), 10)
        attested = self.daemon.token()
        tokens = {"none": None, "attestation": attested, "garbage": "x.y.z", "no role": self.daemon.admin_jwt(
            {k: v for k, v in self.claims().items() if k != "role"}), "other role": self.daemon.admin_jwt(
                self.claims(role="guest")), "expired": self.daemon.admin_jwt(self.claims(exp=int(time.time()) - 1))}
        for row in rows:
            path = row["path"].replace("*", "a/b/c")
            kind = "AdminAuthInitialization" if path.startswith("/kbs/v0/resource/") else "AdminAuthAccess"
            for name, token in tokens.items():
                headers = {"Authorization": "Bearer " + token} if token else {}
                body = b"{}" if row["method"] == "POST" else None
                self.expect(f"A01 {row['method']} {path} {name}", lambda: self.daemon.request(
                    row["method"], path, body, headers), 401, kind)

    def test_a02_other_spellings_of_a_path(self):
        for path in ("/kbs/v0/%61ttestation-policy", "/kbs/v0//attestation-policy", "/kbs/v0/attestation-policy/",
                     "/kbs/v0/attestation-policy;x", "/kbs/v0/Attestation-Policy", "/kbs/v0/./attestation-policy",
                     "/kbs/v0/%2561ttestation-policy", "/kbs/v0/x/../attestation-policy", "//kbs/v0/attestation-policy",
                     "/kbs/v0/attestation-policy%00", "/kbs/v0/attestation-policy%2f", "/kbs//v0/attestation-policy",
                     "/kbs/v0/resource-policy?x=/kbs/v0/auth", "/admin/v1/resources/", "/admin/v1/%72esources",
                     "/admin//v1/resources", "/admin/v1/policies/..%2f..%2f"):
            for method in ("GET", "POST", "DELETE"):
                self.expect(f"A02 {method} {path}", lambda p=path, m=method: self.daemon.request(m, p, b"{}"),
                            (400, 401, 404, 405))

    def test_a06_to_a19_forged_tokens(self):
        self.assertEqual(self.put("Bearer " + self.daemon.admin_jwt()).status, 200)
        for row, token in forged(self.daemon.admin_key, self.claims(), JWT).items():
            self.refused(row, token)

    def test_a11_places_to_fetch_a_key_from(self):
        for name, value in (("jku", "http://127.0.0.1:1/"), ("x5u", "http://127.0.0.1:1/"), ("kid", "../../dev/null"),
                            ("kid", "' or 1"), ("kid", "k" * 30000)):
            other = jwk.JWK.generate(kty="EC", crv="P-256")
            self.refused(f"A11 {name}", self.daemon.admin_jwt(self.claims(), other, {name: value}))

    def test_a17_times(self):
        for row, claims in wrong_times(self.claims()):
            if row != "exp fraction":
                self.refused(f"A17 {row}", self.daemon.admin_jwt(claims))

    def test_a18_issuer_audience_and_role(self):
        for row, members in (("issuer", {"iss": "trustee"}), ("issuer prefix", {"iss": "trusteectl2"}), ("issuer array",
                             {"iss": ["trusteectl"]}), ("no audience", {"iss": "second"}), ("audience prefix", {"iss": "second",
                             "aud": "kb"}), ("audience number", {"iss": "second", "aud": 7}), ("audience object", {"iss":
                             "second", "aud": {"kbs": "kbs"}}), ("audience empty", {"iss": "second", "aud": []}), ("role array",
                             {"role": ["admin"]}), ("role empty", {"role": ""}), ("role case", {"role": "Admin"}),
                             ("role null", {"role": None}), ("role with NUL", {"role": "admin\0"})):
            self.refused(f"A18 {row}", self.daemon.admin_jwt(self.claims(**members)))
        good = self.daemon.admin_jwt(self.claims(iss="second", aud=["a", "kbs"]))
        self.assertEqual(self.put("Bearer " + good).status, 200)

    def test_a20_the_header(self):
        token = self.daemon.admin_jwt()
        for value in (token, "Basic YTpi", "Bearer", "Bearer ", "Bearer  ", "Bearer\t", "Token " + token, "Bearer " + "A" * 60000):
            self.expect(f"A20 {value[:20]!r}", lambda v=value: self.put(v), 401)
        self.expect("A20 twice", lambda: self.put(None, {"Authorization": "Bearer " + token, "authorization": "Bearer x"}), 400)

    def test_a22_the_second_door_is_not_the_first(self):
        self.expect("A22", lambda: self.daemon.get(token=self.daemon.admin_jwt()), 401, "TokenVerifierError")


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Roles(Hostile):
    """A03: what a role may do is said of the decoded path alone."""

    sections = ("\n[role reader]\nallow = GET /admin/v1/**\n"
                "\n[role team]\nallow = POST /kbs/v0/resource/team/*/public\n"
                "\n[role admin]\nallow = * /**\n")

    def post(self, path, role):
        now = int(time.time())
        token = self.daemon.admin_jwt({"iss": "trusteectl", "iat": now, "exp": now + 60, "role": role})
        return self.daemon.request("POST", path, b"x", {"Authorization": "Bearer " + token})

    def test_a03_nothing_but_the_path_counts(self):
        for path in ("/kbs/v0/resource/team/a/secret?x=/public", "/kbs/v0/resource/team/a/secret?/public",
                     "/kbs/v0/resource/team/a/b/public", "/kbs/v0/resource/team/a/public/x", "/kbs/v0/resource/other/a/public",
                     "/kbs/v0/resource/team/a%2fb/public", "/kbs/v0/resource/team/../team/public", "/kbs/v0/resource-policy"):
            self.expect(f"A03 {path}", lambda p=path: self.post(p, "team"), (400, 401, 404))
        self.assertEqual(self.post("/kbs/v0/resource/team/a/public", "team").status, 200)
        self.expect("A03 reader", lambda: self.post("/kbs/v0/resource/team/a/public", "reader"), 401)

    def test_a04_patterns_that_are_none_are_refused_at_the_start(self):
        for pattern in ("GET ^/kbs/a|.*$", "GET /kbs/*/x*", "GET kbs/v0", "GET /kbs/**/x", "/kbs/v0/**", ""):
            with self.subTest(pattern):
                path = os.path.join(self.daemon.home, "bad.ini")
                with open(path, "wb") as f:
                    f.write(read(self.daemon.config) + b"\n[role bad]\nallow = " + pattern.encode() + b"\n")
                done = subprocess.run([self.daemon.program, "--check-config", "--config", path], capture_output=True)
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertTrue(done.stderr.strip())


    def test_a14_keys_that_are_too_weak_are_refused_at_the_start(self):
        good = jwk.JWK.generate(kty="RSA", size=2048).export_to_pem()
        for name, pem, fits in (("2048 bits", good, True), ("1024 bits", jwk.JWK.generate(kty="RSA", size=1024).export_to_pem(),
                                False), ("secp256k1", ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(
                                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), False),
                                ("empty", b"", False), ("no PEM", b"x" * 100, False), ("cut", good[:-60], False)):
            with self.subTest("A14 " + name):
                key, path = (os.path.join(self.daemon.home, n) for n in ("weak.pub", "weak.ini"))
                with open(key, "wb") as f:
                    f.write(pem)
                with open(path, "wb") as f:
                    f.write(read(self.daemon.config) + f"\n[admin-key weak]\npublic_key = {key}\n".encode())
                done = subprocess.run([self.daemon.program, "--check-config", "--config", path], capture_output=True)
                self.assertEqual(done.returncode == 0, fits, done)


def certificate(subject, key, issuer=None, issuer_key=None, ca=False, days=1, start=-1):
    now = datetime.datetime.utcnow()
    name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer or subject))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now + datetime.timedelta(days=start)).not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca, None), True)
               .add_extension(x509.KeyUsage(True, False, False, False, False, ca, ca, False, False), True))
    return builder.sign(issuer_key or key, hashes.SHA256())


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Bearers(Hostile):
    """The same forgeries as attestation tokens; and tokens of other issuers: by JWK set, and by certificates."""

    @classmethod
    def setUpClass(cls):
        folder = os.path.join("/tmp", f"hostile-{os.getpid()}")
        os.makedirs(folder, exist_ok=True)
        cls.folder = folder
        cls.rsa, cls.partner = jwk.JWK.generate(kty="RSA", size=2048), jwk.JWK.generate(kty="EC", crv="P-256")
        keys = [{**cls.rsa.export_public(as_dict=True), "kid": "rsa"},
                {**cls.partner.export_public(as_dict=True), "kid": "ec", "alg": "ES256"}]
        cls.root_key = ec.generate_private_key(ec.SECP256R1())
        cls.root = certificate("root", cls.root_key, ca=True)
        with open(os.path.join(folder, "jwks.json"), "w", encoding="ascii") as f:
            json.dump({"keys": keys}, f)
        with open(os.path.join(folder, "root.pem"), "wb") as f:
            f.write(cls.root.public_bytes(serialization.Encoding.PEM))
        cls.settings = {"token-issuer partner": {"issuer": "partner", "jwks": f"{folder}/jwks.json",
                                                 "certificate": f"{folder}/root.pem", "profile": "any"}}
        super().setUpClass()
        cls.signer = jwk.JWK.from_pem(read(os.path.join(cls.daemon.home, "keys/token.pem")))
        cls.own_header, cls.own_claims = token_parts(cls.daemon.token(cls.key))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def foreign(self, **members):
        now = int(time.time())
        return {"iss": "partner", "iat": now, "exp": now + 300, "tee-pubkey": self.key.public,
                "submods": {"cpu0": {"ear.status": "affirming"}}, **members}

    def refused(self, row, token):
        answer = self.expect(row, lambda: self.daemon.get(token=token), 401)
        if answer:  # what has not the form of a bearer's credential is none
            self.assertIn(answer.kind(), ("TokenVerifierError",) if token.count(".") == 2 and token.isascii() and
                          not set(token) & set(' "{') else ("TokenVerifierError", "TokenNotFound"))

    def accepted(self, row, token, key=None):
        answer = self.expect(row, lambda: self.daemon.get(token=token), 200)
        self.assertEqual((key or self.key).decrypt(answer), SECRET)

    def test_a06_to_a19_forged_tokens(self):
        self.accepted("good", sign(self.signer, self.own_claims, self.own_header))
        for row, token in forged(self.signer, self.own_claims, self.own_header).items():
            self.refused(row, token)

    def test_another_implementation_verifies_our_tokens_with_the_published_key(self):
        answer = self.daemon.request("GET", "/.well-known/jwks.json")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "application/json"), answer)
        keys = answer.json()["keys"]
        self.assertEqual([k["alg"] for k in keys], ["ES256"])
        self.assertFalse({"d", "p", "q"} & set(keys[0]))
        token = jws.JWS()
        token.deserialize(self.daemon.token(self.key), jwk.JWK(**keys[0]))
        self.assertEqual(json.loads(token.payload)["iss"], "CoCo-Attestation-Service")

    def test_a08_a_key_without_algorithm_is_none_for_a_mac(self):
        self.accepted("good", sign(self.partner, self.foreign(), {"alg": "ES256", "kid": "ec"}))
        pem = self.rsa.export_to_pem()
        for secret in (pem, pem.strip(), b"", from_base64url(self.rsa.export_public(as_dict=True)["n"])):
            start = part({"alg": "HS256", "kid": "rsa"}) + "." + part(self.foreign())
            self.refused("A08", start + "." + part(hmac.digest(secret, start.encode(), "sha256")))

    def test_a10_certificates(self):
        leaf_key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        leaf = certificate("leaf", leaf_key, "root", self.root_key)
        stranger = certificate("root", other, ca=True)
        middle = certificate("middle", other, "root", self.root_key, ca=False)
        chains = {
            "untrusted root": [certificate("leaf", leaf_key, "root", other), stranger],
            "self-signed": [certificate("leaf", leaf_key)], "leaf of another key": [certificate("leaf", other, "root",
                                                                                               self.root_key)],
            "expired": [certificate("leaf", leaf_key, "root", self.root_key, days=-1, start=-2)],
            "not yet": [certificate("leaf", leaf_key, "root", self.root_key, days=2, start=1)],
            "issued by a leaf": [certificate("leaf", leaf_key, "middle", other), middle],
            "fifty": [leaf] * 50, "none": [], "stranger first": [stranger, leaf],
        }
        self.accepted("A10 good", self.by_chain(leaf_key, [leaf]))
        authority = certificate("leaf", leaf_key, "root", self.root_key, ca=True)
        self.accepted("A10 a CA below the anchor, as upstream", self.by_chain(leaf_key, [authority]))
        for row, chain in chains.items():
            self.refused(f"A10 {row}", self.by_chain(leaf_key, chain))

    def by_chain(self, key, chain):
        private = jwk.JWK.from_pyca(key)
        x5c = [base64.b64encode(c.public_bytes(serialization.Encoding.DER)).decode() for c in chain]
        public = {**private.export_public(as_dict=True), "alg": "ES256", "x5c": x5c}
        return sign(private, self.foreign(), {"alg": "ES256", "jwk": public})

    def test_a11_kids(self):
        for kid in ("../../dev/null", "' or 1", "", "k" * 30000, "rsa", 7, None):
            self.refused(f"A11 {str(kid)[:20]}", sign(self.partner, self.foreign(), {"alg": "ES256", "kid": kid}))
        self.refused("A11 none", sign(self.partner, self.foreign(), {"alg": "ES256"}))
        for name in ("jku", "x5u"):
            other = jwk.JWK.generate(kty="EC", crv="P-256")
            self.refused(f"A11 {name}", sign(other, self.foreign(), {"alg": "ES256", "kid": "ec", name: "http://127.0.0.1:1/"}))

    def test_a17_times_of_our_own_have_no_leeway(self):
        for row, claims in wrong_times(self.own_claims):
            if row != "exp fraction":
                self.refused(f"A17 {row}", sign(self.signer, claims, self.own_header))

    def test_a17_leeway_for_other_issuers(self):
        now, header = int(time.time()), {"alg": "ES256", "kid": "ec"}
        self.accepted("A17 30 s ago", sign(self.partner, self.foreign(exp=now - 30), header))
        self.refused("A17 70 s ago", sign(self.partner, self.foreign(exp=now - 70), header))
        for row, claims in wrong_times(self.foreign()):
            if row not in ("exp fraction", "exp past", "exp now"):
                self.refused(f"A17 {row}", sign(self.partner, claims, header))

    def test_a23_tokens_of_our_key_that_we_did_not_mean(self):
        for row, change in (("issuer", {"iss": "x"}), ("profile", {"eat_profile": "x"}), ("generation", {
                "trustee.generation": "0" * 16}), ("no submods", {"submods": {}}), ("submods text", {"submods": "x"})):
            self.refused(f"A23 {row}", sign(self.signer, {**self.own_claims, **change}, self.own_header))
        for name in ("iss", "eat_profile", "trustee.generation", "submods"):
            claims = {k: v for k, v in self.own_claims.items() if k != name}
            self.refused(f"A23 without {name}", sign(self.signer, claims, self.own_header))

    def test_a23_the_header_key_is_ours_and_the_signature_not(self):
        self.refused("A23", sign(self.partner, self.own_claims, self.own_header))

    def test_t01_a_token_ends_with_the_policy_that_it_rests_on(self):
        token = self.daemon.token(self.key)
        self.accepted("T01 before", token)
        text = 'package policy\nimport rego.v1\ntrust_claims := {"executables": 3}\n'
        self.daemon.admin("POST", "/kbs/v0/attestation-policy", {"type": "rego", "policy_id": "default_cpu",
                                                                "policy": base64url(text.encode())})
        self.refused("T01 after", token)
        self.accepted("T01 anew", self.daemon.token(self.key))
        type(self).own_header, type(self).own_claims = token_parts(self.daemon.token(self.key))

    def test_e08_where_the_key_of_another_issuers_token_is_looked_for(self):
        header, wrong = {"alg": "ES256", "kid": "ec"}, Key().public
        inner = {"cpu0": {"ear.veraison.annotated-evidence": {"runtime_data_claims": {"tee-pubkey": wrong}}}}
        self.accepted("E08", sign(self.partner, self.foreign(tdx={"attester_runtime_data": {"tee-pubkey": self.key.public}},
                                                             submods=inner, **{"tee-pubkey": wrong}), header))
        claims = {k: v for k, v in self.foreign().items() if k != "tee-pubkey"}
        self.refused("E09 none", sign(self.partner, claims, header))
        self.refused("E09 a device", sign(self.partner, {**claims, "submods": {"gpu0": inner["cpu0"]}}, header))
        for value in ("x", [], None, 7):
            self.refused(f"E09 {value}", sign(self.partner, {**claims, "tee-pubkey": value}, header))


if __name__ == "__main__":
    unittest.main()
