#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An enclave gets its secret, and nobody else does: whole handshakes with quotes and collateral of a vendor of our own,
in front of the real service with its shipped policies. Each refusal is shown with the reason on record."""

import base64
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

try:
    import forge
    import story
    import tee
    from tee import TeeStory
    from trusteed import Key, missing, token_parts
    MISSING = missing() + story.missing_programs("plugins/sgx.so", "plugins/tdx.so", "tests/forge")
except ImportError as problem:
    MISSING, TeeStory = [str(problem)], unittest.TestCase

MR_ENCLAVE, MR_SIGNER = "3e" * 32, "35" * 32
REPORT_DATA_AT = 48 + 320


def setUpModule():
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))


class Story(TeeStory):
    tee = "sgx"
    always = {"version": 3}
    references = {"sgx_mr_enclave": [MR_ENCLAVE], "sgx_mr_signer": [MR_SIGNER], "sgx_isv_svn": ["0200"],
                  "sgx_attributes_flags": ["0500000000000000"], "sgx_attributes_xfrm": ["e700000000000000"]}

    # --- what is released --------------------------------------------------------------------------------------------
    def test_a_known_enclave_gets_the_secret(self):
        key = Key()
        token = self.service.token(key)
        submodule = token_parts(token)[1]["submods"]["cpu0"]
        self.assertEqual(submodule["ear.status"], "affirming", submodule)
        self.assertEqual(submodule["ear.veraison.annotated-evidence"]["sgx"]["body"]["mr_enclave"], MR_ENCLAVE)
        self.released(key, token)

    def test_collateral_is_fetched_once_from_intels_service(self):
        servers = []

        def pcs(made):
            servers.append(tee.FakePcs(made.folder).__enter__())
            self.addCleanup(servers[0].__exit__)
            return {"intel_pcs": servers[0].url, "intel_root_crl": servers[0].root_crl_url()}
        service = self.service_of(collateral=pcs)
        for _ in range(3):
            key = Key()
            self.released(key, service.token(key), service)
        self.assertEqual(len(servers[0].seen), 4, servers[0].seen)
        self.assertEqual(servers[0].count("/sgx/certification/v4/tcb"), 1)
        self.assertEqual(servers[0].count("/sgx/certification/v4/pckcrl?ca=processor"), 1)

    def test_init_data_is_bound_in_the_config_id(self):
        request, digest = tee.init_data("sha512")
        key = Key()
        self.released(key, self.service.token(key, initial=request, init_data=digest))

    def test_tcb_info_of_version_2_is_taken(self):
        service = self.service_of("tcb_info_version_2")
        key = Key()
        self.released(key, service.token(key), service)

    # --- what is refused ---------------------------------------------------------------------------------------------
    def test_a_quote_for_another_nonce_or_key_is_refused(self):
        response, _, _ = self.service.attest(bound=bytes(range(48)))
        self.refused(response, "sgx.report_data")
        cookie, nonce = self.service.challenge("sgx")
        evidence = self.forge.evidence(tee.binding_of(nonce, Key()))
        self.refused(self.service.answer(cookie, nonce, Key(), evidence), "sgx.report_data")

    def test_a_tampered_quote_is_refused(self):
        cookie, nonce = self.service.challenge("sgx")
        key = Key()
        evidence = self.forge.evidence(bytes(48))
        quote = bytearray(forge.quote_of(evidence))
        quote[REPORT_DATA_AT:REPORT_DATA_AT + 48] = tee.binding_of(nonce, key)
        evidence["quote"] = base64.b64encode(bytes(quote)).decode()
        self.refused(self.service.answer(cookie, nonce, key, evidence), "sgx.quote.signature")

    def test_other_init_data_is_refused(self):
        request, _ = tee.init_data("sha512")
        response, _, _ = self.service.attest(initial=request, init_data=bytes(64))
        self.refused(response, "sgx.init_data")

    def test_quotes_with_something_wrong_in_them_are_refused_for_it(self):
        for case, reason in {"enclave_debug": "sgx.attributes.debug",
                             "vendor_id": "sgx.quote.vendor",
                             "qe_report_data": "sgx.qe.report_data",
                             "qe_signed_by_stranger": "sgx.qe.signature",
                             "qe_mrsigner": "sgx.qe.mrsigner",
                             "quote_signed_by_stranger": "sgx.quote.signature",
                             "trailing_byte": "sgx.quote.trailing"}.items():
            with self.subTest(case):
                response, _, _ = self.service.attest(case=case)
                self.refused(response, reason)

    def test_an_enclaves_quote_of_a_later_version_is_refused(self):
        for version in (4, 5):
            response, _, _ = self.service.attest(version=version, body="sgx")
            self.refused(response, "sgx.quote.version")

    def test_a_tds_quote_is_no_enclaves(self):
        """V05: evidence under the name of another TEE."""
        response, _, _ = self.service.attest(version=4, body="tdx10")
        self.refused(response, "sgx.quote.tee_type")

    def test_revoked_certificates_are_refused(self):
        for case, reason in {"pck_revoked": "sgx.pck.revoked", "pck_ca_revoked": "sgx.pck_ca.revoked"}.items():
            with self.subTest(case):
                service = self.service_of(case)
                response, _, _ = service.attest()
                self.refused(response, reason, service)

    # --- genuine, and not good enough --------------------------------------------------------------------------------
    def test_a_platform_that_is_out_of_date_is_not_affirmed(self):
        submodule = self.not_affirmed(self.service_of("tcb_out_of_date"))
        self.assertEqual(submodule["ear.veraison.annotated-evidence"]["sgx"]["tcb_status"], "OutOfDate")

    def test_a_debug_enclave_that_is_allowed_is_not_affirmed(self):
        self.not_affirmed(self.service_of(allow_debug="yes"), case="enclave_debug")

    def test_another_enclave_is_not_affirmed(self):
        for options in ({"mrenclave": "3f" * 32}, {"mrsigner": "36" * 32}):
            with self.subTest(options):
                self.not_affirmed(self.service, **options)


if __name__ == "__main__":
    unittest.main()
