#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon when things break: storage that fails, kills in the middle of a write, the end under load, no file
descriptors left, floods of nonsense; and that no secret, cookie or token is ever written where people read."""

import base64
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
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


def stat_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()


def cpu_seconds(pid):
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))


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
        daemon, _ = self.injected(("rename,renameat,renameat2", "ENOSPC", 3))
        deny = ALLOW.replace("allow if", "# allow if")
        answer = daemon.admin("POST", "/kbs/v0/resource-policy", {"policy": trusteed.base64url(deny.encode())})
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(daemon.ctl("policy", "show", "resource").decode(), ALLOW)
        self.assertEqual(self.value(daemon), OLD)


class Kills(Faults):
    def test_killed_while_writing_it_has_the_old_or_the_new_and_serves_again_within_a_second(self):
        daemon = self.start()
        possible, slowest = [OLD], 0
        for turn in range(8):
            new = bytes([65 + turn]) * 1000000
            writer = threading.Thread(target=self.ignore, args=(lambda v=new: self.post(daemon, v),))
            writer.start()
            time.sleep(random.uniform(0, 0.03))
            daemon.process.kill()
            daemon.process.wait()
            writer.join()
            daemon.log.close()
            begin = time.monotonic()
            daemon.start()
            self.assertEqual(daemon.request("GET", "/readyz").status, 200)
            slowest = max(slowest, time.monotonic() - begin)
            answer, self.cookie = daemon.attest(self.key)
            self.assertEqual(answer.status, 200)
            value = self.value(daemon)
            self.assertIn(value, [possible[-1], new], "neither the old nor the new")
            possible.append(value)
            names = os.listdir(os.path.join(daemon.home, "storage/repository"))
            self.assertEqual(names, ["default\\x2Ftest\\x2Fkey"], "nothing half-written stays")
        self.assertLess(slowest, 1.0)

    @staticmethod
    def ignore(call):
        try:
            call()
        except OSError:
            pass


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

    def test_no_answer_is_cut_short_under_load(self):
        daemon = self.start()
        cut, answered, stop = [], [], threading.Event()

        def load():
            request = (f"GET /kbs/v0/resource/{PATH} HTTP/1.1\r\nHost: x\r\nCookie: kbs-session-id={self.cookie}\r\n\r\n").encode()
            while not stop.is_set():
                try:
                    with daemon.connect(5) as sock:
                        while not stop.is_set():
                            sock.sendall(request)
                            answered.append(receive(sock).status)
                except ConnectionError as problem:
                    # Closed between two requests is the protocol's way; closed within an answer is not.
                    if re.search(r"closed in the body|closed after b['\"][^'\"]", str(problem)):
                        cut.append(str(problem)[:200])
                except OSError:
                    pass
        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        begin = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        code = daemon.process.wait(10)
        took = time.monotonic() - begin
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(code, 0)
        self.assertLess(took, 5.5)
        self.assertEqual(cut, [])
        self.assertEqual(set(answered), {200})
        self.assertGreater(len(answered), 100)

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


class Exhaustion(Faults):
    def test_without_file_descriptors_it_waits_without_spinning_and_recovers(self):
        daemon = self.start()
        pid = daemon.process.pid
        kept = daemon.connect()
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, before[1]))
        sockets = []
        try:
            for _ in range(200):
                sockets.append(socket.create_connection(("127.0.0.1", daemon.port), 5))
            time.sleep(0.5)
            used, begin = cpu_seconds(pid), time.monotonic()
            time.sleep(2)
            share = (cpu_seconds(pid) - used) / (time.monotonic() - begin)
            self.assertLess(share, 0.1, "it spins")
            kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(receive(kept).status, 200)
        finally:
            for sock in sockets:
                sock.close()
            kept.close()
        deadline = time.monotonic() + 5
        status = None
        while time.monotonic() < deadline and status != 200:
            try:
                status = daemon.request("GET", "/healthz", timeout=1).status
            except OSError:
                time.sleep(0.05)
        self.assertEqual(status, 200)
        self.assertEqual(self.value(daemon), OLD)
        self.assertLess(len(os.listdir(f"/proc/{pid}/fd")), 64)

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
        baseline, descriptors = resident(pid), len(os.listdir(f"/proc/{pid}/fd"))
        flood(120)
        time.sleep(0.3)
        self.assertTrue(daemon.alive())
        if "asan" not in trusteed.BUILD:
            self.assertLess(resident(pid), baseline * 1.05 + (1 << 20))
        self.assertLessEqual(len(os.listdir(f"/proc/{pid}/fd")), descriptors + 2)
        self.assertEqual(self.value(daemon), OLD)

    @staticmethod
    def ask(daemon, data):
        try:
            daemon.raw(data + b"\r\n\r\n", timeout=2)
        except (OSError, ValueError, IndexError):
            pass


class Disclosure(Faults):
    def test_d01_d02_no_secret_cookie_or_token_is_written_anywhere(self):
        daemon = self.start({"service": {"log_level": "debug"}})
        canary = os.urandom(16).hex().encode()
        self.assertEqual(self.post(daemon, canary).status, 200)
        self.assertEqual(self.post(daemon, b'{"json": "' + canary + b'"}', "default/test/json").status, 200)
        answer = daemon.get(PATH, cookie=self.cookie)
        self.assertEqual(self.key.decrypt(answer), canary)
        token = daemon.token(self.key)
        admin = daemon.admin_jwt()
        answers = [answer, daemon.get(PATH, token=token)]
        # What is refused: by the path, the size, the form, the policy, the role, the storage.
        for path in ("a/b", "../x", "default/test/" + "x" * 300, "a/b/c/d"):
            answers.append(self.post(daemon, canary, path))
        answers.append(daemon.request("POST", "/kbs/v0/resource/" + PATH, canary))
        answers.append(daemon.request("POST", "/kbs/v0/resource/" + PATH, canary, story.bearer(admin + "x")))
        answers.append(daemon.request("PATCH", "/kbs/v0/resource/" + PATH, canary, story.bearer(admin)))
        for path in ("auth", "attest", "resource-policy", "attestation-policy", "reference-value"):
            for body in (canary, b'{"x": "' + canary, b'{"policy": "' + canary + b'"}', b'["' + canary + b'"]'):
                answers.append(daemon.request("POST", "/kbs/v0/" + path, body, {**story.bearer(admin), **story.session(self.cookie)}))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.prlimit(daemon.process.pid,
                                                                                            resource.RLIMIT_FSIZE)[1]))
        answers.append(self.post(daemon, canary * 50000))
        daemon.set_resource_policy(ALLOW.replace("allow if", "# allow if"))
        answers.append(daemon.get(PATH, token=token))
        self.assertEqual(answers[-1].status, 403)
        answers.append(daemon.get(PATH, token=token[:-4]))
        answers.append(daemon.get(PATH, cookie=self.cookie[:-4]))
        records = daemon.admin("GET", "/admin/v1/decisions?limit=500").body
        places = {"log": daemon.log_text().encode(), "metrics": daemon.request("GET", "/metrics").body, "records": records,
                  "readyz": daemon.request("GET", "/readyz").body,
                  "explain": daemon.ctl("explain"), "answers": b"\n".join(a.body for a in answers)}
        self.assertIn(b"debug http", places["log"])
        forms = {"secret": canary, "secret in base64": base64.b64encode(canary)[:40], "secret in hex": canary.hex().encode(),
                 "cookie": self.cookie.encode(), "token's signature": token.rsplit(".", 1)[1].encode(),
                 "administrator's signature": admin.rsplit(".", 1)[1].encode()}
        for place, text in places.items():
            for form, bytes_ in forms.items():
                with self.subTest(place=place, form=form):
                    self.assertEqual(text.count(bytes_), 0)

    def test_d01_not_even_the_memory_of_a_core_file(self):
        daemon = self.start()
        with open(f"/proc/{daemon.process.pid}/limits", encoding="ascii") as f:
            self.assertRegex(f.read(), r"Max core file size +0 ")
        owner = os.stat(f"/proc/{daemon.process.pid}/mem").st_uid
        self.assertEqual(owner, 0, "who is not dumpable is root's, whoever runs it")

    def test_d03_control_characters_are_escaped_and_an_event_is_one_line(self):
        daemon = self.start({"service": {"log_level": "debug"}})
        evil = "%0a2026-01-01T00:00:00.000Z%20info%20decision:%20forged%1b[2J%00%7f%e2%80%ae%c2%85"
        for path in ("/kbs/v0/resource/default/test/" + evil, "/kbs/v0/" + evil, "/" + evil, "/admin/v1/policies/" + evil,
                     "/kbs/v0/reference-value/" + evil, "/admin/v1/decisions/" + evil):
            for headers in ({}, story.bearer(daemon.admin_jwt()), {"User-Agent": "a\x1b[31m", "Host": "x"},
                            {"User-Agent": "a\rb"}):
                try:
                    daemon.request("GET", path, headers=headers)
                except OSError:
                    pass
        now = int(time.time())
        role = daemon.admin_jwt({"iss": "trusteectl", "sub": "a\nb\x1b[2J", "iat": now, "exp": now + 60, "role": "r\n\x1b"})
        daemon.request("GET", "/admin/v1/decisions", headers=story.bearer(role))
        daemon.request("POST", "/kbs/v0/auth", {"version": "0.4.0\n\x1b", "tee": "a\n\x1b[2J", "extra-params": ""})
        daemon.admin("POST", "/kbs/v0/attestation-policy", {"policy_id": "x\n\x1b[2J", "policy": "cGFja2FnZQ"})
        with open(os.path.join(daemon.home, "log"), "rb") as f:
            log = f.read()
        self.assertNotRegex(log, rb"[\x00-\x09\x0b-\x1f\x7f]")
        for separator in ("\u202e", "\u0085", "\u2028"):
            self.assertNotIn(separator.encode(), log)
        for line in log.decode().splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info|warn|error) [\w-]+: ")
        self.assertNotRegex(log.decode(), r"(?m)^\S+ info decision: forged")
        newest = daemon.admin("GET", "/admin/v1/decisions?limit=100").body
        self.assertNotRegex(newest, rb"[\x00-\x1f\x7f]")
        self.assertGreater(len(json.loads(newest)), 5)
        self.assertNotRegex(daemon.ctl("explain"), rb"[\x00-\x09\x0b-\x1f\x7f]")


if __name__ == "__main__":
    unittest.main(verbosity=2)
