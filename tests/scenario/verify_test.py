#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""trusteectl verify: verdicts, reasons, exit codes and messages, without a service and without a network. Over recorded
evidence where there is some, and over evidence of vendors made up here."""

import base64
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from forge import FORGE, Forge  # noqa: E402

BUILD = os.environ.get("TRUSTEE_BUILD", os.path.join(ROOT, "build"))
CTL = os.path.join(BUILD, "bin/trusteectl")
VECTORS = os.environ.get("TRUSTEE_VECTORS", os.path.join(os.path.dirname(ROOT), "shared/vectors"))
BUILT = all(os.path.exists(os.path.join(BUILD, p)) for p in
            ("bin/trusteectl", "plugins/tdx.so", "plugins/sgx.so", "plugins/snp.so", "plugins/tpm.so", "plugins/sample.so"))
VENDORS = os.path.join(BUILD, "tests/abi/honest.so")
RECORDED = os.path.exists(os.path.join(VECTORS, "tdx/tdx_quote"))
SUMMER = "2025-07-01T00:00:00Z"


def verify(*arguments, data=None):
    env = {k: v for k, v in os.environ.items() if k != "TRUSTEE_HOME"}
    env.update({"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"})
    done = subprocess.run([CTL, "verify", *map(str, arguments)], input=data, capture_output=True, timeout=60, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def verdict(*arguments, data=None):
    """Exit code and what --json says."""
    code, out, err = verify("--json", *arguments, data=data)
    return code, json.loads(out) if out else {"error": err}


def as_pcs_client_tool(collateral, tee):
    """One quote's collateral as Intel's PcsClientTool would have written it: taken apart and written anew."""
    quoted = {k: urllib.parse.quote(v, safe="") for k, v in collateral.items() if k.endswith("chain")}
    info = {"tcbInfo": json.loads(collateral["tcb_info"]), "signature": collateral["tcb_info_signature"]}
    identity = f'{{"enclaveIdentity":{collateral["qe_identity"]},"signature":"{collateral["qe_identity_signature"]}"}}'
    return json.dumps({"platforms": [], "collaterals": {
        "version": 4, "pck_certs": [], "tcbinfos": [{"fmspc": info["tcbInfo"]["fmspc"], f"{tee}_tcbinfo": info}],
        "pckcacrl": {"processorCrl": collateral["pck_crl"], "platformCrl": collateral["pck_crl"]},
        "qeidentity": "" if tee == "tdx" else identity, "tdqeidentity": identity if tee == "tdx" else "", "qveidentity": "",
        "certificates": {"SGX-PCK-Certificate-Issuer-Chain": dict.fromkeys(("PLATFORM", "PROCESSOR"),
                                                                           quoted["pck_crl_issuer_chain"]),
                         "TCB-Info-Issuer-Chain": quoted["tcb_info_issuer_chain"],
                         "SGX-Enclave-Identity-Issuer-Chain": quoted["qe_identity_issuer_chain"]},
        "rootcacrl": collateral["root_ca_crl"]}})


class Case(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory(prefix="verify-")
        self.addCleanup(work.cleanup)
        self.work = work.name

    def file(self, name, content):
        path = os.path.join(self.work, name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path

    def expect(self, code, reason, *arguments, data=None):
        got, v = verdict(*arguments, data=data)
        self.assertEqual((got, v.get("reason")), (code, reason), (arguments, v.get("details"), v.get("error")))
        self.assertEqual(v["verdict"], {0: "accepted", 1: "refused", 2: "undecided"}[code])
        if code == 1:
            self.assertTrue(v["meaning"] and v["remedy"], v)
        return v


@unittest.skipUnless(BUILT, "the programs are not built")
class Use(Case):
    """What goes wrong before anything is judged: exit code 2 and a message that says what to do."""

    def fails(self, text, *arguments, data=None):
        code, out, err = verify(*arguments, data=data)
        self.assertEqual((code, out), (2, ""), err)
        self.assertRegex(err, text)

    def test_each_misuse_has_its_message(self):
        sample = self.file("sample.json", json.dumps({"svn": "1", "report_data": base64.b64encode(bytes(48)).decode()}))
        self.fails("takes --evidence FILE", )
        self.fails("'--evidence' is none of them, or lacks its value", "--evidence")
        self.fails("nowhere.bin: No such file", "--evidence", "nowhere.bin")
        self.fails("it is empty", "--evidence", self.file("empty", b""))
        self.fails("cannot be told from its shape; say --tee NAME", "--evidence", self.file("noise", b"noise" * 99))
        self.fails("begins like JSON and is none", "--evidence", self.file("broken", '{"quote":'))
        self.fails("cannot be told from its shape", "--evidence", self.file("other", '{"a":1}'))
        self.fails("verifies the TEE 'nothing'", "--evidence", sample, "--tee", "nothing")
        self.fails("bare quotes and reports are read for tdx, sgx and snp only", "--evidence", self.file("x", b"x"), "--tee",
                   "tpm")
        self.fails("the plugin 'sample' proves nothing.*--allow-insecure", "--evidence", sample)
        self.fails("--at takes a time such as", "--evidence", sample, "--at", "tomorrow")
        self.fails("--report-data takes 32 to 64 bytes in hex", "--evidence", sample, "--report-data", "00")
        self.fails("--report-data takes 32 to 64 bytes in hex", "--evidence", sample, "--report-data", "zz" * 32)
        self.fails("--init-data takes a digest", "--evidence", sample, "--init-data", "nowhere.toml")
        self.fails("expected TOML with version", "--evidence", sample, "--init-data", self.file("i.toml", "x = 1\n"))
        self.fails("--option takes KEY=VALUE", "--evidence", sample, "--option", "allow_debug")
        self.fails("unknown (key|option)", "--evidence", sample, "--allow-insecure", "--option", "colour=red")
        self.fails("has no option trust_anchor", "--evidence", sample, "--allow-insecure", "--trust-anchor", sample)
        self.fails("--collateral nowhere: No such file", "--evidence", sample, "--collateral", "nowhere")
        self.fails("no JSON, or has a member twice", "--evidence", sample, "--collateral",
                   self.file("twice", '{"tcb_info":1,"tcb_info":2}'))
        self.fails("there is no such folder", "--evidence", sample, "--plugins", "/nowhere")
        self.fails("'more' is none of them", "--evidence", sample, "more")
        self.fails("--eventlog .*: it is empty", "--evidence", sample, "--eventlog", self.file("log", b""))

    def test_an_option_cannot_smuggle_in_a_line(self):
        sample = self.file("sample.json", json.dumps({"svn": "1", "report_data": base64.b64encode(bytes(48)).decode()}))
        self.fails("has control characters", "--evidence", sample, "--allow-insecure", "--option", "a=b\n[plugin tpm]")

    def test_the_sample_is_verified_where_it_is_allowed_and_said_to_prove_nothing(self):
        binding = bytes(range(48))
        text = json.dumps({"svn": "1", "report_data": base64.b64encode(binding).decode()})
        code, out, _ = verify("--evidence", "-", "--allow-insecure", data=text.encode())
        self.assertEqual(code, 0)
        self.assertIn("proves nothing", out)
        self.assertIn("report data not compared", out)
        code, v = verdict("--evidence", "-", "--allow-insecure", "--report-data", binding.hex(), data=text.encode())
        self.assertEqual((code, v["report_data_compared"], v["insecure"]), (0, True, True))
        code, v = verdict("--evidence", "-", "--allow-insecure", "--report-data", "11" * 48, data=text.encode())
        self.assertEqual((code, v["verdict"]), (1, "refused"))

    def test_with_json_standard_output_is_one_object_whatever_the_verdict(self):
        text = b'{"tpm_quote":{},"ak_public":"!"}'
        code, v = verdict("--evidence", "-", data=text)
        self.assertEqual((code, v["verdict"], v["tee"]), (1, "refused", "tpm"))
        self.assertEqual([c["passed"] for c in v["checks"]][-1], False)
        for member in ("reason", "meaning", "remedy", "checks", "missing", "collateral", "time"):
            self.assertIn(member, v)


@unittest.skipUnless(BUILT and os.path.exists(VENDORS), "the plugins of tests/abi are not built")
class Vendors(Case):
    """A verifier that is not among the shipped ones, for a TEE of its own."""

    def test_any_loaded_verifier_can_be_used(self):
        folder, binding = os.path.join(self.work, "plugins"), os.urandom(48)
        os.mkdir(folder)
        shutil.copy(VENDORS, folder)
        evidence = self.file("e.json", json.dumps({"report_data": base64.b64encode(binding + bytes(16)).decode(),
                                                   "measurement": "m"}))
        common = ("--plugins", folder, "--tee", "honest", "--evidence", evidence)
        code, _, err = verify(*common)
        self.assertEqual(code, 2)
        self.assertIn("where evidence of 'honest' has its report data is not known here; say --report-data HEX", err)
        v = self.expect(0, None, *common, "--report-data", binding.hex())
        self.assertEqual(v["claims"], {"measurement": "m"})
        self.expect(1, "attest.report_data", *common, "--report-data", os.urandom(48).hex())


@unittest.skipUnless(BUILT and os.path.exists(FORGE), "the programs are not built")
class Dcap(Case):
    """A platform with a root of its own."""

    def setUp(self):
        super().setUp()
        self.vendor = Forge("dcap", at=int(time.time()))
        self.vendor.__enter__()
        self.addCleanup(self.vendor.__exit__, None, None, None)

    def arguments(self, *more):
        return ("--evidence", self.vendor.path("quote.bin"), "--collateral", self.vendor.path("collateral.json"),
                "--trust-anchor", self.vendor.path("root.pem"), *more)

    def test_a_good_quote_of_each_version_is_accepted(self):
        for version, body, tee in ((3, "sgx", "sgx"), (4, "tdx10", "tdx"), (5, "tdx10", "tdx"), (5, "tdx15", "tdx")):
            with self.subTest(version=version, body=body):
                self.vendor.make(version=version, body=body)
                v = self.expect(0, None, *self.arguments())
                self.assertEqual((v["tee"], v["claims"]["tcb_status"]), (tee, "UpToDate"))
                self.assertEqual(sorted(i["kind"] for i in v["collateral"]),
                                 ["intel/pck-crl", "intel/qe-identity", "intel/root-crl", "intel/tcb-info"])

    def test_evidence_in_json_and_from_standard_input_is_the_same(self):
        self.expect(0, None, "--evidence", self.vendor.path("evidence.json"), *self.arguments()[2:])
        self.expect(0, None, "--evidence", "-", *self.arguments()[2:], data=self.vendor.read("quote.bin"))

    def test_a_root_that_nobody_named_is_not_trusted(self):
        self.expect(1, "tdx.pck.chain.untrusted", *self.arguments()[:4])

    def test_missing_collateral_is_named_and_decides_nothing(self):
        v = self.expect(2, "attest.collateral", "--evidence", self.vendor.path("quote.bin"), "--trust-anchor",
                        self.vendor.path("root.pem"))
        fmspc = self.vendor.read("fmspc").decode().strip()
        self.assertIn({"kind": "intel/tcb-info", "key": f"tdx/{fmspc}"}, v["missing"])
        code, out, _ = verify("--evidence", self.vendor.path("quote.bin"), "--trust-anchor", self.vendor.path("root.pem"))
        self.assertEqual(code, 2)
        self.assertRegex(out, rf"Missing collateral\n(.*\n)*  ✗ intel/tcb-info  tdx/{fmspc}")

    def test_a_folder_of_answers_serves_as_well_as_one_file(self):
        folder = os.path.join(self.work, "answers")
        os.mkdir(folder)
        for name in ("tcb_info.json", "qe_identity.json", "tcb_chain.pem", "pck_crl.der", "pck_crl_chain.pem", "root_crl.der"):
            shutil.copy(self.vendor.path(name), folder)
        self.expect(0, None, *self.arguments()[:2], "--collateral", folder, *self.arguments()[4:])

    def test_what_intels_client_tool_writes_serves_as_well(self):
        with open(self.vendor.path("collateral.json"), encoding="utf-8") as f:
            path = self.file("platform_collaterals.json", as_pcs_client_tool(json.load(f), "tdx"))
        self.expect(0, None, *self.arguments()[:2], "--collateral", path, *self.arguments()[4:])

    def test_report_data_and_init_data_bind(self):
        binding, digest = os.urandom(48), os.urandom(48)
        self.vendor.make(report_data=binding, init_data=digest)
        v = self.expect(0, None, *self.arguments("--report-data", binding.hex(), "--init-data", digest.hex()))
        self.assertTrue(v["report_data_compared"] and v["init_data_compared"])
        self.expect(1, "tdx.report_data", *self.arguments("--report-data", os.urandom(48).hex()))
        self.expect(1, "tdx.init_data", *self.arguments("--init-data", os.urandom(48).hex()))

    def test_the_time_decides(self):
        now = int(time.time())
        self.expect(0, None, *self.arguments("--at", now))
        v = self.expect(1, self.vendor_reason("expired"), *self.arguments("--at", now + 400 * 86400))
        self.assertEqual(v["time"], now + 400 * 86400)
        code, v = verdict(*self.arguments("--at", "2001-01-01T00:00:00Z"))
        self.assertEqual((code, v["verdict"]), (1, "refused"))

    def vendor_reason(self, _):
        """What expires first is told by the plugin's own tests; here it only has to be something that expired."""
        code, v = verdict(*self.arguments("--at", int(time.time()) + 400 * 86400))
        self.assertEqual(code, 1)
        self.assertRegex(v["reason"], r"^tdx\..*(expired|validity)")
        return v["reason"]

    def test_a_failed_check_shows_what_was_expected_and_what_was_found(self):
        code, out, _ = verify(*self.arguments("--report-data", "11" * 64))
        self.assertEqual(code, 1)
        self.assertRegex(out, r"(?s)refused\n  reason +tdx\.report_data\n  meaning .*  remedy .*Checks\n.*  ✓ .*"
                              r"  ✗ tdx\.report_data\n      expected 1111.*      actual   [0-9a-f]+")

    def test_every_forged_case_has_its_verdict(self):
        """A sample of them: all are tried in the unit tests; this shows that the command says the same."""
        listed = subprocess.run([FORGE, "dcap", "--list-cases"], capture_output=True, check=True).stdout.decode()
        cases = [line.split("\t") for line in listed.splitlines()]
        wrong = []
        for name, kinds, version, reasons in cases[::6]:
            tee = "tdx" if "tdx" in kinds else "sgx"
            number = int(version) or (4 if tee == "tdx" else 3)
            body = "sgx" if tee == "sgx" else "tdx15" if number == 5 else "tdx10"
            folder, now = os.path.join(self.work, name), int(time.time())
            os.mkdir(folder)
            made = subprocess.run([FORGE, "dcap", "--out", folder, "--case", name, "--version", str(number), "--body", body,
                                   "--at", str(now)], capture_output=True)
            if b"a case of this version and body" in made.stderr:
                continue
            self.assertEqual(made.returncode, 0, (name, made.stderr))
            code, v = verdict("--tee", tee, "--at", now, *(x for n, f in
                              (("evidence", "quote.bin"), ("collateral", "collateral.json"), ("trust-anchor", "root.pem"))
                              for x in ("--" + n, os.path.join(folder, f))))
            # What is of the other kind is found before the evidence is looked at.
            wanted = {f"{tee}.{r}" for r in [*reasons.split("|"), "collateral.kind"]} if reasons else {None}
            if v.get("reason") not in wanted or (code == 0) != (not reasons):
                wrong.append((name, code, v.get("reason"), v.get("error"), reasons))
        self.assertEqual(wrong, [])

    def test_an_event_log_goes_in_beside_a_bare_quote(self):
        from forge import EventLog
        log = EventLog(os.path.join(self.work, "log"))
        self.vendor.make(**{k: v for k, v in log.options().items() if k != "eventlog"})
        v = self.expect(0, None, *self.arguments("--eventlog", log.path))
        self.assertTrue(v["claims"]["uefi_event_logs"])
        with open(log.path, "rb") as f:
            changed = bytearray(f.read())
        changed[-1] ^= 1
        code, v = verdict(*self.arguments("--eventlog", self.file("changed", bytes(changed[:-40]))))
        self.assertEqual((code, v["verdict"]), (1, "refused"))


@unittest.skipUnless(BUILT and os.path.exists(FORGE), "the programs are not built")
class Snp(Case):
    def setUp(self):
        super().setUp()
        self.vendor = Forge("snp", at=int(time.time()))
        self.vendor.__enter__()
        self.addCleanup(self.vendor.__exit__, None, None, None)

    def test_each_generation_is_accepted_with_its_certificate_beside_it(self):
        for generation in ("Milan", "Genoa", "Turin"):
            with self.subTest(generation=generation):
                self.vendor.make(generation=generation)
                v = self.expect(0, None, "--evidence", self.vendor.path("report.bin"), "--collateral",
                                self.vendor.path("vcek.der"), "--trust-anchor", self.vendor.path("root.pem"))
                self.assertEqual(v["tee"], "snp")

    def test_upstreams_store_of_certificates_is_read(self):
        chip, product = (self.vendor.read(n).decode().strip() for n in ("chip_id", "product"))
        tcb = dict(p.split("=") for p in self.vendor.read("tcb").decode().strip().split("&"))
        name = "_".join(f"{k[:-3]}{int(tcb[k]):02d}" for k in ("blSPL", "teeSPL", "snpSPL", "ucodeSPL"))
        folder = os.path.join(self.work, "vcek", chip)
        os.makedirs(folder)
        shutil.copy(self.vendor.path("vcek.der"), os.path.join(folder, f"{name}_vcek.der"))
        shutil.copy(self.vendor.path("root.pem"), os.path.join(folder, "vcek.der"))  # never looked at
        self.assertEqual(product, "Milan")
        self.expect(0, None, "--evidence", self.vendor.path("report.bin"), "--collateral", self.work, "--trust-anchor",
                    self.vendor.path("root.pem"))

    def test_without_its_certificate_nothing_is_decided(self):
        v = self.expect(2, "attest.collateral", "--evidence", self.vendor.path("report.bin"), "--trust-anchor",
                        self.vendor.path("root.pem"))
        self.assertTrue(v["missing"][0]["kind"] == "amd/vcek" and self.vendor.read("chip_id").decode().strip() in
                        v["missing"][0]["key"])

    def test_a_revocation_list_among_the_collateral_is_looked_at_without_being_asked_for(self):
        anchor = ("--trust-anchor", self.vendor.path("root.pem"))
        arguments = ("--evidence", self.vendor.path("report.bin"), "--collateral", self.vendor.path("vcek.der"), *anchor)
        self.assertFalse(self.expect(0, None, *arguments)["claims"]["crl_checked"])
        v = self.expect(0, None, *arguments, "--collateral", self.vendor.path("crl.der"))
        self.assertTrue(v["claims"]["crl_checked"])
        self.vendor.make(case="ask_revoked")
        code, v = verdict(*arguments, "--collateral", self.vendor.path("crl.der"))
        self.assertEqual((code, v["verdict"]), (1, "refused"))
        self.assertIn("crl", v["reason"] + "".join(c["name"] for c in v["checks"]))

    def test_options_of_the_plugin_reach_it(self):
        arguments = ("--evidence", self.vendor.path("report.bin"), "--collateral", self.vendor.path("vcek.der"),
                     "--trust-anchor", self.vendor.path("root.pem"))
        self.vendor.make(case="debug")
        self.expect(1, "snp.policy.debug", *arguments)
        self.expect(0, None, *arguments, "--option", "allow_debug=yes")


@unittest.skipUnless(BUILT and RECORDED, "there is no recorded evidence; TRUSTEE_VECTORS names the folder")
class Recorded(Case):
    """The verdicts of MANIFEST.md."""

    def at(self, name):
        return os.path.join(VECTORS, name)

    def test_tdx(self):
        quote, outdated = self.at("tdx/tdx_quote_collateral.json"), self.at("tdx/tdx_quote_outdated_collateral.json")
        v = self.expect(0, None, "--evidence", self.at("tdx/tdx_quote"), "--collateral", quote, "--at", SUMMER)
        self.assertEqual((v["claims"]["tcb_status"], v["claims"]["advisory_ids"]), ("UpToDate", []))
        self.expect(1, "tdx.tcb_info.expired", "--evidence", self.at("tdx/tdx_quote"), "--collateral", quote, "--at",
                    "2025-08-01T00:00:00Z")
        spring = ("--collateral", outdated, "--at", "2026-03-01T00:00:00Z")
        self.expect(1, "tdx.tcb.no_level", "--evidence", self.at("tdx/tdx_quote_outdated"), *spring)
        self.expect(1, "tdx.tcb.no_level", "--evidence", self.at("tdx/tdx_quote_5.dat"), *spring)
        v = self.expect(0, None, "--evidence", self.at("tdx/quote_v5_sample.dat"), *spring)
        self.assertEqual(v["claims"]["tcb_status"], "UpToDate")

    def test_what_intels_client_tool_writes_is_what_intel_signed(self):
        for tee, quote in (("tdx", "tdx/tdx_quote"), ("sgx", "sgx/sgx_quote")):
            with open(self.at(quote + "_collateral.json"), encoding="utf-8") as f:
                path = self.file("platform_collaterals.json", as_pcs_client_tool(json.load(f), tee))
            self.expect(0, None, "--evidence", self.at(quote), "--collateral", path, "--at", SUMMER)

    def test_tdx_with_answers_in_a_folder(self):
        old = ("--collateral", self.at("tdx/collateral-50806f-2023"), "--at", "2023-07-01T00:00:00Z")
        whole = self.at("tdx/tdx_prod_quote_SPR_E4.dat")
        with open(whole, "rb") as f:
            cut = self.file("cut", f.read()[:4935])
        self.expect(1, "tdx.quote.trailing", "--evidence", whole, *old)
        self.expect(1, "tdx.tcb.no_level", "--evidence", cut, *old)
        self.expect(1, "tdx.tcb_info.expired", "--evidence", cut, *old[:2])
        self.expect(1, "tdx.attributes.debug", "--evidence", self.at("tdx/tdx_quote_4.dat"), *old)
        v = self.expect(0, None, "--evidence", self.at("tdx/tdx_quote_4.dat"), *old, "--option", "allow_debug=yes")
        self.assertEqual(v["claims"]["tcb_status"], "UpToDate")

    def test_tdx_without_a_list(self):
        v = self.expect(2, "attest.collateral", "--evidence", self.at("tdx/tdx_quote_6.dat"), "--collateral",
                        self.at("tdx/tcbInfo.json"), "--collateral", self.at("tdx/enclaveIdentity.json"), "--at",
                        "2025-11-01T00:00:00Z")
        self.assertEqual(v["missing"], [{"kind": "intel/pck-crl", "key": "platform"},
                                        {"kind": "intel/root-crl", "key": "root"}])

    def test_sgx(self):
        v = self.expect(0, None, "--evidence", self.at("sgx/sgx_quote"), "--collateral",
                        self.at("sgx/sgx_quote_collateral.json"), "--at", SUMMER)
        self.assertEqual(v["claims"]["tcb_status"], "ConfigurationAndSWHardeningNeeded")
        self.assertEqual(sorted(v["claims"]["advisory_ids"]), ["INTEL-SA-00289", "INTEL-SA-00615"])
        self.expect(2, "attest.collateral", "--evidence", self.at("sgx/occlum_quote.dat"))

    def test_snp(self):
        v = self.expect(0, None, "--evidence", self.at("snp/genoa-v3-evidence.json"))
        self.assertFalse(v["report_data_compared"])
        certificate = ("--collateral", self.at("snp/test-vcek.der"))
        self.expect(0, None, "--evidence", self.at("snp/test-report.bin"), *certificate)
        with open(self.at("snp/test-report.bin"), "rb") as f:
            report = f.read()
        for byte, reason in ((42, "snp.signature"), (384, None)):
            changed = self.file("changed", report[:byte] + bytes([report[byte] + 1 & 255]) + report[byte + 1:])
            code, v = verdict("--evidence", changed, *certificate)
            self.assertNotEqual(code, 0)
            self.assertIn(v["verdict"], ("refused", "undecided"))
            self.assertTrue(reason is None or v["reason"].startswith(reason), v["reason"])
        self.expect(1, "snp.vmpl", "--evidence", self.at("snp/test-vlek-report.bin"), "--collateral",
                    self.at("snp/test-vlek.der"), "--at", "2025-06-01T00:00:00Z")
        goog = ("--evidence", self.at("snp/milan-v2-goog.bin"), "--collateral", self.at("snp/milan-v2-goog-vcek.der"))
        self.expect(1, "snp.policy.debug", *goog)
        self.expect(0, None, *goog, "--option", "allow_debug=yes")

    def test_all_cases_of_a_peers_suite(self):
        folders = sorted(glob.glob(self.at("dcap-cases/*/")))
        self.assertEqual(len(folders), 36)
        for folder in folders:
            with open(os.path.join(folder, "expected.json"), encoding="utf-8") as f:
                good = json.load(f)["should_succeed"]
            with self.subTest(os.path.basename(folder[:-1])):
                code, v = verdict("--evidence", folder + "quote.bin", "--collateral", folder + "collateral.json",
                                  "--trust-anchor", self.at("dcap-cases/root_ca.der"), "--at", "2026-12-01T00:00:00Z")
                self.assertEqual(code == 0, good, v)


if __name__ == "__main__":
    unittest.main()
