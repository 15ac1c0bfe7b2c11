#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""core/crypto against another implementation of JOSE (python3-jwcrypto), in both directions."""
import json
import os
import random
import subprocess
import unittest

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwcrypto import jwe, jwk, jws
from jwcrypto.common import base64url_decode, base64url_encode

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, os.environ.get("BUILD", "build"), "tests", "jwe_test")
# jwcrypto takes an empty plaintext for none, so that one is checked with the primitives below.
SECRETS = [b"x", b"\0", bytes(range(256)), os.urandom(4097)]


def ask(command, *lines):
    result = subprocess.run([PROGRAM, "peer", command], input="".join(line + "\n" for line in lines), text=True,
                            capture_output=True, check=False)
    return result.stdout.rstrip("\n")


def public(key, **members):
    return json.loads(key.export_public()) | members


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "make build/tests/jwe_test first")
class Encryption(unittest.TestCase):
    def decrypts(self, key, alg, secret):
        request = {"jwk": public(key, alg=alg), "plaintext": base64url_encode(secret)}
        answer = ask("encrypt", json.dumps(request))
        message = jwe.JWE(algs=[alg, "A256GCM"])
        message.deserialize(answer, key)
        self.assertEqual(message.payload, secret)
        parts = json.loads(answer)
        header = json.loads(base64url_decode(parts["protected"]))
        # What an unmodified client takes for the AAD: its own compact serialisation of the members.
        again = json.dumps(header, separators=(",", ":")).encode()
        self.assertEqual(base64url_encode(again), parts["protected"])
        self.assertEqual(list(header)[:2], ["alg", "enc"])
        self.assertEqual(list(header.get("epk", {})), sorted(header.get("epk", {})))

    def test_rsa_oaep_256(self):
        for size in (2048, 3072, 4096):
            key = jwk.JWK.generate(kty="RSA", size=size)
            for secret in SECRETS:
                self.decrypts(key, "RSA-OAEP-256", secret)

    def test_rsa1_5(self):
        jwe.default_allowed_algs.append("RSA1_5")
        for secret in SECRETS:
            self.decrypts(jwk.JWK.generate(kty="RSA", size=2048), "RSA1_5", secret)

    def test_ecdh_es_on_both_curves(self):
        for curve in ("P-256", "P-521"):
            for secret in SECRETS:
                self.decrypts(jwk.JWK.generate(kty="EC", crv=curve), "ECDH-ES+A256KW", secret)

    def test_nothing_is_a_secret_too(self):
        private = rsa.generate_private_key(65537, 2048)
        key = jwk.JWK.from_pyca(private)
        answer = json.loads(ask("encrypt", json.dumps({"jwk": public(key, alg="RSA-OAEP-256"), "plaintext": ""})))
        part = {name: base64url_decode(text) for name, text in answer.items()}
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        cipher = AESGCM(private.decrypt(part["encrypted_key"], oaep))
        self.assertEqual(part["ciphertext"], b"")
        self.assertEqual(cipher.decrypt(part["iv"], part["tag"], answer["protected"].encode()), b"")

    def test_two_mebibytes(self):
        self.decrypts(jwk.JWK.generate(kty="EC", crv="P-256"), "ECDH-ES+A256KW", os.urandom(2 << 20))

    def test_other_keys_are_refused(self):
        for key, alg in ((jwk.JWK.generate(kty="EC", crv="P-384"), "ECDH-ES+A256KW"),
                         (jwk.JWK.generate(kty="EC", crv="P-256"), "ECDH-ES"),
                         (jwk.JWK.generate(kty="RSA", size=2048), "RSA-OAEP"),
                         (jwk.JWK.generate(kty="RSA", size=1024), "RSA-OAEP-256")):
            answer = ask("encrypt", json.dumps({"jwk": public(key, alg=alg), "plaintext": ""}))
            self.assertEqual(answer, "release.jwe")

    def test_we_decrypt_what_others_encrypt(self):
        for name, alg in (("ECDH-ES+A256KW-P256", "ECDH-ES+A256KW"), ("ECDH-ES+A256KW-P521", "ECDH-ES+A256KW"),
                          ("RSA-OAEP-256", "RSA-OAEP-256")):
            for secret in SECRETS:
                with subprocess.Popen([PROGRAM, "peer", "decrypt", name], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True) as process:
                    key = jwk.JWK.from_json(process.stdout.readline())
                    header = json.dumps({"alg": alg, "enc": "A256GCM"})
                    message = jwe.JWE(secret, protected=header, recipient=key)
                    # Its JSON form has epk outside the protected header; the compact form does not.
                    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
                    flattened = dict(zip(names, message.serialize(compact=True).split(".")))
                    answer, _ = process.communicate(json.dumps(flattened) + "\n")
                self.assertEqual(base64url_decode(answer.strip()), secret)


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "make build/tests/jwe_test first")
class Signatures(unittest.TestCase):
    KEYS = [({"kty": "EC", "crv": "P-256"}, ["ES256"]), ({"kty": "EC", "crv": "P-384"}, ["ES384"]),
            ({"kty": "RSA", "size": 2048}, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
            ({"kty": "RSA", "size": 3072}, ["RS256", "PS512"]), ({"kty": "OKP", "crv": "Ed25519"}, ["EdDSA"])]

    def test_we_verify_what_others_sign(self):
        for parameters, algs in self.KEYS:
            key = jwk.JWK.generate(**parameters)
            for alg in algs:
                message = jws.JWS(b'{"sub":"x"}')
                message.add_signature(key, alg, json.dumps({"alg": alg}))
                text = message.serialize(compact=True)
                self.assertEqual(ask("verify", json.dumps({"jwk": public(key), "jws": text})), "ok")
                self.assertEqual(ask("verify", json.dumps({"jwk": public(key, alg=alg), "jws": text})), "ok")
                head, payload, signature = text.split(".")
                bad = bytearray(base64url_decode(signature))
                bad[random.randrange(len(bad))] ^= 1 << random.randrange(8)
                altered = f"{head}.{payload}.{base64url_encode(bytes(bad))}"
                self.assertEqual(ask("verify", json.dumps({"jwk": public(key), "jws": altered})), "token.signature")

    def test_others_verify_what_we_sign(self):
        for parameters, algs in self.KEYS:
            alg = {"RS256": "RS384"}.get(algs[0], algs[0])
            key = jwk.JWK.generate(**parameters)
            pem = key.export_to_pem(private_key=True, password=None).decode()
            request = {"pem": pem, "header": json.dumps({"alg": alg}), "payload": '{"sub":"x"}'}
            for _ in range(10):
                message = jws.JWS()
                message.deserialize(ask("sign", json.dumps(request)), key)
                self.assertEqual(message.payload, b'{"sub":"x"}')

    def test_a_mac_keyed_with_our_public_key_is_refused(self):
        key = jwk.JWK.generate(kty="EC", crv="P-256")
        for secret in (key.export_to_pem(), key.export_public().encode()):
            mac = jwk.JWK(kty="oct", k=base64url_encode(secret))
            message = jws.JWS(b"{}")
            message.add_signature(mac, "HS256", json.dumps({"alg": "HS256"}))
            request = {"jwk": public(key), "jws": message.serialize(compact=True)}
            self.assertEqual(ask("verify", json.dumps(request)), "token.algorithm")

    def test_a_p_256_key_does_not_verify_es384(self):
        key, other = jwk.JWK.generate(kty="EC", crv="P-256"), jwk.JWK.generate(kty="EC", crv="P-384")
        message = jws.JWS(b"{}")
        message.add_signature(other, "ES384", json.dumps({"alg": "ES384"}))
        request = {"jwk": public(key), "jws": message.serialize(compact=True)}
        self.assertEqual(ask("verify", json.dumps(request)), "token.algorithm")


@unittest.skipUnless(os.access(PROGRAM, os.X_OK), "make build/tests/jwe_test first")
class Canonical(unittest.TestCase):
    def value(self, depth):
        kind = random.randrange(7 if depth else 4)
        if kind == 0:
            return "".join(chr(random.choice([random.randrange(0xd800), random.randrange(0xe000, 0x110000),
                                              random.randrange(0x80)])) for _ in range(random.randrange(6)))
        if kind == 1:
            return random.randrange(-2**53, 2**53)
        if kind in (2, 3):
            return random.choice([None, True, False])
        if kind == 4:
            return [self.value(depth - 1) for _ in range(random.randrange(5))]
        return {chr(random.randrange(0xe000, 0x1ffff)) + str(random.random()): self.value(depth - 1)
                for _ in range(random.randrange(25))}

    def canonical(self, value):
        if isinstance(value, dict):
            keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
            return "{" + ",".join(self.canonical(key) + ":" + self.canonical(value[key]) for key in keys) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self.canonical, value)) + "]"
        return json.dumps(value, ensure_ascii=False)

    def test_values_of_every_shape(self):
        random.seed(8785)
        for _ in range(60):
            value = self.value(4)
            self.assertEqual(ask("canonical", json.dumps(value)), self.canonical(value))


if __name__ == "__main__":
    unittest.main()
