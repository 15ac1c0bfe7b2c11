#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon with upstream's configuration and folder, started as upstream's operator and charts start theirs: nothing
is changed but the program."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from trusteed import BUILD, missing  # noqa: E402

PROGRAM = os.path.join(BUILD, "bin/trusteed")
POLICY = 'package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == "resource"\n'


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@unittest.skipIf(missing(), f"not installed or built: {missing()}")
class UpstreamConfig(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="upstream-config-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.storage = os.path.join(self.folder, "storage")
        self.port = free_port()
        for space in ("repository", "kbs"):
            os.makedirs(os.path.join(self.storage, space), 0o700)
        os.chmod(self.storage, 0o700)
        self.write("storage/repository/default\\x2Fnew-secret\\x2Fstatus", b"success")
        self.write("storage/kbs/resource-policy.rego", POLICY.encode())

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
            f.write(content)
        return path

    def toml(self, more="", admin='authorization_mode = "InsecureAllowAll"'):
        return self.write("kbs-config.toml", f"""
[http_server]
sockets = ["127.0.0.1:{self.port}"]
insecure_http = true
tls_profile = "intermediate"
[attestation_token]
insecure_header_jwk = true
[attestation_service]
type = "coco_as_builtin"
[attestation_service.attestation_token_broker]
duration_min = 5
[attestation_service.rvps_config]
type = "BuiltIn"
[admin]
{admin}
[storage_backend]
storage_type = "LocalFs"
[storage_backend.backends.local_fs]
dir_path = "{self.storage}"
[[plugins]]
name = "resource"
storage_backend_type = "kvstorage"
{more}""".encode())

    def start(self, config, *words):
        log = open(os.path.join(self.folder, "log"), "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([PROGRAM, *words, "--config-file", config], stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for _ in range(500):
            try:
                self.get("/healthz")
                return process
            except OSError:
                if process.poll() is not None:
                    break
                time.sleep(0.02)
        raise AssertionError(self.log())

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as f:
            return f.read()

    def get(self, path, data=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def check(self, config):
        done = subprocess.run([PROGRAM, "--check-config", "--config-file", config], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def test_it_serves_from_upstreams_folder_and_says_what_it_leaves_out(self):
        self.start(self.toml())
        self.assertEqual(self.get("/kbs/v0/resource-policy"), (200, b'["resource-policy"]'))
        status, body = self.get("/admin/v1/policies/resource-policy")
        self.assertEqual((status, body.decode()), (200, POLICY))
        self.assertIn(b"default/new-secret/status", self.get("/admin/v1/resources")[1])
        self.assertEqual(self.get("/kbs/v0/resource/default/new-secret/status")[0], 401)
        new = base64.urlsafe_b64encode(POLICY.replace("false", "false\n").encode()).rstrip(b"=").decode()
        self.assertEqual(self.get("/kbs/v0/resource-policy", json.dumps({"policy": new}).encode())[0], 200)
        for note in ("http_server.tls_profile is ignored", "insecure_header_jwk is left out", "sample verifier"):
            self.assertIn(note, self.log())

    def test_json_and_the_converted_ini_serve_the_same(self):
        config = self.write("kbs.json", json.dumps({
            "http_server": {"sockets": [f"127.0.0.1:{self.port}"], "insecure_http": True},
            "admin": {"authorization_mode": "DenyAll"},
            "storage_backend": {"storage_type": "LocalFs", "backends": {"local_fs": {"dir_path": self.storage}}}}).encode())
        process = self.start(config)
        self.assertIn(self.get("/kbs/v0/resource-policy")[0], (401, 403))
        process.kill()
        process.wait()
        made = subprocess.run([os.path.join(BUILD, "bin/trusteectl"), "convert-config", config], capture_output=True,
                              check=True)
        self.start(self.write("made.ini", made.stdout))
        self.assertIn(self.get("/kbs/v0/resource-policy")[0], (401, 403))
        self.assertEqual(self.get("/readyz")[0], 200)

    def test_what_cannot_be_taken_over_stops_the_start_in_words(self):
        config = self.toml()
        self.assertEqual(self.check(config)[0], 0)
        with open(config, encoding="utf-8") as f:
            good = f.read()
        for change, words in ((('"LocalFs"', '"LocalJson"'), "storage_type = LocalJson"), (("kvstorage", "Aws"), "Aws"),
                              (("coco_as_builtin", "intel_ta"), "intel_ta"), (("InsecureAllowAll", "x"), "authorization_mode"),
                              (("insecure_http = true", "insecure_http = 1"), "true or false")):
            code, said = self.check(self.write("kbs-config.toml", good.replace(*change).encode()))
            self.assertEqual(code, 1, said)
            self.assertIn(words, said)
            self.assertIn("kbs-config.toml", said)
        code, said = self.check(self.write("kbs-config.yaml", b"a: 1\n"))
        self.assertEqual(code, 1)
        self.assertIn("TOML or JSON", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
