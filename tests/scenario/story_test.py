#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole story against the real programs: a workload that a TPM vouches for gets its Secret over TLS, and nobody else
does. Each refusal is shown with its status and with the reason that `trusteectl explain --json` tells."""

import json
import os
import shutil
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

import swtpm  # noqa: E402

try:
    import story
    from trusteed import Key, base64url, from_base64url, missing, token_parts
    from jwcrypto.jwe import InvalidJWEData
    MISSING = missing() + swtpm.missing() + story.missing_programs("bin/trustee-agent", "plugins/tpm.so")
except ImportError as problem:
    MISSING = [str(problem)]

PATH = "default/workload-key/key"
OTHER_PATH = "default/other-key/key"
SECRET = b"the key that decrypts the program"

BINDINGS = """
[binding workload]
path = default/workload-key/key
claim = /tpm/ak_sha256 {ak}

[binding other-workload]
path = default/other-key/key
claim = /tpm/ak_sha256 {nobody}
"""

machine = service = None


def bindings():
    return BINDINGS.replace("{ak}", machine.ak_sha256()).replace("{nobody}", "0" * 64)


def set_reference_values(at):
    at.ctl("reference-value", "set", "trusted_aks", story.base64.b64encode(machine.ak).decode())
    at.ctl("reference-value", "set", "tpm_pcr07", machine.pcr(7))
    at.ctl("reference-value", "set", "tpm_pcr11", machine.pcr(11))


def setUpModule():
    global machine, service
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))
    machine = story.Machine().__enter__()
    unittest.addModuleCleanup(machine.__exit__)
    service = story.Service(sections=bindings()).__enter__()
    unittest.addModuleCleanup(service.__exit__)
    service.secret_version("workload-key", "..2026_01", {"key": SECRET})
    service.secret_version("other-key", "..2026_01", {"key": b"another workload's secret"})
    set_reference_values(service)


class Story(unittest.TestCase):
    def refused(self, response, status, kind, reason, at=None):
        """What a client sees of a refusal, and what its record tells. The record."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.kind(), kind, response)
        record = (at or service).explain(response.json()["id"])
        self.assertEqual(record.get("reason"), reason, record)
        self.assertFalse(record["allowed"])
        return record

    def released(self, response, key, secret=SECRET):
        self.assertEqual(response.status, 200, response)
        self.assertEqual(key.decrypt(response), secret)

    def check_of(self, record, name):
        found = [c for c in record["checks"] if c["name"] == name]
        self.assertEqual(len(found), 1, record)
        return found[0]


class Release(Story):
    def test_curl_in_the_guest_gets_the_secret(self):
        with story.Agent(service, machine) as agent:
            self.assertEqual(agent.curl(PATH), (200, SECRET))
            self.assertEqual(agent.curl(PATH), (200, SECRET), "with the token that the agent has")

    def test_what_is_released_is_on_record_with_the_attestation_it_stands_on(self):
        key = Key()
        token, _ = service.machine_token(machine, key)
        self.released(service.get(PATH, token=token), key)
        newest = json.loads(service.ctl("explain", "--json"))
        release = next(r for r in newest if r["kind"] == "release")
        self.assertTrue(release["allowed"])
        self.assertEqual(release["status"], "affirming")
        attestation = service.explain(release["attestation"])
        self.assertEqual((attestation["kind"], attestation["tee"], attestation["allowed"]), ("attestation", "tpm", True))
        self.assertNotIn(SECRET.decode(), json.dumps(newest))

    def test_a_rotated_secret_is_seen_by_the_next_curl(self):
        with story.Agent(service, machine) as agent:
            self.assertEqual(agent.curl(PATH), (200, SECRET))
            service.secret_version("workload-key", "..2026_02", {"key": b"the next key"})
            self.assertEqual(agent.curl(PATH), (200, b"the next key"))
            service.secret_version("workload-key", "..2026_03", {"key": SECRET})
            self.assertEqual(agent.curl(PATH), (200, SECRET))

    def test_a_vanished_secret_is_gone_at_once(self):
        folder = os.path.join(service.home, "secrets/workload-key")
        with story.Agent(service, machine) as agent:
            self.assertEqual(agent.curl(PATH), (200, SECRET))
            os.rename(folder, folder + "-away")
            self.addCleanup(lambda: os.path.exists(folder) or os.rename(folder + "-away", folder))
            status, body = agent.curl(PATH)
            self.assertEqual(status, 404, body)
            self.assertEqual(service.explain(json.loads(body)["id"])["reason"], "release.not_found")
            os.rename(folder + "-away", folder)
            self.assertEqual(agent.curl(PATH), (200, SECRET))

    def test_a_vanished_key_of_a_secret_is_gone_at_once(self):
        folder = os.path.join(service.home, "secrets/vanishing")
        self.addCleanup(shutil.rmtree, folder)
        service.secret_version("vanishing", "..1", {"key": b"one", "other": b"two"})
        key = Key()
        token, _ = service.machine_token(machine, key)
        self.released(service.get("default/vanishing/other", token=token), key, b"two")
        service.secret_version("vanishing", "..2", {"key": b"three"})
        self.refused(service.get("default/vanishing/other", token=token), 404, "PluginInternalError", "release.not_found")
        self.released(service.get("default/vanishing/key", token=token), key, b"three")


class Refusals(Story):
    def test_other_software(self):
        known = machine.pcr(11)
        machine.measure(11, b"a kernel that somebody else built")
        self.addCleanup(service.ctl, "reference-value", "set", "tpm_pcr11", machine.pcr(11))
        with story.Agent(service, machine) as agent:
            status, body = agent.curl(PATH)
            self.assertEqual(status, 403, body)
            record = service.explain(json.loads(body)["id"])
            self.assertEqual((record["kind"], record["reason"]), ("release", "release.denied"))
            self.assertNotEqual(record["status"], "affirming")
            attestation = service.explain(record["attestation"])
            check = self.check_of(attestation, "reference.tpm_pcr11")
            self.assertFalse(check["passed"])
            self.assertIn(known, check["expected"])
            self.assertIn(machine.pcr(11), check["actual"])
            self.assertTrue(self.check_of(attestation, "reference.tpm_pcr07")["passed"])
            service.ctl("reference-value", "set", "tpm_pcr11", machine.pcr(11))
            self.assertEqual(agent.curl(PATH), (200, SECRET), "the operator has approved that kernel")

    def test_a_forged_quote(self):
        key = Key()
        cookie, nonce = service.challenge()
        forged = story.forged_evidence(story.binding_of(nonce, key), [p.hex() for p in machine.pcrs()])
        self.assertEqual(service.answer(cookie, nonce, key, forged).status, 200)
        record = self.refused(service.get(PATH, cookie=cookie), 403, "PolicyDeny", "release.denied")
        attestation = service.explain(record["attestation"])
        self.assertFalse(self.check_of(attestation, "appraisal.cpu0")["passed"])
        self.assertFalse(self.check_of(attestation, "reference.trusted_aks")["passed"])

    def test_a_quote_whose_signature_does_not_hold(self):
        key = Key()
        cookie, nonce = service.challenge()
        evidence = machine.evidence(story.binding_of(nonce, key))
        message = bytearray(story.base64.b64decode(evidence["tpm_quote"]["message"]))
        message[80] ^= 1  # in the TPM's clock, which nothing but the signature covers
        evidence["tpm_quote"]["message"] = story.base64.b64encode(bytes(message)).decode()
        record = self.refused(service.answer(cookie, nonce, key, evidence), 401, "AttestationError", "tpm.signature")
        self.assertEqual(record["kind"], "attestation")
        self.refused(service.get(PATH, cookie=cookie), 401, "TokenNotFound", "token.missing")

    def test_evidence_of_another_challenge(self):
        key = Key()
        _, old_nonce = service.challenge()
        evidence = machine.evidence(story.binding_of(old_nonce, key))
        cookie, nonce = service.challenge()
        record = self.refused(service.answer(cookie, nonce, key, evidence), 401, "AttestationError", "tpm.nonce")
        self.assertEqual(record["tee"], "tpm")

    def test_evidence_for_another_key(self):
        cookie, nonce = service.challenge()
        evidence = machine.evidence(story.binding_of(nonce, Key()))
        self.refused(service.answer(cookie, nonce, Key(), evidence), 401, "AttestationError", "tpm.nonce")

    def test_a_nonce_of_another_challenge(self):
        key = Key()
        cookie, _ = service.challenge()
        _, nonce = service.challenge()
        evidence = machine.evidence(story.binding_of(nonce, key))
        self.refused(service.answer(cookie, nonce, key, evidence), 401, "AttestationError", "attest.nonce")

    def test_another_workloads_secret(self):
        with story.Agent(service, machine) as agent:
            status, body = agent.curl(OTHER_PATH)
            self.assertEqual(status, 403, body)
            record = service.explain(json.loads(body)["id"])
            self.assertEqual(record["reason"], "release.binding")
            check = self.check_of(record, "binding other-workload /tpm/ak_sha256")
            self.assertEqual((check["passed"], check["expected"], check["actual"]), (False, "0" * 64, machine.ak_sha256()))

    def test_a_stolen_token_is_of_no_use_without_its_key(self):
        owner = Key()
        token, _ = service.machine_token(machine, owner)
        response = service.get(PATH, token=token)
        self.released(response, owner)
        with self.assertRaises(InvalidJWEData):
            Key().decrypt(response)

    def test_a_stolen_token_with_the_thiefs_key_in_it(self):
        token, _ = service.machine_token(machine, Key())
        header, payload, signature = token.split(".")
        claims = token_parts(token)[1]
        evidence = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
        evidence["runtime_data_claims"]["tee-pubkey"] = Key().public
        altered = ".".join([header, base64url(json.dumps(claims).encode()), signature])
        self.refused(service.get(PATH, token=altered), 401, "TokenVerifierError", "token.signature")
        self.assertNotEqual(from_base64url(payload), json.dumps(claims).encode())

    def test_a_token_signed_anew_by_the_thief(self):
        from trusteed import sign
        token, _ = service.machine_token(machine, Key())
        header, claims = token_parts(token)
        thief = Key()
        header["jwk"] = {k: v for k, v in thief.public.items() if k != "alg"}
        self.refused(service.get(PATH, token=sign(thief.private, claims, header)), 401, "TokenVerifierError",
                     "token.untrusted")

    def test_a_second_answer_with_the_same_key_gets_the_same_token(self):
        key = Key()
        first, cookie, nonce = service.attest_machine(machine, key)
        second = service.answer(cookie, nonce, key, {"never": "looked at"})
        self.assertEqual((first.status, second.status), (200, 200))
        self.assertEqual(first.json()["token"], second.json()["token"])

    def test_a_second_answer_with_another_key_is_refused(self):
        first, cookie, nonce = service.attest_machine(machine, Key())
        self.assertEqual(first.status, 200)
        thief = Key()
        evidence = machine.evidence(story.binding_of(nonce, thief))
        self.refused(service.answer(cookie, nonce, thief, evidence), 401, "AttestationError", "session.consumed")


class Generations(Story):
    def test_a_deleted_reference_value_ends_tokens_and_the_agent_attests_again(self):
        key = Key()
        token, cookie = service.machine_token(machine, key)
        pcr = machine.pcr(7)
        self.addCleanup(service.ctl, "reference-value", "set", "tpm_pcr07", pcr)
        with story.Agent(service, machine) as agent:
            self.assertEqual(agent.curl(PATH), (200, SECRET))
            service.ctl("reference-value", "delete", "tpm_pcr07")
            for use in ({"token": token}, {"cookie": cookie}):
                self.refused(service.get(PATH, **use), 401, "TokenVerifierError", "token.generation")
            status, body = agent.curl(PATH)
            self.assertEqual(status, 403, body)
            record = service.explain(json.loads(body)["id"])
            self.assertEqual(record["reason"], "release.denied", "by a token of a new attestation")
            self.assertIn("tpm_pcr07", service.explain(record["attestation"])["missing_reference_values"])
            service.ctl("reference-value", "set", "tpm_pcr07", pcr)
            self.assertEqual(agent.curl(PATH), (200, SECRET))

    def test_a_changed_appraisal_policy_ends_tokens_and_the_agent_attests_again(self):
        shipped = service.ctl("policy", "show", "default_cpu")
        key = Key()
        with story.Agent(service, machine) as agent:
            self.assertEqual(agent.curl(PATH), (200, SECRET))
            before = agent.token()
            token, _ = service.machine_token(machine, key)
            self.addCleanup(service.ctl, "policy", "set", "default_cpu", "-", data=shipped)
            service.ctl("policy", "set", "default_cpu", "-", data=shipped + b"\n# stricter in its way\n")
            self.refused(service.get(PATH, token=token), 401, "TokenVerifierError", "token.generation")
            self.assertEqual(agent.curl(PATH), (200, SECRET))
            self.assertNotEqual(agent.token(), before)

    def test_a_changed_resource_policy_counts_at_the_next_request(self):
        key = Key()
        token, _ = service.machine_token(machine, key)
        before = service.ctl("policy", "show", "resource")
        self.addCleanup(service.ctl, "policy", "set", "resource", "-", data=before)
        self.released(service.get(PATH, token=token), key)
        service.ctl("policy", "set", "resource", os.path.join(ROOT, "policy/compat/deny-all.rego"))
        self.refused(service.get(PATH, token=token), 403, "PolicyDeny", "release.denied")


class Sealed(Story):
    """Challenges: whose they are, and how long they live."""

    @classmethod
    def setUpClass(cls):
        cls.short = story.Service({"session": {"challenge_life": "5s"}}, sections=bindings()).__enter__()
        cls.addClassCleanup(cls.short.__exit__)
        set_reference_values(cls.short)
        cls.key = Key()
        cls.cookie, cls.nonce = cls.short.challenge()
        cls.made = time.monotonic()
        cls.evidence = machine.evidence(story.binding_of(cls.nonce, cls.key))

    def test_1_a_challenge_of_another_services_key_is_refused(self):
        response = service.answer(self.cookie, self.nonce, self.key, self.evidence)
        self.refused(response, 401, "AttestationError", "session.cookie")

    def test_2_an_expired_challenge_is_refused(self):
        life_and_skew = 5 + 5
        time.sleep(max(0, self.made + life_and_skew + 1.1 - time.monotonic()))
        response = self.short.answer(self.cookie, self.nonce, self.key, self.evidence)
        self.refused(response, 401, "AttestationError", "session.expired", self.short)


class Restarts(Story):
    def setUp(self):
        self.daemon = story.Service(sections=bindings(), like=service).__enter__()
        self.addCleanup(self.daemon.__exit__)
        self.key = Key()

    def test_with_the_same_keys_challenges_and_tokens_are_still_good(self):
        token, _ = self.daemon.machine_token(machine, self.key)
        cookie, nonce = self.daemon.challenge()
        self.daemon.restart()
        self.released(self.daemon.get(PATH, token=token), self.key)
        answer = self.daemon.answer(cookie, nonce, self.key, machine.evidence(story.binding_of(nonce, self.key)))
        self.assertEqual(answer.status, 200, answer)
        self.released(self.daemon.get(PATH, cookie=cookie), self.key)

    def test_with_the_same_keys_an_answered_challenge_is_verified_afresh_and_for_its_key_only(self):
        answer, cookie, nonce = self.daemon.attest_machine(machine, self.key)
        self.assertEqual(answer.status, 200)
        self.daemon.restart()
        self.refused(self.daemon.get(PATH, cookie=cookie), 401, "TokenNotFound", "token.missing", self.daemon)
        thief = Key()
        evidence = machine.evidence(story.binding_of(nonce, self.key))
        self.refused(self.daemon.answer(cookie, nonce, thief, evidence), 401, "AttestationError", "tpm.nonce",
                     self.daemon)
        again = self.daemon.answer(cookie, nonce, self.key, evidence)
        self.assertEqual(again.status, 200, again)

    def test_with_other_keys_challenges_and_tokens_are_refused(self):
        token, _ = self.daemon.machine_token(machine, self.key)
        cookie, nonce = self.daemon.challenge()
        with open(os.path.join(self.daemon.home, "keys/session.key"), "wb") as f:
            f.write(os.urandom(32))
        made = story.subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                                    capture_output=True, check=True).stdout
        with open(os.path.join(self.daemon.home, "keys/token.pem"), "wb") as f:
            f.write(made)
        self.daemon.restart()
        self.refused(self.daemon.get(PATH, token=token), 401, "TokenVerifierError", "token.untrusted", self.daemon)
        evidence = machine.evidence(story.binding_of(nonce, self.key))
        self.refused(self.daemon.answer(cookie, nonce, self.key, evidence), 401, "AttestationError", "session.cookie",
                     self.daemon)


class Replicas(Story):
    def setUp(self):
        self.replicas = []
        for _ in range(2):
            self.replicas.append(story.Service(sections=bindings(), like=service).__enter__())
            self.addCleanup(self.replicas[-1].__exit__)
        self.key = Key()

    def test_auth_attest_and_resource_may_each_go_to_another_replica(self):
        b, c = self.replicas
        cookie, nonce = service.challenge()
        answer = b.answer(cookie, nonce, self.key, machine.evidence(story.binding_of(nonce, self.key)))
        self.assertEqual(answer.status, 200, answer)
        token = answer.json()["token"]
        self.released(c.get(PATH, token=token), self.key)
        self.released(b.get(PATH, cookie=cookie), self.key)
        self.refused(c.get(PATH, cookie=cookie), 401, "TokenNotFound", "token.missing", c)

    def test_what_one_replica_has_consumed_gives_another_key_nothing_on_the_next(self):
        b, c = self.replicas
        answer, cookie, nonce = b.attest_machine(machine, self.key)
        self.assertEqual(answer.status, 200, answer)
        evidence = machine.evidence(story.binding_of(nonce, self.key))
        self.refused(c.answer(cookie, nonce, Key(), evidence), 401, "AttestationError", "tpm.nonce", c)

    def test_a_replica_with_other_reference_values_refuses_the_token(self):
        b, c = self.replicas
        answer, _, _ = b.attest_machine(machine, self.key)
        c.ctl("reference-value", "delete", "tpm_pcr11")
        self.refused(c.get(PATH, token=answer.json()["token"]), 401, "TokenVerifierError", "token.generation", c)


if __name__ == "__main__":
    unittest.main(verbosity=2)
