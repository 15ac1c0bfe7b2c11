#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The security rules of what is released and who is told (docs/security-tests.md), shown refusing on the real daemon.
Verifiers that believe anything are those of tests/abi; no TPM is needed."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import story
    from rules import AFFIRMING, PATH, SECRET, Rules, appraisal, at_once, gpu_evidence, init_data, padded, start
    from story import bearer, session
    from trusteed import BUILD, Key, missing, token_parts
    MISSING = missing()
except ImportError as problem:
    MISSING = [str(problem)]
    Rules = unittest.TestCase

service = None


def setUpModule():
    global service
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))
    service = Rules.service = start(sections="\n[role auditor]\nallow = GET /admin/v1/**\n[role admin]\nallow = * /**\n")
    unittest.addModuleCleanup(service.__exit__)


class Rule1Release(Rules):
    def set_appraisal(self, class_, vector):
        self.addCleanup(service.ctl, "policy", "set", class_, "-", data=appraisal(AFFIRMING))
        service.ctl("policy", "set", class_, "-", data=appraisal(vector))

    def test_what_is_affirmed_in_everything_gets_the_secret(self):
        key = Key()
        token, cookie = self.attested(key)
        self.released(service.get(PATH, cookie=cookie), key)
        self.released(service.get(PATH, token=token), key)

    def test_a_vector_that_leaves_a_member_unset_is_affirming_to_the_token_and_not_to_us(self):
        for left_out in AFFIRMING:
            for value in (None, 0, 1, -1):
                vector = {k: v for k, v in AFFIRMING.items() if k != left_out}
                if value is not None:
                    vector[left_out] = value
                with self.subTest(vector=vector):
                    self.set_appraisal("default_cpu", vector)
                    token, _ = self.attested(Key())
                    status = token_parts(token)[1]["submods"]["cpu0"]["ear.status"]
                    self.assertIn(status, ("affirming", "none"))
                    self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_a_member_that_is_warned_of_or_contraindicated_is_refused(self):
        for value in (32, 33, 95, 96, 99, 127, -128):
            with self.subTest(value=value):
                self.set_appraisal("default_cpu", {**AFFIRMING, "configuration": value})
                token, _ = self.attested(Key())
                self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_an_insecure_plugin_is_refused_however_it_is_appraised(self):
        key = Key()
        token, _ = self.attested(key, tee="marked")
        claims = token_parts(token)[1]["submods"]["cpu0"]
        self.assertEqual(claims["ear.status"], "affirming")
        self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_the_sample_tee_is_refused_however_it_is_appraised(self):
        token = service.token()
        self.assertEqual(token_parts(token)[1]["submods"]["cpu0"]["ear.status"], "affirming")
        self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_another_submodule_that_is_not_affirming_is_refused(self):
        key = Key()
        token, _ = self.attested(key, additional=gpu_evidence)
        self.assertEqual(set(token_parts(token)[1]["submods"]), {"cpu0", "gpu0"})
        self.released(service.get(PATH, token=token), key)
        self.set_appraisal("default_gpu", {**AFFIRMING, "hardware": 97})
        token, _ = self.attested(key, additional=gpu_evidence)
        self.assertEqual(token_parts(token)[1]["submods"]["gpu0"]["ear.status"], "contraindicated")
        self.refused(service.get(PATH, token=token), 403, "release.denied")

    def test_denied_is_the_same_for_existing_and_for_missing_resources(self):
        token = service.token()
        seen = set()
        for path in (PATH, "default/test/missing", "nobody/has/this", "default/never/seen"):
            answer = service.get(path, token=token)
            body = answer.json()
            self.assertRegex(body.pop("id"), "^[0-9a-f]{32}$")
            headers = sorted((k, v) for k, v in answer.headers if k not in ("date",))
            seen.add(json.dumps([answer.status, body, headers]))
        self.assertEqual(len(seen), 1, seen)
        self.assertEqual(json.loads(seen.pop())[0], 403)

    def test_unauthenticated_is_401_for_every_path_plugin_names_included(self):
        paths = [PATH, "default/test/missing", "a/b", "a/b/c/d", "default/../key", "a/b/c?x=y"]
        urls = ["/kbs/v0/resource/" + p for p in paths]
        urls += ["/kbs/v0/" + p for p in ("nebula-ca/x", "pkcs11/wrap-key", "no-such-plugin/a/b", "resource", "external/x")]
        for url in urls:
            for headers in ({}, bearer("a.b.c"), session("x")):
                with self.subTest(url=url, headers=headers):
                    answer = service.request("GET", url, headers=headers)
                    self.assertEqual(answer.status, 401, answer)
                    self.assertEqual(answer.json()["reason"], "authentication")

    def test_a_path_that_is_malformed_http_is_400_whoever_asks(self):
        good, cookie = self.attested(Key())
        for path in ("..%2f..%2fetc", "default/test%2fkey"):
            seen = set()
            for headers in ({}, bearer("a.b.c"), bearer(good), session("x"), session(cookie), bearer(service.admin_jwt())):
                answer = service.request("GET", "/kbs/v0/resource/" + path, headers=headers)
                seen.add((answer.status, answer.json()["reason"]))
            with self.subTest(path=path):
                self.assertEqual(seen, {(400, "protocol/http.path")})

    def test_a_path_with_bindings_is_released_to_who_matches_one(self):
        sections = "\n[binding a]\npath = default/test/key\nclaim = /honest/measurement good\nclaim = /honest/measurement good\n" \
                   "\n[binding b]\npath = default/*/key\nclaim = /honest/measurement better\n"
        with_bindings = start(sections=sections)
        self.addCleanup(with_bindings.__exit__)
        key = Key()
        for measurement, status in (("good", 200), ("better", 200), ("bad", 403), ("goo", 403), ("good ", 403)):
            with self.subTest(measurement=measurement):
                token, _ = self.attested(key, at=with_bindings, measurement=measurement)
                answer = with_bindings.get(PATH, token=token)
                if status == 200:
                    self.released(answer, key)
                else:
                    self.refused(answer, 403, "release.binding", with_bindings)
        token, _ = self.attested(key, at=with_bindings)
        self.refused(with_bindings.get(PATH, token=token), 403, "release.binding", with_bindings)

    def test_require_binding_releases_nothing_that_is_not_bound(self):
        strict = start({"release": {"require_binding": "yes"}},
                       "\n[binding a]\npath = default/bound/key\nclaim = /honest/measurement good\n")
        self.addCleanup(strict.__exit__)
        strict.ctl("secret", "put", "default/bound/key", "-", data=SECRET)
        key = Key()
        token, _ = self.attested(key, at=strict, measurement="good")
        self.refused(strict.get(PATH, token=token), 403, "release.binding", strict)
        self.released(strict.get("default/bound/key", token=token), key)


class Rule12InitData(Rules):
    @classmethod
    def setUpClass(cls):
        cls.sent, cls.digest = init_data()
        cls.digest64 = base64.b64encode(cls.digest).decode()
        bindings = f"\n[binding digest]\npath = default/by-digest/key\nclaim = /init_data {cls.digest64}\n" \
                   "\n[binding data]\npath = default/by-data/key\nclaim = /init_data_claims/a b\n"
        cls.daemon = start(sections=bindings)
        cls.addClassCleanup(cls.daemon.__exit__)
        for name in ("by-digest", "by-data"):
            cls.daemon.ctl("secret", "put", f"default/{name}/key", "-", data=SECRET)

    def evidence_of(self, token):
        return token_parts(token)[1]["submods"]["cpu0"]["ear.veraison.annotated-evidence"]

    def test_init_data_that_the_evidence_binds_satisfies_a_binding(self):
        key = Key()
        token, _ = self.attested(key, at=self.daemon, init=self.sent, init_data=self.digest64)
        self.assertNotIn("trustee", self.evidence_of(token))
        for name in ("by-digest", "by-data"):
            self.released(self.daemon.get(f"default/{name}/key", token=token), key)

    def test_absent_init_data_is_a_claim_and_a_binding_refuses_it(self):
        token, _ = self.attested(Key(), at=self.daemon)
        self.assertIs(self.evidence_of(token)["trustee"]["init_data_checked"], False)
        for name in ("by-digest", "by-data"):
            self.refused(self.daemon.get(f"default/{name}/key", token=token), 403, "release.binding", self.daemon)

    def test_init_data_that_a_tee_cannot_carry_is_a_claim_and_a_binding_refuses_it(self):
        token, _ = self.attested(Key(), tee="honest-echo", at=self.daemon, init=self.sent)
        evidence = self.evidence_of(token)
        self.assertIs(evidence["trustee"]["init_data_checked"], False)
        self.assertEqual(evidence["init_data"], self.digest64, "echoed, as upstream does")
        for name in ("by-digest", "by-data"):
            self.refused(self.daemon.get(f"default/{name}/key", token=token), 403, "release.binding", self.daemon)

    def test_init_data_that_the_evidence_claims_and_nobody_sent_satisfies_no_binding(self):
        token, _ = self.attested(Key(), at=self.daemon, init_data=self.digest64)
        self.assertIs(self.evidence_of(token)["trustee"]["init_data_checked"], False)
        for name in ("by-digest", "by-data"):
            self.refused(self.daemon.get(f"default/{name}/key", token=token), 403, "release.binding", self.daemon)


class Rule14SecretFolders(Rules):
    def setUp(self):
        self.key = Key()
        self.token, _ = self.attested(self.key)
        self.outside = tempfile.mkdtemp(prefix="outside-")
        self.addCleanup(shutil.rmtree, self.outside)
        for name in ("key", "value"):
            with open(os.path.join(self.outside, name), "wb") as f:
                f.write(SECRET)

    def get(self, path):
        return service.get(path, token=self.token)

    def in_home(self, *parts):
        path = os.path.join(service.home, *parts)
        self.addCleanup(lambda: shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path))
        return path

    def test_the_repository_follows_no_symlink_and_reads_no_device(self):
        stored = os.path.join(service.home, "storage/repository")
        self.assertIn("default\\x2Ftest\\x2Fkey", os.listdir(stored))
        made = {"link": lambda p: os.symlink(os.path.join(self.outside, "key"), p),
                "inside": lambda p: os.symlink("default\\x2Ftest\\x2Fkey", p),
                "fifo": os.mkfifo, "folder": os.mkdir}
        for name, make in made.items():
            make(self.in_home("storage/repository", "default\\x2Fodd\\x2F" + name))
            with self.subTest(name=name):
                answer = self.get("default/odd/" + name)
                self.assertIn(answer.status, (404, 503), answer)
                self.assertEqual(service.request("GET", "/healthz").status, 200)
        self.released(self.get(PATH), self.key)

    def test_a_repository_that_is_a_symlink_is_refused(self):
        daemon = start()
        self.addCleanup(daemon.__exit__)
        token, _ = self.attested(self.key, at=daemon)
        stored = os.path.join(daemon.home, "storage/repository")
        os.rename(stored, os.path.join(self.outside, "repository"))
        os.symlink(os.path.join(self.outside, "repository"), stored)
        answer = daemon.get(PATH, token=token)
        self.assertIn(answer.status, (404, 503), answer)

    def test_files_are_0600_in_folders_0700(self):
        service.ctl("reference-value", "set", "mode", "x")
        seen = 0
        for folder, names, files in os.walk(os.path.join(service.home, "storage")):
            self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700, folder)
            for name in files:
                self.assertEqual(os.lstat(os.path.join(folder, name)).st_mode & 0o777, 0o600, name)
                seen += 1
        self.assertGreaterEqual(seen, 3)

    def test_a_secret_mounted_as_kubernetes_does_is_served(self):
        self.in_home("secrets", "mounted")
        service.secret_version("mounted", "..2026_01", {"key": SECRET})
        self.released(self.get("default/mounted/key"), self.key)
        for hidden in ("..data", "..2026_01"):
            self.assertEqual(self.get("default/mounted/" + hidden).status, 400)
        self.assertEqual(self.get("default/..data/key").status, 400)

    def test_a_key_that_leads_out_of_its_secret_is_refused(self):
        folder = self.in_home("secrets", "leading")
        service.secret_version("leading", "..1", {"key": SECRET})
        inner = os.path.join(folder, "..1")
        os.symlink(os.path.join(self.outside, "key"), os.path.join(inner, "absolute"))
        os.symlink("../key", os.path.join(inner, "sideways"))
        os.symlink("../../../keys/token.pem", os.path.join(inner, "upwards"))
        os.symlink("/proc/self/environ", os.path.join(inner, "magic"))
        os.mkfifo(os.path.join(inner, "fifo"))
        os.mkdir(os.path.join(inner, "dir"))
        for name in os.listdir(inner):
            if not os.path.lexists(os.path.join(folder, name)):
                os.symlink("..data/" + name, os.path.join(folder, name))
        self.released(self.get("default/leading/key"), self.key)
        for name in ("absolute", "sideways", "upwards", "magic", "fifo", "dir"):
            with self.subTest(name=name):
                answer = self.get("default/leading/" + name)
                self.assertIn(answer.status, (404, 503), answer)

    def test_data_that_leads_out_of_the_secret_is_refused(self):
        self.in_home("secrets", "victim")
        service.secret_version("victim", "..1", {"key": SECRET})
        for name, target in (("absolute", self.outside), ("upwards", "../../keys"), ("across", "../victim/..1"),
                             ("magic", "/proc/self/cwd")):
            folder = self.in_home("secrets", "data-" + name)
            os.mkdir(folder)
            os.symlink(target, os.path.join(folder, "..data"))
            os.symlink("..data/key", os.path.join(folder, "key"))
            with self.subTest(name=name):
                answer = self.get(f"default/data-{name}/key")
                self.assertIn(answer.status, (404, 503), answer)

    def test_a_secret_that_is_a_symlink_is_refused(self):
        os.symlink(self.outside, self.in_home("secrets", "linked"))
        self.assertIn(self.get("default/linked/key").status, (404, 503))

    def test_a_secret_cannot_be_changed_over_the_network(self):
        self.in_home("secrets", "fixed")
        service.secret_version("fixed", "..1", {"key": SECRET})
        answer = service.admin("POST", "/kbs/v0/resource/default/fixed/key", b"mine")
        self.refused(answer, 409, "resource.conflict")
        self.refused(service.admin("DELETE", "/kbs/v0/resource/default/fixed/key"), 409, "resource.conflict")
        self.released(self.get("default/fixed/key"), self.key)


class Rule15Records(Rules):
    def test_a_client_sees_the_class_and_a_random_id_and_the_name_of_its_own_forms_only(self):
        key = Key()
        token = service.token()
        good, _ = self.attested(key)
        deny = service.ctl("policy", "show", "resource")
        cases = {
            "protocol/json.syntax": service.request("POST", "/kbs/v0/auth", b"{"),
            "protocol/auth.version": service.request("POST", "/kbs/v0/auth",
                                                     {"version": "0.1.0", "tee": "honest", "extra-params": ""}),
            "protocol/release.path": service.get("a/b", token=good),
            "authentication": service.get(PATH),
            "evidence": self.attest(key, report_data=padded(b"x" * 48))[0],
            "policy": service.get(PATH, token=token),
            "not_found": service.get("default/test/missing", token=good),
            "size/http.body_too_large": service.raw(b"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
        }
        self.assertTrue(deny)
        ids = set()
        for reason, answer in cases.items():
            with self.subTest(reason=reason):
                body = answer.json()
                self.assertEqual(set(body), {"type", "detail", "reason", "id"}, body)
                self.assertEqual(body["reason"], reason)
                self.assertRegex(body["id"], "^[0-9a-f]{32}$")
                self.assertNotRegex(json.dumps([body["detail"], body["type"]]), r"[0-9a-f]{16}|/tmp|storage|expected digest")
                ids.add(body["id"])
        self.assertEqual(len(ids), len(cases))

    def test_under_compat_status_it_is_upstreams_body_to_the_letter(self):
        daemon = start({"service": {"compat_status": "upstream"}})
        self.addCleanup(daemon.__exit__)
        token = daemon.token()
        for answer in (daemon.get(PATH), daemon.get(PATH, token=token), daemon.request("POST", "/kbs/v0/auth", b"{")):
            self.assertEqual(answer.status, 401)
            self.assertEqual(set(answer.json()), {"type", "detail"})

    def test_records_are_for_administrators_alone(self):
        answer = service.get(PATH)
        path = "/admin/v1/decisions/" + answer.json()["id"]
        self.assertEqual(service.request("GET", path).status, 401)
        self.assertEqual(service.request("GET", path, headers=bearer(service.token())).status, 401)
        self.assertEqual(service.admin("GET", path).json()["reason"], "token.missing")

    def test_an_auditor_reads_and_changes_nothing(self):
        now = int(time.time())
        token = service.admin_jwt({"iss": "trusteectl", "sub": "a", "iat": now, "exp": now + 60, "role": "auditor"})
        self.assertEqual(service.request("GET", "/admin/v1/decisions", headers=bearer(token)).status, 200)
        for method, path in (("POST", "/kbs/v0/resource/a/b/c"), ("DELETE", "/kbs/v0/resource/default/test/key"),
                             ("POST", "/kbs/v0/resource-policy"), ("POST", "/kbs/v0/attestation-policy"),
                             ("POST", "/kbs/v0/reference-value"), ("DELETE", "/admin/v1/reference-values/x")):
            answer = service.request(method, path, b"{}" if method == "POST" else None, bearer(token))
            self.refused(answer, 401, "admin.denied")

    def test_a_flood_of_unauthenticated_denials_displaces_no_release_and_no_change(self):
        small = start({"records": {"memory": "256KiB"}})
        self.addCleanup(small.__exit__)
        key = Key()
        small.ctl("secret", "put", "default/change/key", "-", data=b"x")
        token, _ = self.attested(key, at=small)
        self.released(small.get(PATH, token=token), key)
        kept = [r for r in small.admin("GET", "/admin/v1/decisions?limit=500").json() if r["allowed"]]
        self.assertTrue({"release", "administration", "attestation"} <= {r["kind"] for r in kept})
        request = b"GET /kbs/v0/resource/a/b/c HTTP/1.1\r\nHost: x\r\n\r\n"
        for _ in range(10):
            self.assertEqual({a.status for a in at_once(small, [request] * 100)}, {401})
        for record in kept:
            self.assertEqual(small.explain(record["id"])["allowed"], True)

    def test_every_change_is_on_record_with_who_made_it(self):
        service.ctl("secret", "put", "default/recorded/key", "-", data=b"x")
        newest = service.admin("GET", "/admin/v1/decisions?limit=1").json()[0]
        self.assertEqual((newest["kind"], newest["allowed"]), ("administration", True))
        self.assertEqual(newest["path"], "POST /kbs/v0/resource/default/recorded/key")
        self.assertIn("key local", newest["subject"])


class Rule16Switches(Rules):
    SWITCHES = {  # name in readyz: (INI, metric)
        "compat_status": ({"service": {"compat_status": "upstream"}}, "trustee_switch_compat_status"),
        "plugins.allow_insecure": ({"plugins": {"allow_insecure": "yes"}}, "trustee_switch_allow_insecure"),
        "admin.allow_unauthenticated": ({"admin": {"allow_unauthenticated": "yes"}}, "trustee_switch_allow_unauthenticated"),
        "token.allow_insecure_header_jwk": ({"token": {"allow_insecure_header_jwk": "yes"}},
                                            "trustee_switch_allow_insecure_header_jwk"),
        "release.allow_rsa1_5": ({"release": {"allow_rsa1_5": "yes"}}, "trustee_switch_allow_rsa1_5"),
        "http.plain": ({"http": {"tls": "no"}}, "trustee_switch_plain_http"),
        "plugin.tdx.allow_debug": ({"plugin tdx": {"allow_debug": "yes"}}, "trustee_switch_plugins"),
    }

    def all_off(self, **more):
        daemon = story.Service({"http": {"tls": "yes"}}, **more)
        return daemon

    def test_every_switch_is_off_by_default(self):
        with self.all_off() as daemon:
            self.assertEqual(daemon.ready()["switches"], [])
            metrics = {k: v for k, v in daemon.metrics().items() if k.startswith("trustee_switch_")}
            self.assertEqual(metrics, {metric: 0 for _, metric in self.SWITCHES.values()})
            self.assertNotIn("switch", daemon.log_text())
            listed = subprocess.run([os.path.join(BUILD, "bin/trusteed"), "--help-config"], capture_output=True, text=True,
                                    check=True).stdout
            options = set(re.findall(r"(?m)^[#; ]*((?:allow|compat)_\w+)\s*=", listed))
            self.assertEqual(options, {name.split(".")[-1] for name in self.SWITCHES} - {"plain", "allow_debug"},
                             "every option of that name is among those that are tried here")

    def test_every_switch_that_is_on_is_shown_by_readyz_metrics_and_the_log(self):
        for name, (settings, metric) in self.SWITCHES.items():
            with self.subTest(name=name), story.Service(settings, tls=name != "http.plain") as daemon:
                self.assertEqual(daemon.ready()["switches"], [name])
                on = {k for k, v in daemon.metrics().items() if k.startswith("trustee_switch_") and v == 1}
                self.assertEqual(on, {metric})
                self.assertRegex(daemon.log_text(), r"warn [a-z]+: switch " + name.replace(".", r"\.") + r" is on")

    def test_every_switch_that_is_on_is_input_of_both_kinds_of_policy(self):
        switches = ["http.plain", "plugins.allow_insecure"]
        with start() as daemon:
            listed = sorted(daemon.ready()["switches"])
            self.assertEqual(listed, switches)
            sorted_list = "sort(data.trustee.switches) == " + json.dumps(switches)
            daemon.ctl("policy", "set", "default_cpu", "-", data=(
                f"package policy\nimport rego.v1\ndefault trust_claims := {json.dumps({**AFFIRMING, 'hardware': 97})}\n"
                f"trust_claims := {json.dumps(AFFIRMING)} if {sorted_list}\n").encode())
            daemon.set_resource_policy(f"package policy\nimport rego.v1\ndefault allow := false\nallow if {sorted_list}\n")
            token, _ = self.attested(Key(), at=daemon)
            self.assertEqual(token_parts(token)[1]["submods"]["cpu0"]["ear.status"], "affirming")
            self.assertIn(daemon.get(PATH, token=token).status, (200, 404))

    def test_every_switch_is_refused_under_profile_restricted(self):
        weakening = {k: v for k, v in self.SWITCHES.items() if k != "compat_status"}  # that one weakens no check
        weakening["release.require_binding"] = ({"release": {"require_binding": "no"}}, None)
        with self.all_off() as daemon:
            with open(daemon.config, encoding="utf-8") as f:
                base = f.read()
            for name, (settings, _) in [("none", ({}, None)), *weakening.items()]:
                daemon.settings = {"service": {"profile": "restricted"}, "release": {"require_binding": "yes"}}
                for section, options in settings.items():
                    daemon.settings.setdefault(section, {}).update(options)
                with open(daemon.config, "w", encoding="utf-8") as f:
                    f.write(base)
                daemon.like, daemon.sample = None, True
                daemon._configure()
                ran = subprocess.run([daemon.program, "--check-config", "--config", daemon.config], capture_output=True,
                                     text=True)
                with self.subTest(name=name):
                    self.assertEqual(ran.returncode, 0 if name == "none" else 1, ran.stderr)
                    if name != "none":
                        self.assertIn("profile = restricted does not allow", ran.stderr)
                        self.assertIn(name.split(".")[1] if "plain" not in name else "tls = no", ran.stderr)

    def test_profile_restricted_takes_the_strict_value_of_a_verifiers_option_and_no_other(self):
        weak = {"plugin tdx": {"expired_collateral": "claim", "require_sept_ve_disable": "no"},
                "plugin sgx": {"expired_collateral": "claim"},
                "plugin snp": {"crl": "used", "require_alias_check": "no"}}
        strict = {"claim": "refuse", "no": "yes", "used": "required"}
        with self.all_off() as daemon:
            with open(daemon.config, encoding="utf-8") as f:
                base = f.read()
            cases = [(section, key, value, wrong) for section, options in weak.items() for key, bad in options.items()
                     for value, wrong in ((bad, True), (strict[bad], False), (None, False))]
            for section, key, value, wrong in cases:
                with open(daemon.config, "w", encoding="utf-8") as f:
                    f.write(base)
                daemon.settings = {"service": {"profile": "restricted"}, "release": {"require_binding": "yes"},
                                   section: {key: value} if value else {}}
                daemon.like, daemon.sample = None, True
                daemon._configure()
                ran = subprocess.run([daemon.program, "--check-config", "--config", daemon.config], capture_output=True,
                                     text=True)
                with self.subTest(key=key, value=value):
                    self.assertEqual(ran.returncode, int(wrong), ran.stderr)
                    if wrong:
                        self.assertIn(f"profile = restricted takes '{key} = {strict[value]}' only", ran.stderr)

    def test_the_sample_plugin_is_refused_without_its_switch(self):
        with self.all_off() as daemon:
            with open(daemon.config, "a", encoding="utf-8") as f:
                f.write("\n[plugin sample]\n")
            ran = subprocess.run([daemon.program, "--check-config", "--config", daemon.config], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 1)
            self.assertIn("allow_insecure", ran.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
