#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the daemon does after something broke: storage that fails and works again, the end with requests half-sent, floods
of nonsense that leave nothing behind. faults_test.py has the faults themselves."""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import story
    import trusteed
    from trusteed import Key, missing, receive
    MISSING = missing()
except ImportError as problem:
    MISSING = [str(problem)]

PATH = "default/test/key"
ALLOW = 'package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == "resource"\n'
OLD = b"old " * 4096


def setUpModule():
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))


def open_files(pid):
    """How many; 0 where only root may count, because the service is not dumpable."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return 0


class Faults(unittest.TestCase):
    def start(self, settings=None, program=None):
        daemon = story.Service(settings, tls=False, sample=True, program=program).__enter__()
        self.addCleanup(daemon.__exit__)
        daemon.set_resource_policy(ALLOW)
        self.assertEqual(self.post(daemon, OLD).status, 200)
        self.key = Key()
        answer, self.cookie = daemon.attest(self.key)
        self.assertEqual(answer.status, 200)
        return daemon

    def post(self, daemon, value, path=PATH):
        return daemon.admin("POST", "/kbs/v0/resource/" + path, value)

    def value(self, daemon):
        answer = daemon.get(PATH, cookie=self.cookie)
        self.assertEqual(answer.status, 200, answer)
        return self.key.decrypt(answer)


class Storage(Faults):
    def test_a_full_disk_refuses_the_write_and_keeps_the_old_value(self):
        daemon = self.start()
        no_limit = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (65536, no_limit[1]))
        answer = self.post(daemon, b"x" * 200000)
        self.assertEqual((answer.status, self.value(daemon)), (503, OLD))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (0, no_limit[1]))
        answer = self.post(daemon, b"new")
        self.assertTrue(daemon.alive(), "a signal of the limit must not end the service")
        self.assertEqual((answer.status, answer.kind()), (503, "PluginInternalError"), answer)
        self.assertEqual(answer.json()["reason"], "unavailable")
        self.assertEqual(self.value(daemon), OLD)
        self.assertEqual(daemon.request("GET", "/readyz").status, 503)
        self.assertEqual(daemon.request("GET", "/healthz").status, 200)
        names = os.listdir(os.path.join(daemon.home, "storage/repository"))
        self.assertEqual(names, ["default\\x2Ftest\\x2Fkey"], "nothing half-written stays")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, no_limit)
        self.assertEqual(self.post(daemon, b"new").status, 200)
        self.assertEqual(self.value(daemon), b"new")
        self.assertEqual(daemon.request("GET", "/readyz").status, 200)

    def test_a_repository_that_is_gone_is_unavailable_until_it_is_back(self):
        daemon = self.start()
        place = os.path.join(daemon.home, "storage/repository")
        os.rename(place, place + "-away")
        with open(place, "wb"):
            pass
        self.assertEqual(self.post(daemon, b"new").status, 503)
        answer = daemon.get(PATH, cookie=self.cookie)
        self.assertIn(answer.status, (404, 503), answer)
        os.unlink(place)
        os.rename(place + "-away", place)
        self.assertEqual(self.value(daemon), OLD)
        self.assertEqual(self.post(daemon, b"new").status, 200)
        self.assertEqual(self.value(daemon), b"new")

    def injected(self, fault):
        """A daemon whose call number `first` and the two after it fail so. strace counts for each thread: one writes."""
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        folder = tempfile.mkdtemp(prefix="strace-")
        self.addCleanup(shutil.rmtree, folder)
        wrapper = os.path.join(folder, "trusteed")
        call, error, first = fault
        with open(wrapper, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\nUV_THREADPOOL_SIZE=1 exec strace -D -f -qq -o {folder}/trace -e trace={call} "
                    f"-e inject={call}:error={error}:when={first}..{first + 2} "
                    f"{os.path.join(trusteed.BUILD, 'bin/trusteed')} \"$@\"\n")
        os.chmod(wrapper, 0o755)
        try:
            return self.start(program=wrapper), folder
        except RuntimeError as problem:
            if "ptrace" in str(problem) or "PTRACE" in str(problem):
                self.skipTest("strace may not trace here")
            raise

    def check_fault(self, fault, allowed):
        daemon, folder = self.injected(fault)
        seen = []
        for i in range(8):
            value = b"value %d" % i
            answer = self.post(daemon, value)
            seen.append(answer.status)
            if answer.status == 200:
                self.assertEqual(self.value(daemon), value)
            else:
                self.assertEqual((answer.status, answer.kind()), (503, "PluginInternalError"), answer)
                self.assertEqual(daemon.request("GET", "/healthz").status, 200)
                self.assertIn(self.value(daemon), allowed + [b"value %d" % j for j in range(i + 1)])
        with open(os.path.join(folder, "trace"), encoding="utf-8") as f:
            self.assertIn("(INJECTED)", f.read())
        self.assertIn(503, seen)
        self.assertEqual(seen[-1], 200, "it recovers by itself")
        names = os.listdir(os.path.join(daemon.home, "storage/repository"))
        self.assertEqual(names, ["default\\x2Ftest\\x2Fkey"])

    def test_a_read_only_file_system_refuses_writes_and_serves_reads(self):
        self.check_fault(("rename,renameat,renameat2", "EROFS", 4), [OLD])

    def test_a_disk_that_fails_to_sync_refuses_writes_and_serves_reads(self):
        self.check_fault(("fsync", "EIO", 10), [OLD])

    def test_a_policy_that_cannot_be_stored_does_not_come_into_force(self):
        daemon, _ = self.injected(("rename,renameat,renameat2", "ENOSPC", 4))
        deny = ALLOW.replace("allow if", "# allow if")
        answer = daemon.admin("POST", "/kbs/v0/resource-policy", {"policy": trusteed.base64url(deny.encode())})
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(daemon.ctl("policy", "show", "resource").decode(), ALLOW)
        self.assertEqual(self.value(daemon), OLD)


class Ending(Faults):
    def test_requests_in_flight_are_answered_and_it_ends_in_order(self):
        daemon = self.start()
        body = json.dumps({"version": "0.4.0", "tee": "sample", "extra-params": {"padding": "x" * 3000}}).encode()
        head = f"POST /kbs/v0/auth HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        sockets = [daemon.connect() for _ in range(24)]
        for sock in sockets:
            sock.sendall(head + body[:2000])
        time.sleep(0.3)
        begin = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        with self.assertRaises(OSError):
            daemon.request("GET", "/healthz")
        for sock in sockets:
            sock.sendall(body[2000:])
        answers = [receive(sock) for sock in sockets]
        for sock in sockets:
            sock.close()
        self.assertEqual({a.status for a in answers}, {200})
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_an_idle_connection_does_not_hold_it_up_and_a_second_signal_ends_it_at_once(self):
        daemon = self.start()
        with daemon.connect() as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(receive(idle).status, 200)
            begin = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.process.wait(10), 0)
            self.assertLess(time.monotonic() - begin, 2)
            self.assertEqual(idle.recv(1), b"")
        daemon.log.close()
        daemon.start()
        with daemon.connect() as slow:
            slow.sendall(b"POST /kbs/v0/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            time.sleep(0.3)
            begin = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            daemon.process.send_signal(signal.SIGTERM)
            daemon.process.wait(10)
            self.assertLess(time.monotonic() - begin, 2)


class Floods(Faults):

    def test_floods_of_nonsense_leave_no_memory_behind(self):
        daemon = self.start()
        pid = daemon.process.pid
        deep = b"[" * 30000
        many = b"[" + b"{}," * 30000 + b"{}]"

        def flood(count):
            for i in range(count):
                for body in (deep, many, os.urandom(20000), b'{"runtime-data":' + deep, b'"' + b"\\u0000" * 5000 + b'"'):
                    for path in ("/kbs/v0/auth", "/kbs/v0/attest"):
                        self.ask(daemon, f"POST {path} HTTP/1.1\r\nHost: x\r\nCookie: kbs-session-id={i}\r\n"
                                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                self.ask(daemon, os.urandom(2000))
                self.ask(daemon, b"GET /" + b"%41" * 3000 + b" HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n")
                self.ask(daemon, b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n")
        flood(30)
        baseline, descriptors = resident(pid), open_files(pid)
        flood(120)
        time.sleep(0.3)
        self.assertTrue(daemon.alive())
        if "asan" not in trusteed.BUILD:
            self.assertLess(resident(pid), baseline * 1.05 + (1 << 20))
        self.assertLessEqual(open_files(pid), descriptors + 2)
        self.assertEqual(self.value(daemon), OLD)

    @staticmethod
    def ask(daemon, data):
        try:
            daemon.raw(data + b"\r\n\r\n", timeout=2)
        except (OSError, ValueError, IndexError):
            pass


class Hardening(Faults):

    def test_d01_not_even_the_memory_of_a_core_file(self):
        daemon = self.start()
        with open(f"/proc/{daemon.process.pid}/limits", encoding="ascii") as f:
            self.assertRegex(f.read(), r"Max core file size +0 ")
        owner = os.stat(f"/proc/{daemon.process.pid}/mem").st_uid
        self.assertEqual(owner, 0, "who is not dumpable is root's, whoever runs it")


if __name__ == "__main__":
    unittest.main(verbosity=2)
