#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Collateral for a site without a network: fetched here, carried over in one file, judged before it is kept there.
Nothing forged, older or damaged gets in. Vendors, services and platforms are made up here."""

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.path.insert(0, os.path.join(ROOT, "tests", "scenario"))
from collateral_test import Machine, Site  # noqa: E402
from fake_kds import FakeKds  # noqa: E402
from fake_pcs import FakePcs  # noqa: E402
from forge import FORGE, Forge  # noqa: E402
from trusteed import Daemon, missing  # noqa: E402

BUILD = os.environ.get("TRUSTEE_BUILD", os.path.join(ROOT, "build"))
CTL = os.path.join(BUILD, "bin/trusteectl")
BUILT = all(os.path.exists(os.path.join(BUILD, p)) for p in
            ("bin/trusteectl", "plugins/tdx.so", "plugins/sgx.so", "plugins/snp.so")) and os.path.exists(FORGE)
MISSING = missing()
NOW = int(time.time())
DAY = 86400


def run(*arguments):
    env = {k: v for k, v in os.environ.items() if k != "TRUSTEE_HOME" and "proxy" not in k.lower()}
    done = subprocess.run([CTL, *map(str, arguments)], capture_output=True, timeout=120, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def listed(*arguments):
    code, out, err = run("--json", "collateral", *arguments)
    return code, json.loads(out) if out else None, err


@unittest.skipUnless(BUILT, "the programs are not built")
class AirGapped(unittest.TestCase):
    def setUp(self):
        work = tempfile.TemporaryDirectory(prefix="air-gap-")
        self.addCleanup(work.cleanup)
        self.work = work.name
        self.online, self.offline = self.path("online"), self.path("offline")

    def path(self, *names):
        return os.path.join(self.work, *names)

    def forge(self, kind, name="vendor", **more):
        """A vendor's files; the same keys each time."""
        folder, keys = self.path(name), self.path("keys-" + kind)
        os.makedirs(folder, exist_ok=True)
        os.makedirs(keys, exist_ok=True)
        options = {"at": NOW - 3600, **more}
        subprocess.run([FORGE, kind, "--out", folder, "--keys", keys,
                        *(x for k, v in options.items() for x in ("--" + k.replace("_", "-"), str(v)))],
                       check=True, capture_output=True)
        return folder

    def root(self, name="vendor"):
        """Certificates of one key differ from call to call; the first root stands for the vendor."""
        kept = self.path("root.pem")
        if not os.path.exists(kept):
            shutil.copy(self.path(name, "root.pem"), kept)
        return kept

    def bring(self, folder, *sources, code=0, root=None):
        """Imports; what became of each item."""
        got, items, err = listed("import", *sources, "--directory", folder, "--trust-anchor", root or self.root())
        self.assertEqual(got, code, (items, err))
        return {f"{i['kind']} {i['key']}": i["state"] for i in items or []}

    def states(self, folder):
        code, items, _ = listed("verify", "--directory", folder, "--trust-anchor", self.root())
        return code, {f"{i['kind']} {i['key']}": i["state"] for i in items}

    # --- the whole way ---

    def test_what_was_imported_and_carried_over_verifies_a_quote(self):
        vendor = self.forge("dcap")
        states = self.bring(self.online, os.path.join(vendor, "collateral.json"))
        self.assertEqual(set(states.values()), {"imported"})
        self.assertEqual(len(states), 4)
        export = self.path("carry.json")
        self.assertEqual(run("collateral", "export", export, "--directory", self.online)[0], 0)
        self.assertEqual(self.bring(self.offline, export), states)
        self.assertEqual(self.states(self.offline), (0, dict.fromkeys(states, "genuine")))
        quote = os.path.join(vendor, "quote.bin")
        code, out, err = run("verify", "--evidence", quote, "--collateral", self.offline, "--trust-anchor", self.root())
        self.assertEqual(code, 0, out + err)
        self.assertEqual(run("verify", "--evidence", quote, "--collateral", export, "--trust-anchor", self.root())[0], 0)

    def test_fetch_brings_what_a_quote_takes(self):
        vendor = self.forge("dcap")
        with FakePcs(vendor) as pcs:
            ini = self.ini(f"intel_pcs = {pcs.url}\nintel_root_crl = {pcs.url}/IntelSGXRootCA.der\n", self.online)
            quote = os.path.join(vendor, "quote.bin")
            code, items, err = listed("fetch", "--evidence", quote, "--config", ini)
            self.assertEqual(code, 0, (items, err, pcs.seen))
            self.assertEqual(sorted(i["kind"] for i in items),
                             ["intel/pck-crl", "intel/qe-identity", "intel/root-crl", "intel/tcb-info"])
            asked = len(pcs.seen)
            code, out, _ = run("collateral", "fetch", "--config", ini)
            self.assertEqual((code, out), (0, "nothing was wanted that is not there already\n"))
            self.assertEqual(len(pcs.seen), asked)
            with open(os.path.join(vendor, "fmspc"), encoding="ascii") as f:
                fmspc = f.read().strip()
            code, items, _ = listed("fetch", "--tee", "tdx", "--fmspc", fmspc.upper(), "--config", ini)
            states = {i["kind"] + " " + i["key"]: i["state"] for i in items}
            self.assertEqual(states[f"intel/tcb-info tdx/{fmspc}"], "there")
        self.assertEqual(run("verify", "--evidence", quote, "--collateral", self.online, "--trust-anchor", self.root())[0], 0)

    def test_fetch_brings_what_a_report_takes(self):
        vendor = self.forge("snp")
        with FakeKds(vendor) as kds:
            ini = self.ini(f"amd_kds = {kds.url}\n", self.online, "snp")
            report = os.path.join(vendor, "report.bin")
            code, items, err = listed("fetch", "--evidence", report, "--config", ini)
            self.assertEqual(code, 0, (items, err, kds.seen))
            self.assertIn("amd/vcek", [i["kind"] for i in items if i["state"] == "there"])
            self.assertIn("amd/crl", [i["kind"] for i in items if i["state"] == "there"])
        self.assertEqual(run("verify", "--evidence", report, "--collateral", self.online, "--trust-anchor", self.root(),
                             "--option", "crl=required")[0], 0)

    def test_fetch_from_nobody_says_so(self):
        vendor = self.forge("dcap")
        ini = self.ini("intel_pcs = http://127.0.0.1:9\nintel_root_crl = http://127.0.0.1:9/x\ntimeout = 1s\n", self.online)
        code, items, _ = listed("fetch", "--tee", "tdx", "--fmspc", "50806f000000", "--config", ini)
        self.assertEqual(code, 5)
        self.assertEqual({i["state"] for i in items}, {"UNREACHABLE"})
        self.assertTrue(os.path.isdir(vendor))

    def ini(self, collateral, directory, plugin="tdx"):
        path = self.path("service.ini")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"[http]\ntls = no\n[plugins]\ndirectory = {os.path.abspath(os.path.join(BUILD, 'plugins'))}\n"
                    f"[plugin {plugin}]\ntrust_anchor = {self.root()}\n[collateral]\ndirectory = {directory}\n{collateral}")
        return path

    # --- what is refused ---

    def exported(self):
        """An export of good collateral, as an object."""
        vendor = self.forge("dcap")
        self.bring(self.online, os.path.join(vendor, "collateral.json"))
        path = self.path("carry.json")
        self.assertEqual(run("collateral", "export", path, "--directory", self.online)[0], 0)
        with open(path, encoding="utf-8") as f:
            return path, json.load(f)

    def rewrite(self, path, export):
        """As somebody would who knows the format: the digests hold."""
        import hashlib
        for item in export["items"]:
            item["sha256"] = hashlib.sha256(item["chain"].encode() + base64.b64decode(item["bytes"])).hexdigest()
        with open(path, "w", encoding="utf-8") as f:
            json.dump(export, f)
        return path

    def test_a_forged_item_is_refused_and_the_others_come_in(self):
        path, export = self.exported()
        forged = next(i for i in export["items"] if i["kind"] == "intel/tcb-info")
        text = base64.b64decode(forged["bytes"]).replace(b'"UpToDate"', b'"OutOfDate"')
        text = text if text != base64.b64decode(forged["bytes"]) else text.replace(b"2", b"3", 1)
        forged["bytes"] = base64.b64encode(text).decode()
        states = self.bring(self.offline, self.rewrite(path, export), code=1)
        self.assertEqual(states.pop(f"intel/tcb-info {forged['key']}"), "NOT GENUINE")
        self.assertEqual(set(states.values()), {"imported"})
        self.assertNotIn(f"intel/tcb-info {forged['key']}", self.states(self.offline)[1])

    def test_an_item_under_another_items_key_is_refused(self):
        path, export = self.exported()
        item = next(i for i in export["items"] if i["kind"] == "intel/tcb-info")
        item["key"] = "tdx/ffffffffffff"
        states = self.bring(self.offline, self.rewrite(path, export), code=1)
        self.assertEqual(states["intel/tcb-info tdx/ffffffffffff"], "NOT GENUINE")

    def test_collateral_of_a_root_that_nobody_named_is_refused(self):
        path, _ = self.exported()
        stranger = self.path("stranger")
        os.mkdir(stranger)
        subprocess.run([FORGE, "dcap", "--out", stranger], check=True, capture_output=True)
        states = self.bring(self.offline, path, code=1, root=os.path.join(stranger, "root.pem"))
        self.assertEqual(set(states.values()), {"NOT GENUINE"})

    def test_an_older_export_is_refused_and_what_is_there_stays(self):
        old = self.forge("dcap", "old", at=NOW - 5 * DAY)
        root = self.root("old")
        new = self.forge("dcap", "new", at=NOW - DAY)
        shutil.copy(os.path.join(new, "root.pem"), root)
        self.bring(self.offline, os.path.join(new, "collateral.json"))
        before = listed("list", "--directory", self.offline)[1]
        states = self.bring(self.offline, os.path.join(old, "collateral.json"), code=1)
        self.assertTrue(set(states.values()) <= {"OLDER", "NOT GENUINE"}, states)
        self.assertIn("OLDER", states.values())
        self.assertEqual(listed("list", "--directory", self.offline)[1], before)

    def test_a_damaged_export_is_refused_whole(self):
        path, _ = self.exported()
        with open(path, "rb") as f:
            whole = f.read()
        at = whole.index(b'"bytes":"') + 40
        for name, content in (("flipped", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:]),
                              ("cut", whole[:len(whole) // 2]), ("empty", b""), ("text", b"hello")):
            broken = self.path(name)
            with open(broken, "wb") as f:
                f.write(content)
            code, out, err = run("collateral", "import", broken, "--directory", self.offline, "--trust-anchor", self.root())
            self.assertEqual((code, out), (1, ""), name)
            self.assertRegex(err, "nothing of it was imported|no collateral was found")
        self.assertEqual(listed("list", "--directory", self.offline)[1], [])

    def test_a_damaged_file_in_the_folder_is_told_and_can_be_replaced(self):
        path, export = self.exported()
        self.bring(self.offline, path)
        victim = next(n for n in sorted(os.listdir(self.offline)) if n.endswith(".item"))
        with open(os.path.join(self.offline, victim), "r+b") as f:
            f.seek(120)
            byte = f.read(1)
            f.seek(120)
            f.write(bytes([byte[0] ^ 1]))
        code, out, err = run("collateral", "verify", "--directory", self.offline, "--trust-anchor", self.root())
        self.assertEqual(code, 1)
        self.assertIn("1 file is", err)
        states = self.bring(self.offline, path)
        self.assertEqual(sorted(states.values()), ["imported"] + ["there already"] * (len(export["items"]) - 1))
        self.assertEqual(self.states(self.offline)[0], 0)

    def test_what_has_expired_is_told_by_the_exit_code(self):
        path, _ = self.exported()
        self.bring(self.offline, path)
        later = NOW + 400 * DAY
        code, items, _ = listed("verify", "--directory", self.offline, "--trust-anchor", self.root(), "--at", later)
        self.assertEqual(code, 1)
        self.assertIn("genuine, EXPIRED", {i["state"] for i in items})

    # --- use ---

    def test_lists_and_exports_can_be_narrowed(self):
        self.exported()
        code, items, _ = listed("list", "--directory", self.online, "--kind", "intel/root-crl")
        self.assertEqual((code, [i["key"] for i in items]), (0, ["root"]))
        code, out, _ = run("collateral", "export", "-", "--directory", self.online, "--kind", "intel/pck-crl")
        self.assertEqual([i["kind"] for i in json.loads(out)["items"]], ["intel/pck-crl"])
        code, out, _ = run("collateral", "list", "--directory", self.online)
        self.assertEqual(len(out.splitlines()), 5)
        self.assertRegex(out, r"^KIND +KEY +ISSUED +EXPIRES +NUMBER +AGE\n")

    def test_an_export_overwrites_nothing(self):
        path, _ = self.exported()
        with open(path, "rb") as f:
            before = f.read()
        code, _, err = run("collateral", "export", path, "--directory", self.online)
        self.assertEqual(code, 1)
        self.assertIn("is there already", err)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), before)

    def test_the_folder_is_for_its_owner_alone(self):
        self.exported()
        self.assertEqual(stat.S_IMODE(os.stat(self.online).st_mode), 0o700)
        for name in os.listdir(self.online):
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.online, name)).st_mode), 0o600, name)

    def test_each_misuse_has_its_message(self):
        def fails(code, text, *arguments):
            got, out, err = run("collateral", *arguments)
            self.assertEqual((got, out), (code, ""), err)
            self.assertRegex(err, text)

        os.mkdir(self.path("open"), 0o777)
        os.chmod(self.path("open"), 0o777)
        home = ("--home", self.path("nowhere"))
        fails(2, "which folder\\? say --directory", "list", *home)
        fails(4, "there is no such folder", "list", "--directory", self.path("nowhere"))
        fails(2, "'more' is too much", "list", "more", "--directory", self.online) if os.path.isdir(self.online) else None
        fails(1, "others may write to it; run chmod", "import", "x", "--directory", self.path("open"))
        fails(2, "takes files or folders", "import", "--directory", self.path("new"))
        fails(1, "nowhere: No such file", "import", self.path("nowhere"), "--directory", self.path("new"))
        fails(2, "--at takes a time", "verify", "--directory", self.path("new"), "--at", "x")
        fails(2, "takes a new file", "export", "--directory", self.path("new"))
        fails(4, "nothing to export", "export", self.path("e.json"), "--directory", self.path("new"))
        fails(2, "takes one of --evidence, --fmspc", "fetch", "--fmspc", "0" * 12, "--chip-id", "00", "--directory",
              self.path("new"))
        fails(2, "--fmspc takes the 12 hex digits", "fetch", "--tee", "tdx", "--fmspc", "xyz", "--directory",
              self.path("new"))
        fails(2, "a chip takes --product", "fetch", "--chip-id", "00", "--directory", self.path("new"))
        fails(2, "no such file|cannot be|No such", "list", "--config", self.path("nowhere.ini"))


class Gapped(Site):
    """A service as trusteectl init makes it, which asks nobody."""

    def __init__(self, machine, **options):
        Daemon.__init__(self, {"collateral": {"network": "no", **options}}, machine.sections())
        self.machine = machine


@unittest.skipUnless(BUILT and not MISSING, f"the programs are not built: {MISSING}")
class Service(unittest.TestCase):
    def test_what_is_imported_while_the_service_runs_serves_the_next_attestation(self):
        with Forge("dcap") as forge:
            with Gapped(Machine(forge, "tdx")) as site:
                self.assertEqual(site.attest_now().status, 503)
                code, out, err = run("collateral", "import", forge.path("collateral.json"), "--directory",
                                     os.path.join(site.home, "collateral"), "--trust-anchor", forge.path("root.pem"))
                self.assertEqual(code, 0, out + err)
                answer = site.attest_now()
                self.assertEqual(answer.status, 200, answer)

    def test_a_service_takes_its_collateral_from_an_export_that_is_mounted(self):
        with Forge("dcap") as forge, tempfile.TemporaryDirectory(prefix="air-gap-") as work:
            folder, carry = os.path.join(work, "store"), os.path.join(work, "carry.json")
            self.assertEqual(run("collateral", "import", forge.path("collateral.json"), "--directory", folder,
                                 "--trust-anchor", forge.path("root.pem"))[0], 0)
            self.assertEqual(run("collateral", "export", carry, "--directory", folder)[0], 0)
            with Gapped(Machine(forge, "tdx"), offline=carry) as site:
                self.assertEqual(site.attest_now().status, 200)


if __name__ == "__main__":
    unittest.main()
