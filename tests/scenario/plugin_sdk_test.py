#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A vendor's afternoon: `trusteectl plugin new` into an empty folder, built from the installed headers alone, checked,
loaded by the service. And `plugin check` finds each way of misbehaving, and nothing in plugins that are right."""

import base64
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: E402
from forge import FORGE, Forge  # noqa: E402
from story import attestation_of  # noqa: E402
from tee import binding_of  # noqa: E402
from trusteed import BUILD, ROOT, Daemon, Key, missing, token_parts  # noqa: E402

CTL = os.path.join(BUILD, "bin/trusteectl")
KINDS = ("verifier", "storage", "policy")


def run(*words, cwd=None, env=None, timeout=120):
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, timeout=timeout,
                          env=dict(os.environ, **(env or {})))


def check(plugin, *options):
    """Exit code and report of `plugin check`."""
    done = run(CTL, "--json", "plugin", "check", plugin, *options)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        raise AssertionError(done) from None


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def whats(report):
    return [f["what"] for f in report["findings"]]


class Installed(unittest.TestCase):
    """Headers in an empty prefix, and nothing else."""

    @classmethod
    def setUpClass(cls):
        if missing():
            raise unittest.SkipTest(f"not built: {missing()}")
        cls.folder = tempfile.mkdtemp(prefix="sdk-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "prefix")
        done = run("make", "-s", "-C", ROOT, "install-dev", f"PREFIX={cls.prefix}")
        assert done.returncode == 0, done
        cls.env = {"PKG_CONFIG_PATH": os.path.join(cls.prefix, "lib/pkgconfig"), "TRUSTEECTL": CTL, "MAKEFLAGS": ""}

    def new(self, name, kind):
        folder = os.path.join(tempfile.mkdtemp(dir=self.folder), name)
        done = run(CTL, "plugin", "new", name, "--kind", kind, "--directory", folder, cwd="/")
        self.assertEqual(done.returncode, 0, done)
        return folder

    def make(self, folder, *goals, code=0):
        done = run("make", *goals, cwd=folder, env=self.env)
        self.assertEqual(done.returncode, code, done.stdout[-3000:] + done.stderr[-3000:])
        return done.stdout + done.stderr


class Projects(Installed):
    def test_a_new_project_of_each_kind_builds_passes_and_is_clean(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                folder = self.new(f"acme-{kind}", kind)
                output = self.make(folder, "test", "CC=cc -Werror -Wconversion -Wpedantic")
                self.assertRegex(output, r"[1-9]\d* checks passed, 0 failed")
                self.assertRegex(self.make(folder, "check"), r"trials, \d+ calls, 0 findings")
                texts = {f: read(f) for f in glob.glob(folder + "/**/*", recursive=True)
                         if os.path.isfile(f) and "/build/" not in f}
                self.assertGreater(len(texts), 5)
                for file, text in texts.items():
                    self.assertNotRegex(text, r"@[A-Z]+@", file)
                    self.assertNotIn(ROOT, text, file)
                    if file.endswith((".c", ".h")):
                        self.assertTrue(text.startswith("/* SPDX-License-Identifier: Apache-2.0"), file)
                self.assertIn(f"# acme-{kind}:", read(os.path.join(folder, "README.md")))
                self.assertIn("/build/", read(os.path.join(folder, ".gitignore")))

    def test_its_tests_notice_what_is_broken(self):
        folder = self.new("acme", "verifier")
        self.edit(folder, "!debug || self->allow_debug", "1")
        self.assertIn("not so", self.make(folder, "test", code=2))

    @staticmethod
    def edit(folder, old, new):
        path = os.path.join(folder, "src/plugin.c")
        text = read(path)
        assert text.count(old) >= 1, old
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))

    def test_names_that_mean_something_else_are_refused(self):
        for name in ("", "..", "../x", "a/b", "-x", "x-", "a--b", "X", "1x", "a_b", "a b", "a;b", "a'b", "$(x)", "x\n",
                     "é", "x" * 33, "tdx", "tpm", "sample", "rego", "az-snp-vtpm"):
            with self.subTest(name=name), tempfile.TemporaryDirectory() as here:
                done = run(CTL, "plugin", "new", name, "--kind", "verifier", cwd=here)
                self.assertEqual(done.returncode, 2, done)
                self.assertEqual(os.listdir(here), [])

    def test_kinds_that_there_are_not_are_refused(self):
        with tempfile.TemporaryDirectory() as here:
            for kind, says in (("attester", "no attester plugins yet"), ("spaceship", "not 'spaceship'")):
                done = run(CTL, "plugin", "new", "acme", "--kind", kind, cwd=here)
                self.assertEqual(done.returncode, 2)
                self.assertIn(says, done.stderr)
            self.assertEqual(run(CTL, "plugin", "new", "acme", cwd=here).returncode, 2)
            self.assertEqual(os.listdir(here), [])

    def test_what_is_there_is_left_alone(self):
        with tempfile.TemporaryDirectory() as here:
            os.mkdir(os.path.join(here, "acme"))
            done = run(CTL, "plugin", "new", "acme", "--kind", "policy", cwd=here)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is there already", done.stderr)
            self.assertEqual(os.listdir(os.path.join(here, "acme")), [])

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_it_builds_with_cmake_too(self):
        folder = self.new("acme", "storage")
        with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="ascii") as f:
            f.write("cmake_minimum_required(VERSION 3.16)\nproject(acme C)\n"
                    "find_package(trustee-plugin 0.1 REQUIRED)\ntrustee_add_plugin(acme src/plugin.c)\n"
                    "install(TARGETS acme DESTINATION ${TRUSTEE_PLUGIN_DIRECTORY})\n")
        for words in (("-S", ".", "-B", "out", f"-DCMAKE_PREFIX_PATH={self.prefix}"), ("--build", "out"),
                      ("--install", "out")):
            done = run("cmake", *words, cwd=folder)
            self.assertEqual(done.returncode, 0, done)
        code, report = check(os.path.join(self.prefix, "lib/trustee/plugins/acme.so"))
        self.assertEqual((code, report["findings"]), (0, []))


class Signed(Installed):
    """A vendor's key, and evidence as the project's verifier takes it."""

    NAME = "acme-tee"

    def setUp(self):
        self.signer = ed25519.Ed25519PrivateKey.generate()
        self.root = os.path.join(self.folder, "root.pem")
        with open(self.root, "wb") as f:
            f.write(self.signer.public_key().public_bytes(serialization.Encoding.PEM,
                                                          serialization.PublicFormat.SubjectPublicKeyInfo))

    def evidence(self, binding, signer=None):
        report = (1).to_bytes(4, "little") + bytes(4) + binding.ljust(64, b"\0") + b"\x22" * 48
        signature = (signer or self.signer).sign(report)
        return {"report": base64.b64encode(report).decode(), "signature": base64.b64encode(signature).decode()}


class Tampering(Signed):
    """Good evidence, changed byte by byte."""

    def examine(self, *edits, options=()):
        folder = self.new(self.NAME, "verifier")
        for old, new in edits:
            Projects.edit(folder, old, new)
        self.make(folder, "all", "CC=cc -w")
        good = os.path.join(folder, "good.json")
        with open(good, "w", encoding="ascii") as f:
            json.dump(self.evidence(b"\x11" * 48), f)
        return check(f"{folder}/build/{self.NAME}.so", "--option", f"root_key={self.root}", "--evidence", good,
                     *(options or ("--report-data", "11" * 48)))

    def test_a_verifier_that_verifies_all_of_it_is_right(self):
        code, report = self.examine()
        self.assertEqual((code, report["findings"]), (0, []))

    def test_what_is_believed_without_a_signature_is_found(self):
        code, report = self.examine(("signature_holds(self->root, report, signature)", "1"))
        self.assertEqual(code, 1)
        self.assertIn("of 64 changed bytes of /signature, 64 leave the evidence GENUINE; the first is byte 0", whats(report))
        self.assertRegex(" ".join(whats(report)), r"of 60 changed bytes of /report, 2\d leave the evidence GENUINE")

    def test_a_challenge_that_is_not_compared_is_found(self):
        code, report = self.examine(("trustee_bind_equal(report_data, in->report_data, TRUSTEE_BIND_PAD, 64)", "1"))
        self.assertEqual(code, 1)
        self.assertIn("it called evidence GENUINE that answers another challenge", whats(report))

    def test_good_evidence_that_is_refused_is_told_with_its_reason(self):
        code, report = self.examine(options=("--report-data", "12" * 48))
        self.assertEqual(code, 1)
        self.assertEqual(whats(report), [f"the good evidence is refused: REJECT, {self.NAME}.report_data"])


class Served(Signed):
    """The service loads what a vendor made, and attests with it."""

    def setUp(self):
        super().setUp()
        folder = self.new(self.NAME, "verifier")
        self.make(folder, "all")
        self.plugins = os.path.join(self.folder, "plugins")
        os.mkdir(self.plugins, 0o755)
        for file in glob.glob(os.path.join(BUILD, "plugins/*.so")) + [os.path.join(folder, f"build/{self.NAME}.so")]:
            shutil.copy(file, self.plugins)
            os.chmod(os.path.join(self.plugins, os.path.basename(file)), 0o644)

    def attest(self, service, bound=None, signer=None):
        key = Key()
        cookie, nonce = service.auth(self.NAME)
        evidence = self.evidence(binding_of(nonce, key) if bound is None else bound, signer)
        return service.request("POST", "/kbs/v0/attest", attestation_of(nonce, key, evidence),
                               {"Cookie": "kbs-session-id=" + cookie})

    def test_its_evidence_gets_a_token_and_forged_evidence_none(self):
        section = f"\n[plugin {self.NAME}]\nroot_key = {self.root}\n"
        with Daemon({"plugins": {"directory": self.plugins}}, section) as service:
            answer = self.attest(service)
            self.assertEqual(answer.status, 200, (answer, service.log_text()[-2000:]))
            claims = token_parts(answer.json()["token"])[1]["submods"]["cpu0"]
            self.assertIn("22" * 48, json.dumps(claims))
            for response, reason in ((self.attest(service, bound=bytes(48)), "report_data"),
                                     (self.attest(service, signer=ed25519.Ed25519PrivateKey.generate()), "signature")):
                self.assertEqual(response.status, 401, response)
                record = service.ctl("explain", response.json()["id"]).decode()
                self.assertIn(f"{self.NAME}.{reason}", record)
            self.assertTrue(service.alive())


class Shipped(unittest.TestCase):
    """What is shipped passes."""

    def test_nothing_is_found_in_the_shipped_plugins(self):
        for name in ("tpm", "tdx", "snp", "sgx", "sample", "file", "memory"):
            with self.subTest(name=name):
                code, report = check(os.path.join(BUILD, f"plugins/{name}.so"))
                self.assertEqual((code, report["findings"]), (0, []))
                self.assertGreater(report["calls"], 100)

    @unittest.skipUnless(os.path.exists(FORGE), "forge is not built")
    def test_nothing_is_found_where_genuine_evidence_is_changed(self):
        for kind, tee in (("dcap", "tdx"), ("snp", "snp")):
            with self.subTest(tee=tee), Forge(kind) as vendor:
                good = vendor.path("good.json")
                with open(good, "w", encoding="ascii") as f:
                    json.dump(vendor.evidence(b"\x11" * 48), f)
                collateral = vendor.path("collateral.json") if kind == "dcap" else vendor.folder
                code, report = check(os.path.join(BUILD, f"plugins/{tee}.so"), "--option",
                                     "trust_anchor=" + vendor.path("root.pem"), "--evidence", good, "--report-data",
                                     "11" * 48, "--collateral", collateral)
                self.assertEqual((code, report["findings"]), (0, []))
                changed = [n["what"] for n in report["notes"] if "were made of the good evidence" in n["what"]]
                self.assertRegex(changed[0], r"^[1-9]\d+ documents")

    def test_nothing_is_found_in_the_policy_engine(self):
        for policy in ("resource.rego", "default_cpu.rego"):
            code, report = check(os.path.join(BUILD, "plugins/rego.so"), "--policy", os.path.join(ROOT, "policy", policy))
            self.assertEqual((code, report["findings"]), (0, []))

    def test_show_tells_what_the_descriptor_says(self):
        file = os.path.join(BUILD, "plugins/tpm.so")
        text = run(CTL, "plugin", "show", file).stdout
        digest = run("sha256sum", file).stdout.split()[0]
        for word in ("tpm (cpu)", digest, "require_safe_clock", "tpm.evidence.form", "ABI          1.0"):
            self.assertIn(word, text)
        self.assertEqual(json.loads(run(CTL, "--json", "plugin", "show", file).stdout)["sha256"], digest)
        self.assertEqual(run(CTL, "plugin", "show", os.path.join(BUILD, "plugins/none.so")).returncode, 2)

    def test_list_tells_what_is_in_a_folder_and_what_is_no_plugin(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(os.path.join(BUILD, "plugins/tpm.so"), folder)
            with open(os.path.join(folder, "junk.so"), "w", encoding="ascii") as f:
                f.write("junk")
            done = run(CTL, "plugin", "list", "--directory", folder)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"(?m)^tpm +0\.\d+\.\d+ +verifier +1")
            self.assertRegex(done.stdout, r"(?m)^junk\.so .*not a shared object")
            rows = json.loads(run(CTL, "--json", "plugin", "list", "--directory", folder).stdout)
            self.assertEqual([("error" in row, row.get("name")) for row in rows], [(True, None), (False, "tpm")])
        names = {row["name"] for row in json.loads(run(CTL, "--json", "plugin", "list").stdout)}
        self.assertTrue({"tpm", "tdx", "snp", "sgx", "file", "rego"} <= names)


ROGUES = {  # what it does: what is found
    "crash": r"crashed with Segmentation fault at address 0x10, in verify of ",
    "overflow": r"crashed with Segmentation fault .* in verify of an empty object",
    "leaves": r"ended the process with exit code 0, in verify",
    "aborts": r"ended the process by Aborted, in verify",
    "writes_input": r"wrote to its input, in verify",
    "hang": r"did not return within 1 s, in verify of an empty object",
    "slow": r"took \d+ ms of CPU time",
    "leak": r"verify leaks about (4|5|6)\d bytes a time",
    "leaks_descriptor": r"after verify a file descriptor is left open: /dev/null",
    "believes": r"called evidence GENUINE that nobody signed",
    "believes_starving": r"called evidence GENUINE that nobody signed: a random document, where an allocation fails",
    "believes_late": r"called evidence GENUINE that nobody signed",
    "believes_old_clocks": r"called evidence GENUINE that nobody signed: an empty object with odd sizes",
    "believes_without_challenge": r"called evidence GENUINE that nobody signed: an empty object with odd sizes",
    "changes_directory": r"after verify the working directory is /",
    "changes_umask": r"after verify the umask is 777",
    "changes_environment": r"after verify the environment is another",
    "changes_locale": r"after verify the locale is .*C\.UTF-8",
    "changes_signals": r"after verify the process has another handler of TERM",
    "closes_all": r"file descriptor \d+, which was not its own, is closed",
    "leaves_thread": r"after verify a thread of its own runs on",
    "leaves_process": r"left a process of its own behind",
    "rejects_silently": r"answered REJECT without saying why",
    "no_verdict": r"answered OK without a verdict",
    "odd_status": r"answered 4711, which is not in abi\.h",
    "faults": r"answered E_INTERNAL for .*: the client gets 503",
    "foreign_reason": r"rejected for the reason 'tdx\.quote', which its table does not have",
    "empty_need": r"answered NEED with 9 items",
    "odd_alignment": r"arena_alloc with the alignment 3",
    "binary_record": r"called check\(\) for 'rogue\.check' with text that is too long or not UTF-8",
    "keeps_request": r"used a request after its call had returned",
    "other_thread": r"used a request in another thread",
    "remembers": r"answered \w+ alone and \w+ beside other calls",
    "bad_collateral": r"answered NEED of an item without kind or key",
}


class Rogues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="rogues-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def build(self, what):
        out = os.path.join(self.folder, what + ".so")
        done = run("cc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-w", "-fPIC", "-shared", "-fvisibility=hidden", f"-DMISBEHAVE={what}",
                   "-DROGUE_PARALLEL", "-I" + os.path.join(ROOT, "include"), "-o", out,
                   os.path.join(ROOT, "tests/abi/rogue/rogue.c"), "-lpthread")
        assert done.returncode == 0, done
        return out

    def examine(self, what):
        return check(self.build(what), "--seconds", "1", "--slow", "150")

    def test_each_way_of_misbehaving_is_found(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = dict(zip(ROGUES, pool.map(self.examine, ROGUES)))
        for what, wanted in ROGUES.items():
            with self.subTest(what=what):
                code, report = results[what]
                self.assertEqual(code, 1)
                self.assertTrue(any(re.search(wanted, text) for text in whats(report)), whats(report))
                for finding in report["findings"]:
                    self.assertTrue(finding["remedy"])

    def test_the_table_has_every_rogue(self):
        source = read(os.path.join(ROOT, "tests/abi/rogue/rogue.c"))
        found = set(re.findall(r"(?m)^static trustee_status (\w+)\(const struct call \*c\)", source))
        self.assertEqual(found - {"rejects", "believe"}, set(ROGUES))

    def test_what_only_rejects_is_right(self):
        code, report = check(self.build("rejects"))
        self.assertEqual((code, report["findings"]), (0, []))

    def test_what_the_loader_refuses_is_found_with_its_message(self):
        for name, wanted in (("odd-struct", "expected a multiple of 8"), ("wrong-magic", "magic"),
                             ("no-symbol", "does not export"), ("failing-init", "the moon is not full"),
                             ("failing-self-test", "self_test answered"), ("null-descriptor", ""),
                             ("good", "GENUINE that nobody signed")):
            file = os.path.join(BUILD, f"tests/abi/{name}.so")
            if not os.path.exists(file):
                self.skipTest(f"{file} is not built")
            with self.subTest(name=name):
                code, report = check(file)
                self.assertEqual(code, 1)
                self.assertIn(wanted, " ".join(whats(report)))

    def test_required_options_are_asked_for(self):
        with tempfile.TemporaryDirectory() as folder:
            run(CTL, "plugin", "new", "acme", "--kind", "verifier", "--directory", folder + "/acme")
            done = run("cc", "-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", "-I" + os.path.join(ROOT, "include"), "-o",
                       folder + "/acme.so", folder + "/acme/src/plugin.c", "-lcrypto")
            self.assertEqual(done.returncode, 0, done)
            code, report = check(folder + "/acme.so")
            self.assertEqual(code, 1)
            self.assertIn("requires the option root_key", whats(report)[0])


class Broken(Installed):
    """Mistakes of storages and policy engines: each is one edit of what `plugin new` writes."""

    EDITS = (
        ("storage", "memcpy(room, i->bytes + i->space_len + i->key_len, i->value_len);", "room[0] = 0;",
         "what was put is not what get gives"),
        ("storage", "if (old && flags & TRUSTEE_PUT_NEW)", "if (0)", "put with TRUSTEE_PUT_NEW"),
        ("storage", "    if (!i)\n        return TRUSTEE_NOT_FOUND;", "", "crashed"),
        ("storage", "    if (old)\n        drop(old);", "", "put, get, list and del leaks"),
        ("storage", "if (!room)\n        return TRUSTEE_E_LIMIT;", "if (!room)\n        return TRUSTEE_OK;",
         "without a value"),
        ("storage", "equal(prefix, key.ptr, prefix.len)", "equal(prefix, key.ptr, 1)", "list "),
        ("storage", "    *length = 0;", "    *length = 65; why[64 - 1] = 0;", "ready wrote beyond"),
        ("policy", "int all = p->count > 0;", "int all = 1;", " allows"),
        ("policy", "if (length > error->capacity)", "if (0)", "wrote beyond the room"),
        ("policy", "    free(p->copy);\n", "", "leaks"),
        ("policy", "s = self->host->put_bool(out,", "s = self->host->put_object(out, TEXT(\"x\")), s = self->host->put_bool(out,",
         "an answer that is malformed"),
    )

    def test_each_mistake_is_found(self):
        for number, (kind, old, new, wanted) in enumerate(self.EDITS):
            with self.subTest(number=number, old=old):
                folder = self.new("acme", kind)
                Projects.edit(folder, old, new)
                self.make(folder, "all", "CC=cc -w")
                options = ("--policy", folder + "/tests/good.rules") if kind == "policy" else ()
                code, report = check(folder + "/build/acme.so", "--seconds", "2", *options)
                self.assertEqual(code, 1)
                self.assertTrue(any(wanted in text for text in whats(report)), whats(report))


if __name__ == "__main__":
    unittest.main()
