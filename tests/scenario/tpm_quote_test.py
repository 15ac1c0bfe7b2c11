#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Quotes of a real TPM implementation (swtpm, tpm2-tools) through the built plugin.

The programs are looked for in the build folder: TRUSTEE_BUILD, or build/ beside the sources.
"""

import base64
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TRUSTEE_BUILD", os.path.join(ROOT, "build"))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

import swtpm  # noqa: E402

REPORT_DATA = hashlib.sha384(b"a challenge and a key").digest()
NONCE = REPORT_DATA[:32]


def encoded(data):
    return base64.b64encode(data).decode()


def evidence(ak, message, signature, pcrs):
    return {"ak_public": encoded(ak),
            "tpm_quote": {"signature": encoded(signature), "message": encoded(message),
                          "pcrs": [pcr.hex() for pcr in pcrs]}}


def judge(sent, *options, report_data=REPORT_DATA):
    """The verdict, as verify_plugin prints it."""
    command = [os.path.join(BUILD, "tests", "verify_plugin"), os.path.join(BUILD, "plugins", "tpm.so"), "tpm",
               report_data.hex(), *options]
    run = subprocess.run(command, input=json.dumps(sent), capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    return json.loads(run.stdout)


@unittest.skipIf(swtpm.missing(), f"not installed: {', '.join(swtpm.missing())}")
class RealQuotes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tpm = swtpm.Swtpm().__enter__()
        cls.addClassCleanup(cls.tpm.__exit__)
        cls.keys = {name: cls.tpm.create_ak(name, scheme, hash_name, algorithm) for name, scheme, hash_name, algorithm in (
            ("rsassa", "rsassa", "sha256", "rsa"), ("rsapss", "rsapss", "sha256", "rsa"),
            ("ecdsa", "ecdsa", "sha256", "ecc"), ("ecdsa384", "ecdsa", "sha384", "ecc384"),
            ("rsassa384", "rsassa", "sha384", "rsa"), ("rsassa1", "rsassa", "sha1", "rsa"))}

    def quoted(self, name, nonce=NONCE, scheme=None, hash_name="sha256", selection="sha256:all"):
        message, signature = self.tpm.quote(name, nonce, scheme or name, hash_name, selection)
        return evidence(self.keys[name], message, signature, self.tpm.pcrs())

    def accept(self, sent, *options):
        verdict = judge(sent, *options)
        self.assertTrue(verdict["genuine"], verdict["reason"])
        return verdict

    def refuse(self, reason, sent, *options, **more):
        verdict = judge(sent, *options, **more)
        self.assertFalse(verdict["genuine"])
        self.assertEqual(verdict["reason"], reason)

    def test_each_scheme_is_accepted_with_upstreams_claims(self):
        for name in ("rsassa", "rsapss", "ecdsa"):
            with self.subTest(name):
                sent = self.quoted(name)
                verdict = self.accept(sent)
                claims = verdict["claims"]
                self.assertEqual(claims["ak_public"], sent["ak_public"])
                self.assertEqual([claims[f"pcr{n:02}"] for n in range(24)], sent["tpm_quote"]["pcrs"])
                self.assertEqual(claims["ak_sha256"], hashlib.sha256(self.keys[name]).hexdigest())
                self.assertIs(claims["ak_certified"], False)
                self.assertEqual(claims["quote"]["scheme"], f"{name}-sha256")
                self.assertEqual(verdict["report_data"], NONCE.hex())
                self.assertEqual(verdict["report_data_claim"], NONCE.hex())
                self.assertEqual(verdict["init_data"], "")

    def test_sha384_digests_the_pcrs_with_sha384(self):
        self.accept(self.quoted("rsassa384", scheme="rsassa", hash_name="sha384"))

    def test_p384(self):
        self.accept(self.quoted("ecdsa384", scheme="ecdsa", hash_name="sha384"))

    def test_sha1_is_refused(self):
        self.refuse("tpm.signature.scheme", self.quoted("rsassa1", scheme="rsassa", hash_name="sha1"))

    def test_a_quote_for_another_challenge_is_refused(self):
        self.refuse("tpm.nonce", self.quoted("rsassa"), report_data=bytes(48))
        self.refuse("tpm.nonce.length", self.quoted("rsassa", nonce=REPORT_DATA))

    def test_a_part_of_the_pcrs_is_refused(self):
        self.refuse("tpm.quote.selection", self.quoted("rsassa", selection="sha256:0,1,2,8"))
        self.refuse("tpm.quote.bank", self.quoted("rsassa", selection="sha384:all"))
        self.refuse("tpm.quote.bank", self.quoted("rsassa", selection="sha256:all+sha384:all"))

    def test_pcrs_that_changed_since_the_quote_are_refused(self):
        sent = self.quoted("rsassa")
        self.tpm.extend(23, bytes(32))
        sent["tpm_quote"]["pcrs"] = [pcr.hex() for pcr in self.tpm.pcrs()]
        self.refuse("tpm.pcrs.digest", sent)

    def test_what_one_key_signed_another_did_not(self):
        sent = self.quoted("rsassa")
        sent["ak_public"] = encoded(self.keys["rsassa384"])
        self.refuse("tpm.signature", sent)

    def test_other_attestations_than_quotes_are_refused(self):
        self.tpm.run("tpm2_certify", "-C", "rsassa.ctx", "-c", "rsassa.ctx", "-g", "sha256", "--scheme", "rsassa",
                     "-o", "attest.out", "-s", "certify.sig")
        sent = evidence(self.keys["rsassa"], self.tpm.read("attest.out"), self.tpm.read("certify.sig"), self.tpm.pcrs())
        self.refuse("tpm.quote.type", sent)


@unittest.skipIf(swtpm.missing(), f"not installed: {', '.join(swtpm.missing())}")
class InitData(unittest.TestCase):
    def test_pcr_8_extended_once_binds_init_data(self):
        digest = hashlib.sha256(b"init-data").digest()
        with swtpm.Swtpm() as tpm:
            ak = tpm.create_ak("ak", "rsassa")

            def quoted():
                message, signature = tpm.quote("ak", NONCE)
                return evidence(ak, message, signature, tpm.pcrs())

            self.assertEqual(judge(quoted(), f"init_data={digest.hex()}")["reason"], "tpm.init_data")
            tpm.extend(8, digest)
            expected = hashlib.sha256(bytes(32) + digest).hexdigest()
            verdict = judge(quoted(), f"init_data={digest.hex()}")
            self.assertTrue(verdict["genuine"], verdict["reason"])
            self.assertEqual(verdict["init_data"], expected)
            self.assertEqual(verdict["init_data_claim"], expected)
            self.assertEqual(judge(quoted(), f"init_data={hashlib.sha384(b'').hexdigest()}")["reason"],
                             "tpm.init_data.length")


@unittest.skipIf(swtpm.missing(), f"not installed: {', '.join(swtpm.missing())}")
class Certificates(unittest.TestCase):
    """Certificates for a real key, made by another implementation (python3-cryptography)."""

    @classmethod
    def setUpClass(cls):
        try:
            from cryptography import x509  # noqa: F401
        except ImportError:
            raise unittest.SkipTest("python3-cryptography is not installed")
        with swtpm.Swtpm() as tpm:
            cls.ak = tpm.create_ak("ak", "ecdsa")
            cls.other = tpm.create_ak("other", "ecdsa")
            message, signature = tpm.quote("ak", NONCE, "ecdsa")
            cls.sent = evidence(cls.ak, message, signature, tpm.pcrs())

    def issue(self, subject, key, issuer, issuer_key, authority):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        now = datetime.datetime.utcnow()
        usage = x509.KeyUsage(not authority, False, False, False, False, authority, False, False, False)
        return (x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
                .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
                .public_key(key).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
                .add_extension(x509.BasicConstraints(authority, None), True).add_extension(usage, True)
                .sign(issuer_key, hashes.SHA256()))

    def test_a_configured_ca_certifies_the_key_and_no_other_does(self):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        root = rsa.generate_private_key(65537, 3072)
        stranger = ec.generate_private_key(ec.SECP256R1())
        der = serialization.Encoding.DER
        load = serialization.load_der_public_key
        ca = self.issue("root", root.public_key(), "root", root, True)
        good = self.issue("ak", load(self.ak), "root", root, False).public_bytes(der)
        for_other = self.issue("ak", load(self.other), "root", root, False).public_bytes(der)
        by_other = self.issue("ak", load(self.ak), "stranger", stranger, False).public_bytes(der)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(ca.public_bytes(serialization.Encoding.PEM))
            file.flush()
            for chain, reason in (([good], ""), ([for_other], "tpm.ak.certificate_key"),
                                  ([by_other], "tpm.ak.chain.untrusted")):
                verdict = judge(dict(self.sent, ak_cert_chain=[encoded(c) for c in chain]), f"ak_ca=@{file.name}",
                                "require_ak_certificate=yes")
                self.assertEqual(verdict["reason"], reason)
                self.assertEqual(verdict["genuine"], reason == "")
                if verdict["genuine"]:
                    self.assertIs(verdict["claims"]["ak_certified"], True)
            verdict = judge(self.sent, f"ak_ca=@{file.name}", "require_ak_certificate=yes")
            self.assertEqual(verdict["reason"], "tpm.ak.certified")


if __name__ == "__main__":
    unittest.main()
