#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Upstream's own unmodified programs against the real daemon: kbs-client, with sample evidence and with a TPM, and the
guest stack. They are no part of this project: TRUSTEE_PEER_BIN names their folder."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    import swtpm
    import trusteed
    from tpm_device import TpmDevice
    from trusteed import Daemon, free_port, from_base64url, token_parts
    MISSING = ", ".join(trusteed.missing())
except ImportError as problem:
    MISSING = str(problem)

BIN = os.environ.get("TRUSTEE_PEER_BIN", "")
ALLOW = 'package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == "resource"\n'
SECRET = bytes(range(256))
PATH = "default/test/key"
INIT_DATA = 'version = "0.1.0"\nalgorithm = "sha256"\n[data]\n"aa.toml" = "[token_configs]\\n"\n"x" = "y"\n'
AFFIRMING = 'package policy\nimport rego.v1\ntrust_claims := {"executables": 3, "hardware": 2, "configuration": 2}\n'


def have(*names):
    return BIN and all(os.access(os.path.join(BIN, n), os.X_OK) for n in names)


def quiet(**extra):
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
    return {**kept, "NO_PROXY": "*", "RUST_LOG": "error", **extra}


class Peer(unittest.TestCase):
    tls = False

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(tls=cls.tls).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.folder = tempfile.mkdtemp(prefix="peers-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.ca = os.path.join(cls.daemon.home, "tls", "ca.pem")
        token = cls.daemon.ctl("admin-token").strip()
        cls.admin = cls.file("admin-token", token)
        cls.daemon.ctl("policy", "set", "resource", "-", data=ALLOW.encode())
        cls.daemon.ctl("secret", "put", PATH, "-", data=SECRET)

    @classmethod
    def file(cls, name, data):
        path = os.path.join(cls.folder, name)
        with open(path, "wb") as f:
            f.write(data.encode() if isinstance(data, str) else data)
        return path

    def client(self, *arguments, ok=True, admin=True, **environment):
        """The output of kbs-client."""
        command = [os.path.join(BIN, "kbs-client"), "--url", self.daemon.url]
        if self.tls:
            command += ["--cert-file", self.ca]
        if arguments[0] == "config":
            arguments = ("config", *(["--admin-token-file", self.admin] if admin else []), *arguments[1:])
        done = subprocess.run([*command, *arguments], env=quiet(**environment), capture_output=True, timeout=60,
                              cwd=self.folder, check=False)
        self.assertEqual(done.returncode == 0, ok, done)
        return (done.stdout if ok else done.stdout + done.stderr).decode().strip()

    def fetched(self, output):
        self.assertEqual(base64.b64decode(output.splitlines()[-1]), SECRET)

    def count(self, metric):
        text = self.metrics()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(metric))

    def metrics(self):
        context = ssl.create_default_context(cafile=self.ca) if self.tls else None
        with urllib.request.urlopen(self.daemon.url + "/metrics", context=context) as answer:
            return answer.read().decode()


def tee_keys(case):
    """Key files in the forms that kbs-client takes."""
    ec_key, rsa_key = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    none, pem = serialization.NoEncryption(), serialization.Encoding.PEM
    return {"ec": case.file("ec.pem", ec_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none)),
            "rsa": case.file("rsa.pem", rsa_key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, none))}


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
@unittest.skipUnless(have("kbs-client"), "TRUSTEE_PEER_BIN names no folder with kbs-client")
class Client(Peer):
    def test_a_guest_attests_and_fetches_with_its_session(self):
        self.fetched(self.client("get-resource", "--path", PATH))

    def test_a_guest_fetches_with_a_token_and_its_key(self):
        for name, path in tee_keys(self).items():
            with self.subTest(name):
                self.fetched(self.client("get-resource", "--path", PATH, "--tee-key-file", path))
                token = self.file("token", self.client("attest", "--tee-key-file", path))
                before = self.count("kbs_attestation_requests_total")
                self.fetched(self.client("get-resource", "--path", PATH, "--tee-key-file", path, "--attestation-token", token))
                self.assertEqual(self.count("kbs_attestation_requests_total"), before)

    def test_init_data(self):
        self.fetched(self.client("get-resource", "--path", PATH, INIT_DATA))
        _, claims = token_parts(self.client("attest", INIT_DATA))
        evidence = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
        self.assertEqual(evidence["init_data_claims"], {"aa.toml": {"token_configs": {}}, "x": "y"})
        self.client("attest", "not toml [", ok=False)

    def test_a_device_beside_the_cpu(self):
        _, claims = token_parts(self.client("attest", ENABLE_SAMPLE_DEVICE="1"))
        self.assertEqual(list(claims["submods"]), ["cpu0", "gpu0"])
        self.fetched(self.client("get-resource", "--path", PATH, ENABLE_SAMPLE_DEVICE="1"))

    def test_an_administrator_sets_and_deletes_resources(self):
        path = self.file("resource", SECRET)
        self.client("config", "set-resource", "--path", "default/test/mine", "--resource-file", path)
        self.fetched(self.client("get-resource", "--path", "default/test/mine"))
        self.client("config", "delete-resource", "--path", "default/test/mine")
        self.assertIn("Plugin internal error", self.client("get-resource", "--path", "default/test/mine", ok=False))
        self.client("config", "delete-resource", "--path", "default/test/mine", ok=False)

    def test_an_administrator_sets_policies(self):
        try:
            deny = self.file("deny.rego", "package policy\ndefault allow := false\n")
            self.client("config", "set-resource-policy", "--policy-file", deny)
            before = self.count("kbs_attestation_requests_total")
            self.assertIn("Access denied by policy", self.client("get-resource", "--path", PATH, ok=False))
            self.assertLessEqual(self.count("kbs_attestation_requests_total") - before, 1, "a denial made it attest again")
            affirming = self.file("affirming.rego", AFFIRMING)
            self.client("config", "set-attestation-policy", "--type", "rego", "--id", "default_cpu", "--policy-file", affirming)
            _, claims = token_parts(self.client("attest"))
            self.assertEqual(claims["submods"]["cpu0"]["ear.status"], "affirming")
        finally:
            self.client("config", "set-resource-policy", "--allow-all")
            self.client("config", "set-attestation-policy", "--type", "rego", "--id", "default_cpu", "--policy-file",
                        os.path.join(ROOT, "policy/default_cpu.rego"))
        self.fetched(self.client("get-resource", "--path", PATH))

    def test_an_administrator_sets_reference_values(self):
        self.client("config", "set-sample-reference-value", "svn", "1")
        self.assertEqual(json.loads(json.loads(self.client("config", "get-reference-value", "--id", "svn"))), ["1"])
        self.client("config", "set-sample-reference-value", "--as-integer", "--as-single-value", "major_version", "1")
        self.assertEqual(json.loads(json.loads(self.client("config", "get-reference-value", "--id", "major_version"))), 1)
        self.client("config", "get-reference-value", "--id", "nosuch", ok=False)

    def test_who_is_no_administrator_sets_nothing(self):
        path = self.file("resource", b"x")
        output = self.client("config", "set-resource", "--path", PATH, "--resource-file", path, ok=False, admin=False)
        self.assertIn("AdminAuthInitialization", output)
        self.fetched(self.client("get-resource", "--path", PATH))

    @unittest.skipIf(not MISSING and swtpm.missing(), "swtpm or tpm2-tools are not installed")
    def test_a_tpm_attests(self):
        with TpmDevice() as device:
            self.fetched(self.client("get-resource", "--path", PATH, AA_TPM_DEVICE=device.path))
            _, claims = token_parts(self.client("attest", AA_TPM_DEVICE=device.path))
            self.tpm_token(claims, device)
            self.assertEqual(self.vector(claims), (33, 97, 36))
            self.daemon.ctl("reference-value", "set", "trusted_aks", base64.b64encode(device.ak).decode())
            for register in ("07", "11"):
                self.daemon.ctl("reference-value", "set", "tpm_pcr" + register, "0" * 64)
            _, claims = token_parts(self.client("attest", AA_TPM_DEVICE=device.path))
            self.assertEqual(self.vector(claims), (3, 2, 2))

    def vector(self, claims):
        vector = claims["submods"]["cpu0"]["ear.trustworthiness-vector"]
        return tuple(vector[name] for name in ("executables", "hardware", "configuration"))

    def tpm_token(self, claims, device):
        evidence = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
        self.assertEqual(base64.b64decode(evidence["tpm"]["ak_public"]), device.ak)
        self.assertIsNone(evidence["init_data_claims"])
        self.assertEqual((evidence["init_data"], len(evidence["report_data"])), ("0" * 64, 64))
        upstream = {"ak_public", *(f"pcr{i:02}" for i in range(24))}
        self.assertEqual(set(evidence["tpm"]) - upstream, {"ak_certified", "ak_sha256", "quote"})
        self.assertLessEqual(upstream, set(evidence["tpm"]))
        recorded = os.path.join(os.environ.get("TRUSTEE_VECTORS", os.path.join(ROOT, "../shared/vectors")),
                                "../upstream/wire/tokens/token-tpm-default-policy.json")
        if os.path.exists(recorded):
            with open(recorded, encoding="utf-8") as f:
                theirs = json.load(f)["claims"]["submods"]["cpu0"]
            self.assertEqual(list(theirs), list(claims["submods"]["cpu0"]))
            ours = [name for name in evidence if name != "trustee"]
            self.assertEqual(ours, list(theirs["ear.veraison.annotated-evidence"]))


class ClientOverTls(Client):
    tls = True

    def test_a_server_whose_ca_is_not_given_is_not_believed(self):
        command = [os.path.join(BIN, "kbs-client"), "--url", self.daemon.url, "attest"]
        self.assertNotEqual(subprocess.run(command, env=quiet(), capture_output=True, timeout=120, check=False).returncode, 0)


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
@unittest.skipUnless(have("attestation-agent", "confidential-data-hub", "api-server-rest"),
                     "TRUSTEE_PEER_BIN names no folder with the guest stack")
class Guest(Peer):
    """attestation-agent, confidential-data-hub and api-server-rest, as they run in a pod's sandbox."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.running = []
        cls.addClassCleanup(cls.stop)
        cls.start(None)

    @classmethod
    def start(cls, device):
        sockets = {name: f"unix://{cls.folder}/{name}.sock" for name in ("aa", "cdh")}
        with open(cls.ca, encoding="ascii") if cls.tls else open(os.devnull, encoding="ascii") as f:
            pem = f.read()
        agent = f'[token_configs.kbs]\nurl = "{cls.daemon.url}"\n' + (f'cert = """{pem}"""\n' if pem else "")
        hub = f'socket = "{sockets["cdh"]}"\n[aa]\naa_socket = "{sockets["aa"]}"\n[kbc]\nname = "cc_kbc"\n' \
              f'url = "{cls.daemon.url}"\n' + (f'kbs_cert = """{pem}"""\n' if pem else "")
        cls.port = free_port()
        extra = {"AA_TPM_DEVICE": device} if device else {}
        cls.spawn("attestation-agent", "-a", sockets["aa"], "-c", cls.file("aa.toml", agent +
                  "[eventlog_config]\nenable_eventlog = false\n"), wait="aa.sock", **extra)
        cls.spawn("confidential-data-hub", "-c", cls.file("cdh.toml", hub), wait="cdh.sock")
        cls.spawn("api-server-rest", "--features", "all", "-b", f"127.0.0.1:{cls.port}", "-a", sockets["aa"], "-c",
                  sockets["cdh"])

    @classmethod
    def spawn(cls, name, *arguments, wait=None, **environment):
        log = open(os.path.join(cls.folder, name + ".log"), "ab")
        process = subprocess.Popen([os.path.join(BIN, name), *arguments], env=quiet(**environment), stdout=log, stderr=log,
                                   cwd=cls.folder)
        log.close()
        cls.running.append(process)
        deadline = time.monotonic() + 30
        while wait and not os.path.exists(os.path.join(cls.folder, wait)):
            if process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(cls.folder, name + ".log"), encoding="utf-8", errors="replace") as f:
                    raise RuntimeError(name + " ended: " + f.read()[-2000:])
            time.sleep(0.05)

    @classmethod
    def stop(cls):
        for process in reversed(cls.running):
            process.terminate()
        for process in cls.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        cls.running.clear()
        for name in ("aa.sock", "cdh.sock"):
            if os.path.exists(os.path.join(cls.folder, name)):
                os.unlink(os.path.join(cls.folder, name))

    def get(self, path):
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=60) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def test_a_workload_fetches_a_resource(self):
        self.assertEqual(self.get("cdh/resource/" + PATH), (200, SECRET))

    def test_a_workload_gets_a_token(self):
        code, body = self.get("aa/token?token_type=kbs")
        self.assertEqual(code, 200, body)
        _, claims = token_parts(json.loads(body)["token"])
        self.assertIn("sample", claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"])

    def test_a_resource_that_is_not_there(self):
        self.assertNotEqual(self.get("cdh/resource/default/test/missing")[0], 200)

    @unittest.skipUnless(have("trustee-attester"), "TRUSTEE_PEER_BIN names no folder with trustee-attester")
    def test_the_attester_alone_fetches_a_resource(self):
        command = [os.path.join(BIN, "trustee-attester"), "--url", self.daemon.url]
        if self.tls:
            command += ["--cert-file", self.ca]
        done = subprocess.run([*command, "get-resource", "--path", "kbs:///" + PATH], env=quiet(), capture_output=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(base64.b64decode(done.stdout.split()[-1]), SECRET)


class GuestOverTls(Guest):
    tls = True


@unittest.skipIf(not MISSING and swtpm.missing(), "swtpm or tpm2-tools are not installed")
class GuestWithTpm(Guest):
    @classmethod
    def start(cls, device):
        cls.device = TpmDevice().__enter__()
        cls.addClassCleanup(cls.device.__exit__)
        cls.addClassCleanup(cls.stop)
        super().start(cls.device.path)

    def test_a_workload_gets_a_token(self):
        _, claims = token_parts(json.loads(self.get("aa/token?token_type=kbs")[1])["token"])
        self.assertIn("tpm", claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"])


del Peer

if __name__ == "__main__":
    unittest.main()
