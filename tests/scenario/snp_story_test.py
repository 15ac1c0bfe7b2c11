#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An SEV-SNP guest gets its secret, and nobody else does: whole handshakes with reports below a pretended AMD's roots, in
front of the real service with its shipped policies. Each refusal is shown with the reason on record."""

import base64
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

try:
    import fake_pcs
    import forge
    import story
    import tee
    from tee import TeeStory
    from trusteed import Key, missing, token_parts
    MISSING = missing() + story.missing_programs("bin/trustee-agent", "plugins/snp.so", "tests/forge",
                                                 "tests/configfs_tsm.so")
except ImportError as problem:
    MISSING, TeeStory = [str(problem)], unittest.TestCase

MEASUREMENT = "42" * 48


def setUpModule():
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))


class Story(TeeStory):
    tee, kind = "snp", "snp"
    always = {"measurement": MEASUREMENT}
    references = {"snp_launch_measurement": [MEASUREMENT], "snp_bootloader": [4], "snp_microcode": [213],
                  "snp_snp_svn": [22], "snp_tee_svn": [1]}

    @classmethod
    def offline(cls, made):
        return {"network": "no"}

    def kds(self, made, **options):
        server = tee.FakeKds(made.folder)
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.server = server
        return {"amd_kds": server.url, **options}

    # --- what is released --------------------------------------------------------------------------------------------
    def test_a_known_guest_gets_the_secret(self):
        key = Key()
        token = self.service.token(key)
        submodule = token_parts(token)[1]["submods"]["cpu0"]
        self.assertEqual(submodule["ear.status"], "affirming", submodule)
        self.assertEqual(submodule["ear.veraison.annotated-evidence"]["snp"]["measurement"], MEASUREMENT)
        self.released(key, token)

    def test_every_generation_is_taken(self):
        for generation, version in (("Milan", 3), ("Genoa", 3), ("Genoa", 5), ("Turin", 4), ("Turin", 5)):
            with self.subTest(f"{generation} {version}"):
                service = self.service_of(always={"generation": generation, "report_version": version})
                key = Key()
                self.released(key, service.token(key), service)

    def test_the_chips_certificate_is_fetched_once_from_amds_service(self):
        for generation in ("Milan", "Turin"):
            with self.subTest(generation):
                service = self.service_of("without_vcek", self.kds, {"generation": generation})
                for _ in range(3):
                    key = Key()
                    self.released(key, service.token(key), service)
                self.assertEqual(self.server.count(f"/vcek/v1/{generation}/" + self.server.text("chip_id")), 1,
                                 self.server.seen)

    def test_the_chips_certificate_comes_from_a_folder(self):
        """A kds-store, as upstream lays it out."""
        def store(made):
            folder = os.path.join(made.folder, "kds-store")
            home = os.path.join(folder, "vcek", made.read("chip_id").decode())
            os.makedirs(home)
            with open(os.path.join(home, "vcek.der"), "wb") as f:
                f.write(made.read("vcek.der"))
            return {"network": "no", "offline": folder}
        service = self.service_of("without_vcek", store)
        key = Key()
        self.released(key, service.token(key), service)

    def test_curl_in_the_guest_gets_the_secret(self):
        service = self.service_of(collateral=self.kds)  # configfs gives the report without certificates

        def blob(asked):
            evidence = service.forge.evidence(asked, raw=True)
            return base64.b64decode(evidence["attestation_report_raw"])
        with tee.Agent(service, "sev_guest", blob) as agent:
            self.assertEqual(agent.curl(tee.PATH), (200, tee.SECRET), agent.log_text())

    def test_the_raw_report_is_taken(self):
        service = self.service_of(collateral=self.kds)
        key = Key()
        self.released(key, service.token(key, raw=True), service)

    def test_init_data_is_bound_in_host_data(self):
        request, digest = tee.init_data("sha256")
        key = Key()
        self.released(key, self.service.token(key, initial=request, init_data=digest))

    # --- what is refused ---------------------------------------------------------------------------------------------
    def test_a_report_for_another_nonce_or_key_is_refused(self):
        response, _, _ = self.service.attest(bound=bytes(range(48)))
        self.refused(response, "snp.report_data")
        cookie, nonce = self.service.challenge("snp")
        evidence = self.forge.evidence(tee.binding_of(nonce, Key()))
        self.refused(self.service.answer(cookie, nonce, Key(), evidence), "snp.report_data")

    def test_a_tampered_report_is_refused(self):
        """Its members are encoded anew before the signature is looked at: each of them counts."""
        for change in ({"report_data": None}, {"measurement": [0x42] * 47 + [0x43]}, {"guest_svn": 1}, {"policy": 0x30017},
                       {"family_id": [1] + [0] * 15}):
            with self.subTest(change):
                cookie, nonce = self.service.challenge("snp")
                key = Key()
                binding = tee.binding_of(nonce, key)
                evidence = self.forge.evidence(binding if "report_data" not in change else bytes(48))
                report = evidence["attestation_report"]
                report.update({k: v if v is not None else [*binding] + [0] * 16 for k, v in change.items()})
                self.refused(self.service.answer(cookie, nonce, key, evidence), "snp.signature")

    def test_other_init_data_is_refused(self):
        request, digest = tee.init_data("sha256")
        changed = {**request, "body": request["body"].replace("name = 1", "name = 2")}
        response, _, _ = self.service.attest(initial=changed, init_data=digest)
        self.refused(response, "snp.init_data")

    def test_a_report_of_another_vendor_is_refused(self):
        with forge.Forge("snp", **self.always) as other:
            cookie, nonce = self.service.challenge("snp")
            key = Key()
            response = self.service.answer(cookie, nonce, key, other.evidence(tee.binding_of(nonce, key)))
            self.refused(response, "snp.chain.signature")

    def test_reports_with_something_wrong_in_them_are_refused_for_it(self):
        for case, reason in {"debug": "snp.policy.debug", "vmpl_1": "snp.vmpl",
                             "signed_by_stranger": "snp.signature",
                             "reported_above_committed": "snp.tcb.order"}.items():
            with self.subTest(case):
                response, _, _ = self.service.attest(case=case)
                self.refused(response, reason)

    def test_certificates_with_something_wrong_in_them_are_refused_for_it(self):
        for case, reason in {"vcek_of_another_tcb": "snp.vek.tcb", "vcek_of_another_chip": "snp.vek.chip_id",
                             "vcek_bad_signature": "snp.chain.signature", "vcek_expired": "snp.chain.validity",
                             "vcek_of_stranger": "snp.chain"}.items():
            with self.subTest(case):
                service = self.service_of(case)
                response, _, _ = service.attest()
                self.refused(response, reason, service)

    def test_revocation_is_looked_at_where_it_is_required(self):
        service = self.service_of("ask_revoked", self.kds, crl="required")
        response, _, _ = service.attest()
        self.refused(response, "snp.crl.revoked", service)
        service = self.service_of("crl_expired", self.kds, crl="required")
        response, _, _ = service.attest()
        self.assertNotEqual(response.status, 200)
        service = self.service_of(None, self.kds, crl="required")
        key = Key()
        self.released(key, service.token(key), service)

    def test_without_a_list_that_is_required_nobody_is_accepted(self):
        service = self.service_of(crl="required")
        response, _, _ = service.attest()
        self.assertEqual(response.status, 503, response)

    def test_a_list_that_is_not_required_is_told_of(self):
        token = self.service.token(Key())
        claims = token_parts(token)[1]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"]
        self.assertEqual(claims["crl_checked"], False)

    def crl_checked(self, service):
        token = service.token(Key())
        return token_parts(token)[1]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["snp"]["crl_checked"]

    def test_a_list_that_is_not_required_is_used_once_it_is_at_hand_and_waited_for_by_nobody(self):
        service = self.service_of(None, self.kds)
        seen = [self.crl_checked(service)]
        for _ in range(100):
            seen.append(self.crl_checked(service))
            if seen[-1]:
                break
            time.sleep(0.05)
        self.assertEqual((seen[0], seen[-1]), (False, True), seen)
        self.assertEqual(self.server.count("/vcek/v1/Milan/crl"), 1, self.server.seen)

    def test_a_revoked_key_is_refused_once_the_list_is_at_hand(self):
        service = self.service_of("ask_revoked", self.kds)
        for _ in range(100):
            response, _, _ = service.attest()
            if response.status != 200:
                break
            time.sleep(0.05)
        self.refused(response, "snp.crl.revoked", service)

    def test_a_report_that_names_no_processor_gets_the_certificate_of_the_generation_that_has_one(self):
        service = self.service_of("without_vcek", self.kds, {"report_version": 2})
        key = Key()
        self.released(key, service.token(key), service)
        tried = {path.split("/")[3] for path in self.server.seen if path.startswith("/vcek/v1/")}
        self.assertEqual(tried, {"Milan", "Genoa"}, self.server.seen)

    def test_a_report_whose_certificate_nobody_has_is_refused_and_one_whose_service_is_away_is_not(self):
        service = self.service_of("without_vcek", self.kds, {"report_version": 2})
        self.server.behave = lambda path, query: fake_pcs.Answer(404)
        response, _, _ = service.attest()
        self.assertEqual(response.status, 401, response)
        service = self.service_of("without_vcek", lambda made: {"amd_kds": "http://127.0.0.1:9"}, {"report_version": 2})
        response, _, _ = service.attest()
        self.assertEqual(response.status, 503, response)
        self.assertTrue(response.header("retry-after"), response)

    # --- genuine, and not good enough --------------------------------------------------------------------------------
    def test_other_software_is_not_affirmed(self):
        self.not_affirmed(self.service, measurement="43" * 48)

    def test_a_guest_that_may_be_debugged_is_not_affirmed_even_where_it_is_allowed(self):
        self.not_affirmed(self.service_of(allow_debug="yes"), case="debug")


if __name__ == "__main__":
    unittest.main()
