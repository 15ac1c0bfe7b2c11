#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The commands of README.md and docs/api.md do what the pages say: each block is taken from its page and run as it
stands, with the programs in PATH. Only the port is another one, so that a service on 8080 does not matter."""

import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TRUSTEE_BUILD", os.path.join(ROOT, "build"))
BUILT = all(os.path.exists(os.path.join(BUILD, p)) for p in ("bin/trusteed", "bin/trusteectl", "plugins/rego.so"))


def blocks(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return re.findall(r"(?ms)^```sh\n(.*?)^```", f.read())


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@unittest.skipUnless(BUILT, "the programs are not built")
class Pages(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="docs-")
        self.port = free_port()
        self.service = None

    def tearDown(self):
        if self.service:
            os.killpg(self.service.pid, signal.SIGKILL)
            self.service.wait()
        shutil.rmtree(self.work, ignore_errors=True)

    def shell(self, text, background=False):
        text = text.replace("8080", str(self.port))
        text = text.replace("trusteectl init ./trustee ", f"trusteectl init ./trustee --listen 127.0.0.1:{self.port} ")
        env = {k: v for k, v in os.environ.items() if k != "TRUSTEE_HOME"}
        env["PATH"] = os.path.join(BUILD, "bin") + ":" + env["PATH"]
        child = subprocess.Popen(["bash", "-euo", "pipefail", "-c", text], cwd=self.work, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        if background:
            self.service = child
            child.stdout.close()
            return ""
        out = child.communicate(timeout=30)[0].decode()
        self.assertEqual(child.returncode, 0, f"{text}\n{out}")
        return out

    def wait(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.fail("the service does not come up")

    def test_readme(self):
        use = [b for b in blocks("README.md") if "trusteectl" in b]
        self.assertEqual(len(use), 2)
        self.shell(use[0], background=True)
        self.wait()
        out = self.shell(use[1])
        self.assertIn("stored default/my-secret/key (16 bytes)", out)
        self.assertIn("set tpm_pcr11", out)
        self.assertIn("administration: allowed", out)
        with self.subTest("a file that is dropped is a secret too"):
            os.makedirs(os.path.join(self.work, "trustee/secrets/other"))
            with open(os.path.join(self.work, "trustee/secrets/other/key"), "w", encoding="ascii") as f:
                f.write("hello")
            self.assertIn("default/other/key", self.shell("trusteectl secret list"))

    def test_api(self):
        first, *examples = blocks("docs/api.md")
        self.shell("trusteectl init ./trustee --allow-sample && exec trusteed --config trustee/trusteed.ini",
                   background=True)
        self.wait()
        self.shell("echo secret >key.bin; cp trustee/trusteectl.ini x; "
                   f"cp {ROOT}/policy/compat/allow-all.rego policy.rego; cp {ROOT}/policy/default_cpu.rego appraisal.rego")
        # A policy that releases to the sample TEE is there before its secret is asked for, as the secret is.
        asked = "resource/default/my-secret/key"
        order = sorted(examples, key=lambda e: (0 if "--data-binary" in e or "/resource-policy" in e else
                                                2 if "-X DELETE" in e or "/revoke" in e else 1))
        order.remove(next(e for e in order if "decisions/a9c1" in e))
        self.assertEqual(len(order), 21)
        for example in order:
            with self.subTest(example):
                out = self.shell(first + re.sub(r"\bcurl ", "curl -sS --fail-with-body ", example))
                if "cat token" in example and asked in example:
                    self.assertIn('"ciphertext"', out)
                if example.endswith("/readyz\n"):
                    self.assertIn('"ready":true', out)

    def test_links_lead_somewhere(self):
        pages = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"] + \
            [os.path.relpath(p, ROOT) for p in glob.glob(ROOT + "/docs/*.md")]
        for page in pages:
            with open(os.path.join(ROOT, page), encoding="utf-8") as f:
                links = re.findall(r"\]\((?!https?:|#)([^)#]+)", f.read())
            for link in links:
                with self.subTest(page=page, link=link):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, os.path.dirname(page), link)))


if __name__ == "__main__":
    unittest.main()
