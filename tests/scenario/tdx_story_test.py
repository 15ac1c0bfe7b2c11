#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TD gets its secret, and nobody else does: whole handshakes with quotes and collateral of a vendor of our own, in
front of the real service with its shipped policies. Each refusal is shown with the reason on record."""

import base64
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

try:
    import forge
    import story
    import tee
    from tee import TeeStory
    from trusteed import Key, missing, token_parts
    MISSING = missing() + story.missing_programs("bin/trustee-agent", "plugins/tdx.so", "tests/forge",
                                                 "tests/configfs_tsm.so")
except ImportError as problem:
    MISSING, TeeStory = [str(problem)], unittest.TestCase

MR_TD, XFAM = "7d" * 48, "e702060000000000"
REPORT_DATA_AT, ATTRIBUTES_AT = 48 + 6 + 520, 48 + 6 + 120  # in a quote of version 5
log = None


def setUpModule():
    global log
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))
    folder = tempfile.TemporaryDirectory(prefix="tdx-story-")
    unittest.addModuleCleanup(folder.cleanup)
    log = forge.EventLog(folder.name)
    Story.always = {"version": 5, **log.options()}
    Story.references = {"mr_td": [MR_TD], "xfam": [XFAM], "rtmr_1": [log.rtmrs["rtmr1"]],
                        "rtmr_2": [log.rtmrs["rtmr2"]]}


class Story(TeeStory):
    tee = "tdx"

    def pcs(self, made, **options):
        """[collateral] for a fake service that answers what forge made."""
        server = tee.FakePcs(made.folder)
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.server = server
        return {"intel_pcs": server.url, "intel_root_crl": server.root_crl_url(), **options}

    # --- what is released --------------------------------------------------------------------------------------------
    def test_a_known_td_gets_the_secret(self):
        key = Key()
        self.released(key, self.service.token(key))

    def test_its_claims_are_upstreams(self):
        submodule = token_parts(self.service.token(Key()))[1]["submods"]["cpu0"]
        self.assertEqual(submodule["ear.status"], "affirming", submodule)
        claims = submodule["ear.veraison.annotated-evidence"]["tdx"]
        self.assertEqual((claims["tcb_status"], claims["collateral_expiration_status"]), ("UpToDate", "0"))
        self.assertEqual(claims["quote"]["body"]["mr_td"], MR_TD)
        self.assertEqual(claims["quote"]["body"]["rtmr_1"], log.rtmrs["rtmr1"])
        self.assertEqual(claims["td_attributes"]["debug"], False)
        self.assertGreater(len(claims["uefi_event_logs"]), 5)

    def test_every_version_of_the_quote_is_taken(self):
        for options in ({"version": 4}, {"version": 5, "body": "tdx10"}, {"version": 5, "body": "tdx15"}):
            with self.subTest(options):
                key = Key()
                self.released(key, self.service.token(key, **options))

    def test_collateral_is_fetched_once_from_intels_service(self):
        service = self.service_of(collateral=self.pcs)
        for _ in range(3):
            key = Key()
            self.released(key, service.token(key), service)
        self.assertEqual(len(self.server.seen), 4, self.server.seen)
        self.assertEqual(self.server.count("/tdx/certification/v4/tcb"), 1)

    def test_collateral_is_fetched_from_a_caching_service(self):
        def pccs(made):
            options = self.pcs(made)
            return {"intel_pccs": options["intel_pcs"], "intel_pcs": "none", "intel_root_crl": "none"}
        service = self.service_of(collateral=pccs)
        key = Key()
        self.released(key, service.token(key), service)
        self.assertEqual(self.server.count("/sgx/certification/v4/rootcacrl"), 1)

    def test_the_pck_certificate_comes_from_a_caching_service_where_the_quote_names_it_only(self):
        def pccs(made):
            options = self.pcs(made)
            return {"intel_pccs": options["intel_pcs"], "intel_pcs": "none", "intel_root_crl": "none"}
        service = self.service_of(collateral=pccs, case="certification_3")
        key = Key()
        self.released(key, service.token(key), service)
        self.assertEqual(self.server.count("/sgx/certification/v4/pckcert"), 1)

    def test_curl_in_the_guest_gets_the_secret(self):
        def blob(asked):
            return forge.quote_of(self.forge.evidence(asked))
        with tee.Agent(self.service, "tdx_guest", blob, "--ccel-path", log.path) as agent:
            self.assertEqual(agent.curl(tee.PATH), (200, tee.SECRET), agent.log_text())
            self.assertEqual(agent.tsm.reports, 1)

    def test_init_data_is_bound(self):
        request, digest = tee.init_data("sha384")
        key = Key()
        token = self.service.token(key, initial=request, init_data=digest)
        self.released(key, token)
        claims = token_parts(token)[1]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
        self.assertEqual(claims["init_data"], digest.hex())

    # --- what is refused ---------------------------------------------------------------------------------------------
    def test_a_quote_for_another_nonce_is_refused(self):
        response, _, _ = self.service.attest(bound=bytes(range(48)))
        record = self.refused(response, "tdx.report_data")
        self.assertTrue(any(c["name"] == "tdx.report_data" and not c["passed"] for c in record["checks"]), record)

    def test_a_quote_for_another_key_is_refused(self):
        cookie, nonce = self.service.challenge("tdx")
        evidence = self.forge.evidence(tee.binding_of(nonce, Key()))
        self.refused(self.service.answer(cookie, nonce, Key(), evidence), "tdx.report_data")

    def test_a_replayed_quote_is_refused(self):
        key = Key()
        cookie, nonce = self.service.challenge("tdx")
        evidence = self.forge.evidence(tee.binding_of(nonce, key))
        self.assertEqual(self.service.answer(cookie, nonce, key, evidence).status, 200)
        response, _, _ = self.service.attest(key, evidence=evidence)
        self.refused(response, "tdx.report_data")

    def test_a_tampered_quote_is_refused(self):
        """Report data that were put in by hand, and a debug bit that was taken out."""
        cookie, nonce = self.service.challenge("tdx")
        key = Key()
        binding = tee.binding_of(nonce, key)
        evidence = self.forge.evidence(bytes(48))
        quote = bytearray(forge.quote_of(evidence))
        quote[REPORT_DATA_AT:REPORT_DATA_AT + 48] = binding
        evidence["quote"] = base64.b64encode(bytes(quote)).decode()
        self.refused(self.service.answer(cookie, nonce, key, evidence), "tdx.quote.signature")
        cookie, nonce = self.service.challenge("tdx")
        evidence = self.forge.evidence(tee.binding_of(nonce, key), case="td_debug")
        self.refused(self.service.answer(cookie, nonce, key, self.flipped(evidence, ATTRIBUTES_AT)),
                     "tdx.quote.signature")

    def test_a_quote_of_another_vendor_is_refused(self):
        with forge.Forge("dcap", **self.always) as other:
            cookie, nonce = self.service.challenge("tdx")
            key = Key()
            self.refused(self.service.answer(cookie, nonce, key, other.evidence(tee.binding_of(nonce, key))),
                         "tdx.pck.chain.untrusted")

    def test_other_init_data_is_refused(self):
        request, digest = tee.init_data("sha384")
        changed = {**request, "body": request["body"].replace("name = 1", "name = 2")}
        response, _, _ = self.service.attest(initial=changed, init_data=digest)
        self.refused(response, "tdx.init_data")
        response, _, _ = self.service.attest(initial=request)
        self.refused(response, "tdx.init_data")

    def test_a_log_that_does_not_lead_to_the_registers_is_refused(self):
        for register in range(4):
            with self.subTest(register):
                response, _, _ = self.service.attest(**{f"rtmr{register}": "11" * 48})
                self.refused(response, "tdx.eventlog.replay")

    def test_a_debug_td_is_refused(self):
        response, _, _ = self.service.attest(case="td_debug")
        self.refused(response, "tdx.attributes.debug")

    def test_quotes_with_something_wrong_in_them_are_refused_for_it(self):
        for case, reason in {"td_sept_ve_enabled": "tdx.attributes.sept_ve_disable",
                             "td_reserved_40": "tdx.attributes.reserved",
                             "vendor_id": "tdx.quote.vendor",
                             "qe_report_data": "tdx.qe.report_data",
                             "qe_signed_by_stranger": "tdx.qe.signature",
                             "qe_debug": "tdx.qe.attributes",
                             "quote_signed_by_stranger": "tdx.quote.signature",
                             "trailing_byte": "tdx.quote.trailing",
                             "last_byte_missing": "tdx.quote.truncated",
                             "tdx_module_unknown": "tdx.tcb.module"}.items():
            with self.subTest(case):
                response, _, _ = self.service.attest(case=case)
                self.refused(response, reason)

    def test_revoked_certificates_are_refused(self):
        for case, reason in {"pck_revoked": "tdx.pck.revoked", "pck_ca_revoked": "tdx.pck_ca.revoked",
                             "tcb_signer_revoked": "tdx.tcb_info.signer.revoked"}.items():
            with self.subTest(case):
                service = self.service_of(case)
                response, _, _ = service.attest()
                self.refused(response, reason, service)

    def test_a_revoked_platform_is_refused_whatever_is_accepted(self):
        service = self.service_of("tcb_info_revoked")
        response, _, _ = service.attest()
        self.refused(response, "tdx.tcb.revoked", service)

    def test_forged_collateral_is_refused(self):
        for case in ("tcb_info_signed_by_stranger", "qe_identity_changed_after_signing", "root_crl_signed_by_stranger"):
            with self.subTest(case):
                service = self.service_of(case)
                response, _, _ = service.attest()
                self.assertIn(response.status, (401, 503), response)

    # --- genuine, and not good enough --------------------------------------------------------------------------------
    def test_a_platform_that_is_out_of_date_is_not_affirmed(self):
        submodule = self.not_affirmed(self.service_of("tcb_out_of_date"))
        self.assertEqual(submodule["ear.veraison.annotated-evidence"]["tdx"]["tcb_status"], "OutOfDate")
        self.assertGreater(submodule["ear.trustworthiness-vector"]["hardware"], 31)

    def test_a_platform_that_is_out_of_date_is_refused_where_the_operator_says_so(self):
        service = self.service_of("tcb_out_of_date", accepted_tcb="UpToDate")
        response, _, _ = service.attest()
        self.refused(response, "tdx.tcb.out_of_date", service)

    def test_a_debug_td_that_is_allowed_is_not_affirmed(self):
        submodule = self.not_affirmed(self.service_of(allow_debug="yes"), case="td_debug")
        self.assertEqual(submodule["ear.veraison.annotated-evidence"]["tdx"]["td_attributes"]["debug"], True)

    def test_other_software_is_not_affirmed(self):
        for options in ({"mrtd": "7e" * 48}, {"xfam": "e700060000000000"}):
            with self.subTest(options):
                self.not_affirmed(self.service, **options)

    def test_a_guest_without_its_log_and_with_other_registers_is_not_affirmed(self):
        service = self.service_of(always={"eventlog": None, "rtmr1": "22" * 48})
        submodule = self.not_affirmed(service)
        self.assertGreater(submodule["ear.trustworthiness-vector"]["executables"], 31)


if __name__ == "__main__":
    unittest.main()
