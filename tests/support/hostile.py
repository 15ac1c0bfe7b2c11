# SPDX-License-Identifier: Apache-2.0
"""What hostile requests are measured by: the answer, its form and time, a process that lives, and a state that stays."""

import time
import unittest

import trusteed
from trusteed import Daemon, Key

ALLOW = 'package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == "resource"\n'
SECRET = b"a secret of eight words for these tests"
ANSWER_SECONDS = 2
STATE = ("/admin/v1/resources", "/admin/v1/policies", "/admin/v1/reference-values")


class Hostile(unittest.TestCase):
    """One daemon for the rows of a class; `settings` and `sections` as Daemon has them."""

    settings, sections = {}, ""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(cls.settings, cls.sections).__enter__()
        cls.addClassCleanup(cls.finish)
        cls.daemon.set_resource_policy(ALLOW)
        assert cls.daemon.admin("POST", "/kbs/v0/resource/default/test/key", SECRET).status == 200
        cls.key = Key()

    @classmethod
    def finish(cls):
        code, log = cls.daemon.stop(), cls.daemon.log_text()
        cls.daemon.__exit__()
        assert code == 0, f"ended with {code}: {log[-3000:]}"

    def state(self):
        return [self.daemon.admin("GET", path).body for path in STATE]

    def expect(self, row, send, status, kind=None, seconds=ANSWER_SECONDS):
        """Calls `send`; its answer has this status (or one of them), and error variant."""
        with self.subTest(row):
            before = self.state()
            started = time.monotonic()
            answer = send()
            self.assertLess(time.monotonic() - started, seconds, "too late")
            self.judge(answer, status, kind)
            self.assertTrue(self.daemon.alive(), self.daemon.log_text()[-2000:])
            self.assertEqual(self.state(), before, "the state changed")
            return answer
        return None

    def judge(self, answer, status, kind=None):
        expected = status if isinstance(status, tuple) else (status,)
        self.assertIn(answer.status, expected, answer)
        if answer.status == 200:
            return
        self.assertIsNotNone(answer.kind(), f"no ErrorInformation: {answer}")
        self.assertEqual(answer.header("content-type"), "application/json")
        if kind:
            self.assertEqual(answer.kind(), kind)

    def post(self, path, body, cookie=None, headers=None):
        headers = dict(headers or {})
        if cookie is not None:
            headers["Cookie"] = "kbs-session-id=" + cookie
        return self.daemon.request("POST", path, body, headers)

    def resident(self):
        """Resident memory of the daemon in bytes; 0 where a sanitizer keeps what was freed."""
        if "asan" in trusteed.BUILD:
            return 0
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))


def missing():
    return ", ".join(trusteed.missing())
