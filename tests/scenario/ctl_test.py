#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of trusteectl against the real daemon: what it does, what it prints with and without --json, and the
exit code and message of its main failures."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from trusteed import BUILD, Daemon, Key, missing, token_parts
    MISSING = missing()
    CTL = os.path.join(BUILD, "bin/trusteectl")
except ImportError as problem:
    MISSING = [str(problem)]

ALLOW = b"package policy\nimport rego.v1\ndefault allow := true\n"
AUDITOR = "\n[role auditor]\nallow = GET /admin/v1/**\n\n[role admin]\nallow = * /kbs/v0/**\nallow = * /admin/v1/**\n"
SAMPLE = ("--tee", "sample")


def run(*command, data=None):
    env = {k: v for k, v in os.environ.items() if k != "TRUSTEE_HOME"}
    done = subprocess.run(command, input=data, capture_output=True, timeout=30, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Init(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory(prefix="ctl-")
        self.addCleanup(self.work.cleanup)
        self.home = os.path.join(self.work.name, "trustee")

    def init(self, *options):
        return run(CTL, "init", self.home, *options)

    def modes(self):
        found = {}
        for folder, folders, files in os.walk(self.home):
            for name in [".", *folders, *files]:
                path = os.path.normpath(os.path.join(folder, name))
                found[os.path.relpath(path, self.home)] = os.stat(path).st_mode & 0o7777
        return found

    def contents(self):
        found = {}
        for folder, _, files in os.walk(self.home):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    found[os.path.join(folder, name)] = f.read()
        return found

    def test_what_holds_a_secret_is_for_its_owner_alone_whatever_the_umask(self):
        for mask in (0, 0o077):
            self.home = os.path.join(self.work.name, f"umask-{mask:o}")
            before = os.umask(mask)
            try:
                self.assertEqual(self.init()[0], 0)
            finally:
                os.umask(before)
            public = {"keys/admin.pub", "tls/ca.pem", "tls/server.pem"}
            for name, mode in self.modes().items():
                folder = os.path.isdir(os.path.join(self.home, name))
                self.assertEqual(mode, 0o700 if folder else 0o644 if name in public else 0o600, name)

    def test_every_service_has_keys_of_its_own(self):
        self.init()
        first = {os.path.basename(k): v for k, v in self.contents().items()}
        self.home += "-2"
        self.init()
        second = {os.path.basename(k): v for k, v in self.contents().items()}
        for name in ("token.pem", "admin.pem", "session.key", "server.key", "ca.pem"):
            self.assertNotEqual(first[name], second[name], name)

    def test_a_folder_that_is_there_is_left_as_it_is(self):
        self.init()
        before = self.contents()
        code, out, err = self.init("--http")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, f"trusteectl: {self.home}: File exists; init never changes what is there\n")
        self.assertEqual(self.contents(), before)

    def test_an_empty_folder_and_a_link_to_nowhere_are_left_too(self):
        os.mkdir(self.home)
        self.assertEqual(self.init()[0], 1)
        self.assertEqual(os.listdir(self.home), [])
        os.rmdir(self.home)
        os.symlink(os.path.join(self.work.name, "elsewhere"), self.home)
        self.assertEqual(self.init()[0], 1)
        self.assertEqual(os.listdir(self.work.name), ["trustee"])

    def test_its_failures_say_what_was_expected(self):
        self.assertEqual(run(CTL, "init")[0], 2)
        self.assertIn("takes one folder that does not exist yet", run(CTL, "init", "a", "b")[2])
        code, _, err = run(CTL, "init", "/nowhere/at/all")
        self.assertEqual((code, err), (1, "trusteectl: /nowhere/at/all: No such file or directory\n"))
        code, _, err = self.init("--plugins", "/nowhere")
        self.assertEqual((code, err), (1, "trusteectl: /nowhere: No such file or directory\n"))

    def test_the_sample_tee_is_marked_as_no_proof(self):
        self.assertNotIn("sample", self.init()[1])
        self.home += "-2"
        self.assertIn("NOT FOR PRODUCTION", self.init("--allow-sample")[1])


class Service(unittest.TestCase):
    """Commands against a daemon of the class's own."""
    daemon = None

    @classmethod
    def setUpClass(cls):
        if MISSING:
            raise unittest.SkipTest(f"not installed or built: {MISSING}")
        cls.daemon = Daemon(sections=AUDITOR).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.shipped = cls.ctl("policy", "show", "resource")[1].encode()

    @classmethod
    def ctl(cls, *arguments, data=None):
        return run(CTL, "--home", cls.daemon.home, *arguments, data=data)

    def done(self, *arguments, data=None):
        """What a command prints that succeeds."""
        code, out, err = self.ctl(*arguments, data=data)
        self.assertEqual((code, err), (0, ""), arguments)
        return out

    def json(self, *arguments):
        return json.loads(self.done("--json", *arguments))

    def fails(self, expected, words, *arguments, data=None):
        """What it says then, on standard error alone."""
        code, out, err = self.ctl(*arguments, data=data)
        self.assertEqual((code, out), (expected, ""), err)
        self.assertTrue(err.startswith("trusteectl: "), err)
        self.assertIn(words, err)
        return err

    def allow(self, policy=ALLOW):
        self.done("policy", "set", "resource", "-", data=policy)
        self.addCleanup(self.done, "policy", "set", "resource", "-", data=self.shipped)

    def file(self, text):
        f = tempfile.NamedTemporaryFile(prefix="ctl-")
        self.addCleanup(f.close)
        f.write(text)
        f.flush()
        return f.name


class Secrets(Service):
    def test_a_secret_is_put_listed_and_deleted(self):
        self.assertEqual(self.done("secret", "put", "default/life/key", self.file(b"\0\1\2")),
                         "stored default/life/key (3 bytes)\n")
        self.assertEqual(self.done("--json", "secret", "put", "default/life/other", "-", data=b""), "")
        self.assertIn("       3  default/life/key\n", self.done("secret", "list"))
        listed = [v for v in self.json("secret", "list") if v["path"].startswith("default/life/")]
        self.assertCountEqual(listed, [{"path": "default/life/key", "size": 3}, {"path": "default/life/other", "size": 0}])
        for name in ("key", "other"):
            self.assertEqual(self.done("secret", "delete", "default/life/" + name), "")
        self.assertNotIn("default/life/", self.done("secret", "list"))

    def test_secrets_are_listed_in_order(self):
        for name in ("b/2", "a/9", "b/10", "a/1"):
            self.done("secret", "put", "sorted/" + name, "-", data=b"x")
        wanted = ["sorted/a/1", "sorted/a/9", "sorted/b/10", "sorted/b/2"]
        self.assertEqual([v["path"] for v in self.json("secret", "list") if v["path"].startswith("sorted/")], wanted)
        shown = [line.split()[1] for line in self.done("secret", "list").splitlines()]
        self.assertEqual([path for path in shown if path.startswith("sorted/")], wanted)

    def test_a_put_replaces(self):
        self.allow()
        for value in (b"one", b"the second"):
            self.done("secret", "put", "default/twice/key", "-", data=value)
            self.assertEqual(self.done("secret", "get", "default/twice/key", *SAMPLE), value.decode())

    def test_a_secret_too_large_is_refused_before_it_is_sent(self):
        self.fails(1, "larger than 2097152 bytes", "secret", "put", "default/large/key", "-", data=b"x" * ((2 << 20) + 1))
        self.fails(1, "/nowhere: No such file or directory", "secret", "put", "default/large/key", "/nowhere")
        self.assertNotIn("default/large", self.done("secret", "list"))

    def test_what_is_put_arrives_whole(self):
        self.allow()
        value = bytes(range(256)) * 16
        self.done("secret", "put", "default/bytes/key", "-", data=value)
        got = subprocess.run([CTL, "--home", self.daemon.home, "secret", "get", "default/bytes/key", *SAMPLE],
                             capture_output=True, check=True)
        self.assertEqual(got.stdout, value)

    def test_get_is_denied_by_the_shipped_policy_whether_or_not_the_secret_is_there(self):
        self.done("secret", "put", "default/denied/key", "-", data=b"hidden")
        told = [self.fails(3, "the service's policy denies this resource", "secret", "get", "default/denied/" + name,
                           *SAMPLE) for name in ("key", "missing")]
        self.assertEqual(*[re.sub(r"[0-9a-f]{32}", "ID", text) for text in told])
        record = self.json("explain", re.search(r"explain ([0-9a-f]{32}) tells more", told[0])[1])
        self.assertEqual((record["kind"], record["allowed"], record["reason"]), ("release", False, "release.denied"))

    def test_get_of_what_is_not_there_is_exit_code_4(self):
        self.allow()
        self.fails(4, "the service has no such resource", "secret", "get", "default/no/key", *SAMPLE)

    def test_wrong_use(self):
        for words, command in (("secret put takes a path of three parts", "put"), ("secret put takes", "put a/b/c"),
                               ("is no path of a secret", "delete a/b"), ("takes one path", "delete"),
                               ("takes one path", "delete a/b/c d/e/f"), ("'more' is too much", "list more")):
            self.fails(2, words, "secret", *command.split())
        self.fails(2, "takes one path", "secret", "get", *SAMPLE)
        self.fails(2, 'unknown TEE "nosuch"', "secret", "get", "a/b/c", "--tee", "nosuch")


class Policies(Service):
    def test_a_policy_is_set_and_shown_byte_for_byte(self):
        text = ALLOW + "# \u00e9\r\n\t# the end".encode()
        self.allow(text)
        shown = subprocess.run([CTL, "--home", self.daemon.home, "policy", "show", "resource"], capture_output=True)
        self.assertEqual((shown.returncode, shown.stdout), (0, text))
        self.assertEqual(self.done("policy", "set", "resource-policy", self.file(ALLOW)), "set the policy resource-policy\n")
        self.assertEqual(self.done("--json", "policy", "set", "resource", self.file(ALLOW)), "")

    def test_the_list_tells_shipped_ones_from_own_ones(self):
        def listed():
            return {p["id"]: p for p in self.json("policy", "list")}
        before = listed()
        self.assertLessEqual({"resource-policy", "default_cpu", "default_gpu"}, set(before))
        self.assertTrue(all(p["usable"] for p in before.values()))
        self.assertTrue(before["default_gpu"]["shipped"])
        self.assertEqual(before["default_gpu"]["kind"], "appraisal")
        self.done("policy", "set", "default_gpu", "-", data=b"package policy\ntrust_claims := {}\n")
        after = listed()["default_gpu"]
        self.assertFalse(after["shipped"])
        self.assertNotEqual(after["sha256"], before["default_gpu"]["sha256"])
        self.assertRegex(self.done("policy", "list"), rf"(?m)^default_gpu +appraisal +own +{after['sha256'][:16]}$")

    def test_what_does_not_load_is_refused_with_line_and_column_and_nothing_changes(self):
        text = b"package policy\nimport rego.v1\n\nallow if 1 = = 2\n"
        before = self.json("policy", "list")
        for name in ("resource", "default_cpu"):
            err = self.fails(1, "line 4, column ", "policy", "set", name, "-", data=text)
            line, column = re.search(r"line (\d+), column (\d+)", err).groups()
            self.assertIn("[protocol/policy.refused]", err)
        self.assertEqual(self.json("policy", "list"), before)
        name = self.file(text)
        self.fails(1, f"{name}:{line}:{column}: ", "policy", "check", name)
        self.assertGreaterEqual(int(column), 10)

    def test_show_and_check_speak_json(self):
        self.done("policy", "set", "resource", "-", data=ALLOW)
        self.addCleanup(self.done, "policy", "set", "resource", "-", data=self.shipped)
        self.assertEqual(self.json("policy", "show", "resource"), {"id": "resource-policy", "policy": ALLOW.decode()})
        good = self.file(ALLOW)
        self.assertEqual(self.json("policy", "check", good), {"file": good, "good": True})
        bad = self.file(b"package policy\nallow := {\n")
        code, out, err = run(CTL, "--home", self.daemon.home, "--json", "policy", "check", bad)
        told = json.loads(out)
        self.assertEqual((code, err, told["file"], told["good"]), (1, "", bad, False))
        self.assertTrue(told["line"] >= 2 and told["text"])

    def test_a_policy_is_checked_from_standard_input_too(self):
        self.assertEqual(self.done("policy", "check", "-", data=ALLOW), "-: good\n")
        self.fails(1, "-:", "policy", "check", "-", data=b"allow = true\n")

    def test_wrong_use(self):
        self.fails(4, "there is no such policy [not_found]", "policy", "show", "nosuch")
        self.fails(1, "400: the path is not valid", "policy", "show", "../decisions")
        self.fails(1, "/nowhere: No such file or directory", "policy", "set", "resource", "/nowhere")
        self.fails(1, "larger than 262144 bytes", "policy", "set", "resource", "-", data=b"#" * ((256 << 10) + 1))
        self.fails(1, "400: ", "policy", "set", "../cpu", "-", data=ALLOW)
        for words, command in (("policy set takes resource or default_CLASS", "set"), ("policy set takes", "set resource"),
                               ("policy show takes", "show"), ("policy check takes a file", "check"),
                               ("'more' is too much", "list more")):
            self.fails(2, words, "policy", *command.split())


class ReferenceValues(Service):
    def values(self):
        return {v["name"]: v["value"] for v in self.json("reference-value", "list")}

    def test_each_way_to_set_one(self):
        for name, arguments, expected in (
                ("list", ["x", "y"], ["x", "y"]), ("one", ["x"], ["x"]), ("single", ["x", "--single"], "x"),
                ("text", ["7", "true"], ["7", "true"]), ("typed", ["7", "true", "x", "--typed"], [7, True, "x"]),
                ("single-typed", ["--typed", "--single", "18446744073709551615"], 18446744073709551615),
                ("quoted", ['a"b\\c\n', "\u00e9"], ['a"b\\c\n', "\u00e9"])):
            self.assertEqual(self.done("reference-value", "set", name, *arguments), f"set {name}\n")
            self.assertEqual(json.loads(self.done("reference-value", "show", name)), expected)
            self.assertEqual(self.json("reference-value", "show", name), expected)
            self.assertEqual(self.values()[name], expected)

    def test_a_file_sets_many(self):
        name = self.file(json.dumps({"file-a": ["1", 2], "file-b": False}).encode())
        self.assertEqual(self.done("reference-value", "set", "--file", name), f"set {name}\n")
        self.assertEqual((self.values()["file-a"], self.values()["file-b"]), (["1", 2], False))
        self.assertRegex(self.done("reference-value", "list"), r'(?m)^file-a +\["1",2\]$')
        self.assertEqual(self.done("--json", "reference-value", "set", "--file", "-", data=b'{"file-c":["z"]}'), "")
        self.assertEqual(self.values()["file-c"], ["z"])

    def test_one_is_deleted_once(self):
        self.done("reference-value", "set", "gone", "x")
        self.assertEqual(self.done("reference-value", "delete", "gone"), "")
        self.fails(4, "No reference value found for the given id: gone", "reference-value", "delete", "gone")
        self.fails(4, "No reference value found for the given id: gone", "reference-value", "show", "gone")
        self.assertNotIn("gone", self.values())

    def test_what_is_refused_sets_nothing(self):
        before = self.values()
        for text in (b"[1]", b"{", b'{"a":1,"a":2}', b""):
            self.fails(1, "400: ", "reference-value", "set", "--file", self.file(text))
        self.fails(1, "/nowhere: No such file or directory", "reference-value", "set", "--file", "/nowhere")
        for command in ("set", "set name", "set name a b --single", "set name --file x"):
            self.fails(2, "takes a name and its values, or --file FILE", "reference-value", *command.split())
        self.fails(2, "unknown option '--singel'", "reference-value", "set", "name", "x", "--singel")
        for verb in ("show", "delete"):
            self.fails(2, f"reference-value {verb} takes a name", "reference-value", verb)
        self.fails(2, "'more' is too much", "reference-value", "list", "more")
        self.assertEqual(self.values(), before)


class Tokens(Service):
    def test_attest_prints_a_token_that_token_show_reads(self):
        token = self.done("attest", *SAMPLE)
        header, claims = token_parts(token.strip())
        shown = json.loads(self.done("--json", "token", "show", self.file(token.encode())))
        self.assertEqual((shown["header"], shown["claims"]), (header, claims))
        code, text, err = self.ctl("token", "show", "-", data=token.encode())
        self.assertEqual((code, err), (0, ""))
        self.assertIn("(signature not checked here)", text)
        self.assertIn("cpu0: contraindicated  {", text)
        self.assertIn(time.strftime("until %Y-%m-%d %H:%M:%S UTC\n", time.gmtime(claims["exp"])), text)
        self.assertNotIn("EXPIRED", text)

    def test_a_token_that_has_expired_is_shown_as_expired(self):
        code, text, _ = self.ctl("token", "show", "-", data=self.daemon.admin_jwt({"iss": "a", "exp": 1}).encode())
        self.assertEqual(code, 0)
        self.assertIn("until 1970-01-01 00:00:01 UTC  EXPIRED\n", text)

    def test_what_is_no_token_is_refused(self):
        for text in (b"", b"x", b"a.b.c", b"a.b", b"\xff\xfe"):
            self.fails(1, "this is no token", "token", "show", "-", data=text)
        self.fails(1, "/nowhere: No such file", "token", "show", "/nowhere")
        self.fails(2, "token show takes a file with a token", "token", "show")

    def test_control_characters_of_a_token_do_not_reach_the_terminal(self):
        token = self.daemon.admin_jwt({"iss": "\x1b[2J", "exp": 1, "submods": {
            "cpu\x1b[0m": {"ear.status": "\x1b]0;x\x07", "ear.veraison.annotated-evidence": {"\x1b[1m": "\x1b[3m"}}}})
        self.assertNotIn("\x1b", self.ctl("token", "show", "-", data=token.encode())[1])

    def test_attest_without_evidence_is_exit_code_6_and_wrong_use_2(self):
        self.fails(2, 'unknown TEE "nosuch"', "attest", "--tee", "nosuch")
        self.fails(2, "attest takes nothing more; 'more' is too much", "attest", "more", *SAMPLE)
        self.fails(2, "admin-token takes nothing more; 'more' is too much", "admin-token", "more")
        code, _, err = self.ctl("attest", "--tee", "tpm", "--tcti", "device:/nowhere")
        self.assertEqual(code, 6, err)
        self.assertIn("trusteectl: evidence: TPM: ", err)

    def test_an_attestation_that_is_refused_is_exit_code_7(self):
        text = b"package policy\ntrust_claims := {\"executables\": 1000}\n"
        before = self.ctl("policy", "show", "default_cpu")[1].encode()
        self.done("policy", "set", "default_cpu", "-", data=text)
        self.addCleanup(self.done, "policy", "set", "default_cpu", "-", data=before)
        err = self.fails(7, "trusteectl explain ", "attest", *SAMPLE)
        record = self.json("explain", re.search(r"explain ([0-9a-f]{32})", err)[1])
        self.assertEqual((record["kind"], record["allowed"]), ("attestation", False))

    def test_tokens_come_as_json_too(self):
        self.assertEqual(self.json("attest", *SAMPLE)["token"].count("."), 2)
        self.assertEqual(self.json("admin-token")["token"].count("."), 2)

    def test_a_role_is_a_text_and_no_json(self):
        role = 'x","role":"admin'
        token = self.done("admin-token", "--role", role).strip()
        self.assertEqual(token_parts(token)[1]["role"], role)

    def test_an_administrators_token_works_with_curl(self):
        url = f"{self.daemon.url}/admin/v1/resources"

        def curl(*arguments):
            return subprocess.run(["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", *arguments],
                                  capture_output=True, check=True, timeout=20).stdout.decode()
        token = self.done("admin-token").strip()
        self.assertEqual(curl("-H", "Authorization: Bearer " + token, url), "200")
        self.assertEqual(curl(url), "401")
        self.assertEqual(curl("-H", "Authorization: Bearer " + token[:-8] + "AAAAAAAA", url), "401")
        claims = token_parts(token)[1]
        self.assertEqual((claims["exp"] - claims["iat"], claims["role"]), (3600, "admin"))

    def test_an_administrators_token_has_the_role_and_the_life_that_was_asked_for(self):
        token = self.done("admin-token", "--role", "auditor", "--life", "60").strip()
        claims = token_parts(token)[1]
        self.assertEqual((claims["exp"] - claims["iat"], claims["role"]), (60, "auditor"))
        headers = {"Authorization": "Bearer " + token}
        self.assertEqual(self.daemon.request("GET", "/admin/v1/resources", headers=headers).status, 200)
        refused = self.daemon.request("POST", "/kbs/v0/resource/default/role/key", b"x", headers)
        self.assertIn(refused.status, (401, 403), refused)
        for life in ("0", "-1", "x", "31536001"):
            self.fails(2, "--life takes seconds, at most a year", "admin-token", "--life", life)


class Explain(Service):
    def test_without_an_id_it_tells_the_newest_first_and_at_most_ten(self):
        for i in range(12):
            self.done("reference-value", "set", f"record{i}", "x")
        records = self.json("explain")
        self.assertEqual(len(records), 10)
        self.assertEqual([r["time"] for r in records], sorted((r["time"] for r in records), reverse=True))
        text = self.done("explain")
        self.assertEqual(re.findall(r"(?m)^  id +(\S+)$", text), [r["id"] for r in records])
        self.assertEqual(text.count("administration: allowed\n"), 10)
        self.assertIn("  path        POST /kbs/v0/reference-value\n", text)

    def test_a_refused_release_is_told_with_the_attestation_that_it_stands_on(self):
        err = self.fails(3, "denies", "secret", "get", "default/explain/key", *SAMPLE)
        name = re.search(r"explain ([0-9a-f]{32})", err)[1]
        text = self.done("explain", name)
        self.assertTrue(text.startswith("release: refused\n  reason      release.denied\n"), text)
        for label in ("meaning", "remedy", "id", "when", "from", "TEE", "path"):
            self.assertRegex(text, rf"(?m)^  {label} +\S")
        self.assertIn("Its token came from this attestation: allowed\n", text)
        record = self.json("explain", name)
        self.assertEqual((record["id"], record["allowed"]), (name, False))
        attestation = self.json("explain", record["attestation"])
        self.assertEqual((attestation["kind"], attestation["tee"], attestation["allowed"]), ("attestation", "sample", True))
        self.assertTrue(self.done("explain", record["attestation"]).startswith("attestation: allowed\n"))

    def test_all_shows_each_check(self):
        self.fails(3, "denies", "secret", "get", "default/explain/key", *SAMPLE)
        for record in self.json("explain"):
            names = [c["name"] for c in record.get("checks", [])]
            text = self.done("explain", record["id"], "--all")
            self.assertEqual([n for n in names if n not in text], [])
            self.assertNotIn("(--all shows them)", text)
        self.assertIn("  checks\n", self.done("explain", "--all"))

    def test_wrong_use(self):
        for name in ("zzz", "..", "0" * 32):
            self.fails(4, "there is no such record, or it has left the store [not_found]", "explain", name)
        for name in ("../policies", "../../../healthz", "\n"):
            self.fails(1, "400: ", "explain", name)
        self.fails(2, "explain takes one id, or none", "explain", "a", "b")


class Revoke(Service):
    def status(self, token):
        return self.daemon.get("default/revoke/key", token=token).status

    def test_older_tokens_are_refused_newer_ones_are_not_and_a_restart_changes_nothing(self):
        self.allow()
        self.done("secret", "put", "default/revoke/key", "-", data=b"x")
        key = Key()
        old = self.daemon.token(key)
        self.assertEqual(self.status(old), 200)
        self.done("revoke", "--before", "100")
        self.assertEqual(self.status(old), 200)
        printed = self.done("revoke")
        before = int(re.fullmatch(r"attestation tokens issued before (\d+) are refused from now on\n", printed)[1])
        self.assertLessEqual(abs(before - time.time()), 3)
        self.assertEqual(self.status(old), 401)
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual(self.status(old), 401)
        time.sleep(max(0, before + 0.1 - time.time()))
        new = self.daemon.token(key)
        self.assertEqual(self.status(new), 200)
        self.assertEqual(self.status(old), 401)
        self.ctl("revoke", "--before", "100")
        self.assertEqual(self.status(old), 401, "what is revoked stays so")
        self.daemon.process.kill()
        self.daemon.stop()
        self.daemon.start()
        self.assertEqual((self.status(old), self.status(new)), (401, 200))
        self.assertEqual(self.done("--json", "revoke"), "")
        self.assertEqual(self.status(new), 401)

    def test_wrong_use(self):
        for arguments in (["--before", "x"], ["--before", "-1"], ["now"]):
            self.fails(2, "revoke takes --before and a time in seconds since 1970", "revoke", *arguments)


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Commands(unittest.TestCase):
    def test_help_lists_every_command_that_these_tests_run(self):
        tests = ""
        for path in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "*_test.py")):
            with open(path, encoding="utf-8") as f:
                tests += f.read()
        listed = re.findall(r"(?m)^  (?!trusteectl )([a-z-]+(?: [a-z]+)?)(?= |$)", run(CTL, "help")[1])
        self.assertGreaterEqual(len(listed), 18)
        for command in listed:
            group, _, verb = command.partition(" ")
            self.assertTrue(f'"{group}"' in tests and verb in tests, command)

    def test_version_and_help_go_to_standard_output(self):
        self.assertRegex(run(CTL, "--version")[1], r"^trusteectl \d+\.\d+\.\d+\n$")
        for command in (["--help"], [], ["secret", "put", "--help"]):
            self.assertEqual(run(CTL, *command), run(CTL, "help"))


if __name__ == "__main__":
    unittest.main()
