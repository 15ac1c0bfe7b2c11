# SPDX-License-Identifier: Apache-2.0
"""Real servers for storage plugins, each in a folder of its own on a free port of 127.0.0.1, and what every such plugin
has to stand: the scenarios of store_redis_test and store_postgres_test."""

import contextlib
import glob
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from trusteed import BUILD, Daemon, Key, free_port

PASSWORD = "correct/horse@battery:staple%"
ALLOW = 'package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == "resource"\n'
PATH = "default/test/key"
TIMEOUT = 2  # seconds, of an operation


def left_in_memory(pid, needle):
    """How often the needle stands in what the process can write; None where we may not look."""
    count = 0
    try:
        with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, \
                open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                area = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if not area:
                    continue
                start, end = (int(n, 16) for n in area.groups())
                with contextlib.suppress(OSError, ValueError):  # areas that nobody may read
                    memory.seek(start)
                    count += memory.read(end - start).count(needle)
    except PermissionError:
        return None
    return count


class Server:
    """Subclasses know how to start it."""

    process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix=self.name + "-", dir="/tmp")
        self.port = free_port()
        self.prepare()
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.answers():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as f:
            raise RuntimeError(f"{self.name} does not start: {f.read()[-2000:]}")

    def popen(self, command, **options):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **options)
        self.wait()

    def family(self):
        """The server's process ids: its own and those of its children."""
        found = [self.process.pid]
        for path in glob.glob("/proc/[0-9]*/stat"):
            with contextlib.suppress(OSError):
                with open(path, encoding="ascii", errors="replace") as f:
                    fields = f.read().rpartition(")")[2].split()
                if int(fields[1]) == self.process.pid:
                    found.append(int(path.split("/")[2]))
        return found

    def signal(self, number):
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        if self.process:
            self.signal(signal.SIGCONT)
            self.stop()
            self.process.wait()
            self.process = None

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)


class Redis(Server):
    name = "redis"
    program = shutil.which("redis-server") or shutil.which("valkey-server")

    def __init__(self, *arguments):
        self.arguments = arguments

    def prepare(self):
        pass

    def start(self):
        # The password has no quotes or blanks that the server's own configuration would take apart.
        self.popen([self.program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
                    "--appendonly", "yes", "--appendfsync", "always", "--requirepass", PASSWORD, *self.arguments])

    def stop(self):
        self.process.kill()

    def answers(self):
        try:
            return self.command("PING") == b"PONG"
        except OSError:
            return False

    def command(self, *words):
        """One command on a connection of its own; bulk strings and one-line answers alone."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s, s.makefile("rwb") as f:
            answer = None
            for line in (["AUTH", PASSWORD], words):
                line = [w if isinstance(w, bytes) else str(w).encode() for w in line]
                f.write(b"*%d\r\n" % len(line) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in line))
                f.flush()
                head = f.readline().rstrip(b"\r\n")
                answer = head[1:]
                if head[:1] == b"$":
                    answer = f.read(int(head[1:]) + 2)[:-2] if head != b"$-1" else None
            return answer

    def section(self, password=PASSWORD, extra=""):
        return (f"\n[plugin redis]\nurl = redis://127.0.0.1:{self.port}/3\npassword = {password}\n"
                f"timeout = {TIMEOUT}s\n{extra}")


class Postgres(Server):
    name = "postgres"
    programs = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [""])[-1]

    @classmethod
    def missing(cls):
        if not os.path.exists(os.path.join(cls.programs, "initdb")):
            return "postgresql is not installed"
        if os.getuid() == 0 and "postgres" not in [u.pw_name for u in pwd.getpwall()]:
            return "the user postgres does not exist"
        return None

    def _as_user(self):
        return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}

    def prepare(self):
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        secret = os.path.join(self.folder, "password")
        with open(secret, "w", encoding="ascii") as f:
            f.write(PASSWORD + "\n")
        self.data = os.path.join(self.folder, "data")
        subprocess.run([os.path.join(self.programs, "initdb"), "-D", self.data, "-U", "trustee", "-E", "UTF8",
                        "--locale=C", "--no-sync", "--auth=scram-sha-256", "--pwfile", secret], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder, **self._as_user())

    def start(self, *arguments):
        self.popen([os.path.join(self.programs, "postgres"), "-D", self.data, "-p", str(self.port), "-h", "127.0.0.1",
                    "-k", self.folder, "-c", "fsync=off", *arguments], **self._as_user())

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)

    def answers(self):
        try:
            return self.sql("SELECT 1") == "1"
        except subprocess.CalledProcessError:
            return False

    def sql(self, text, database="postgres"):
        done = subprocess.run([os.path.join(self.programs, "psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U",
                               "trustee", "-v", "ON_ERROR_STOP=1", "-c", text, database], check=True,
                              capture_output=True, env={**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"})
        return done.stdout.decode().strip()

    def section(self, password=PASSWORD, extra="sslmode = disable\n"):
        return (f"\n[plugin postgres]\nhost = 127.0.0.1\nport = {self.port}\ndatabase = postgres\nusername = trustee\n"
                f"password = {password}\ntimeout = {TIMEOUT}s\n{extra}")


class Scenarios:
    """What any storage on a server has to stand. Mixed into a TestCase that has `make_server`."""

    def setUp(self):
        self.server = self.make_server().__enter__()
        self.addCleanup(self.server.__exit__)

    def daemon(self, section=None):
        daemon = Daemon({"storage": {"use": self.server.name}}, section or self.server.section())
        self.addCleanup(self.end, daemon)
        daemon.__enter__()
        return daemon

    def end(self, daemon):
        """No log of any test holds a secret."""
        text = daemon.log_text()
        daemon.__exit__()
        for secret in (PASSWORD, "wrong-password", "hunter2"):
            self.assertNotIn(secret, text)

    def refused(self, section):
        """The log of a service that does not start."""
        daemon = Daemon({"storage": {"use": self.server.name}}, section)
        with self.assertRaises(RuntimeError) as problem:
            self.addCleanup(daemon.__exit__)
            daemon.__enter__()
        for secret in (PASSWORD, "wrong-password"):
            self.assertNotIn(secret, str(problem.exception))
        return str(problem.exception)

    def put(self, daemon, value, path=PATH):
        return daemon.admin("POST", "/kbs/v0/resource/" + path, value)

    def guest(self, daemon):
        daemon.set_resource_policy(ALLOW)
        self.key = Key()
        answer, self.cookie = daemon.attest(self.key)
        self.assertEqual(answer.status, 200, answer)

    def value(self, daemon, path=PATH):
        answer = daemon.get(path, cookie=self.cookie)
        self.assertEqual(answer.status, 200, answer)
        return self.key.decrypt(answer)

    def names(self, daemon):
        return {r["path"]: r["size"] for r in json.loads(daemon.ctl("--json", "secret", "list"))}

    def eventually(self, condition, what, seconds=15):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def ready(self, daemon):
        return daemon.request("GET", "/readyz").status == 200

    # --- keeping values ---------------------------------------------------------------------------------------------
    def test_resources_are_put_got_listed_and_deleted(self):
        daemon = self.daemon()
        self.guest(daemon)
        for path, value in ((PATH, b"hunter2"), ("default/test/empty", b""),
                            ("default/test/large", bytes(range(256)) * 4096), ("default/te_st/a.b-c", b"\0\r\n'\"\\")):
            self.assertEqual(self.put(daemon, value, path).status, 200)
            self.assertEqual(self.value(daemon, path), value)
        self.assertEqual(self.put(daemon, b"new").status, 200)
        self.assertEqual(self.value(daemon), b"new")
        self.assertEqual(self.names(daemon), {PATH: 3, "default/test/empty": 0, "default/test/large": 1 << 20,
                                              "default/te_st/a.b-c": 6})
        self.assertEqual(daemon.admin("DELETE", "/kbs/v0/resource/" + PATH).status, 200)
        self.assertEqual(daemon.admin("DELETE", "/kbs/v0/resource/" + PATH).status, 404)
        self.assertEqual(daemon.get(PATH, cookie=self.cookie).status, 404)
        self.assertNotIn(PATH, self.names(daemon))
        self.assertEqual(daemon.stop(), 0, daemon.log_text())

    def test_policies_and_reference_values_survive_a_restart(self):
        daemon = self.daemon()
        self.guest(daemon)
        self.assertEqual(self.put(daemon, b"hunter2").status, 200)
        daemon.ctl("reference-value", "set", "svn", "1", "2")
        daemon.ctl("reference-value", "set", "gone", "3")
        daemon.ctl("reference-value", "delete", "gone")
        before = [daemon.ctl(*c) for c in (["policy", "show", "resource"], ["reference-value", "show", "svn"])]
        daemon.stop()
        self.server.kill()
        self.server.start()
        daemon.start()
        after = [daemon.ctl(*c) for c in (["policy", "show", "resource"], ["reference-value", "show", "svn"])]
        self.assertEqual(before, after)
        self.assertIn(b"allow if", before[0])
        self.assertNotIn(b"gone", daemon.ctl("reference-value", "list"))
        self.key = Key()
        answer, self.cookie = daemon.attest(self.key)
        self.assertEqual(self.value(daemon), b"hunter2")

    def test_two_services_share_what_they_keep(self):
        a, b = self.daemon(), self.daemon()
        self.guest(b)
        self.assertEqual(self.put(a, b"hunter2").status, 200)
        self.assertEqual(self.value(b), b"hunter2")
        self.assertEqual(a.admin("DELETE", "/kbs/v0/resource/" + PATH).status, 200)
        self.assertEqual(b.get(PATH, cookie=self.cookie).status, 404)
        self.assertEqual(self.names(b), {})

    def test_writers_at_once_leave_one_of_their_values_and_all_of_their_names(self):
        daemons = [self.daemon(), self.daemon()]
        self.guest(daemons[0])
        problems = []

        def write(n):
            for i in range(20):
                for path in (PATH, f"default/test/{n}-{i}"):
                    answer = self.put(daemons[n % 2], b"%d" % n * 5000, path)
                    if answer.status != 200:
                        problems.append(answer)
        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(problems, [])
        self.assertIn(self.value(daemons[0]), [b"%d" % n * 5000 for n in range(8)])
        self.assertEqual(len(self.names(daemons[0])), 161)
        self.assertLessEqual(self.connections(), 16)

    # --- the interface ------------------------------------------------------------------------------------------------
    def command(self):
        """The program that loads the plugin alone."""
        options = [line.replace(" = ", "=", 1) for line in self.server.section().splitlines() if " = " in line]
        return [os.path.join(BUILD, "tests/store_plugin"), os.path.join(BUILD, f"plugins/{self.server.name}.so"), *options]

    def plugin(self, *lines):
        """What the plugin itself answers: a line each."""
        done = subprocess.run(self.command(), input="".join(line + "\n" for line in lines).encode(), capture_output=True,
                              check=True, timeout=60)
        return done.stdout.decode().splitlines()

    def test_a_value_is_put_only_if_it_is_new_where_that_is_wanted(self):
        self.assertEqual(self.plugin("new repository a/b one", "new repository a/b two", "get repository a/b 100",
                                     "put repository a/b three", "get repository a/b 100", "del repository a/b",
                                     "new repository a/b four", "get repository a/b 100"),
                         [" = 0", " = 1", " one = 0", " = 0", " three = 0", " = 0", " = 0", " four = 0"])

    def test_a_key_is_of_its_namespace_alone_and_a_listing_of_its_prefix(self):
        answers = self.plugin("put repository a/b one", "put repository a/c three", "put repository ab x", "put kbs a/b k",
                              "get attestation_service_policy a/b 10", "list repository a/", "list kbs -",
                              "list reference_value -", "del kbs a/b", "get repository a/b 10")
        self.assertEqual(answers[4], " = 3")
        self.assertEqual(sorted(answers[5].split()), ["0", "=", "a/b:3", "a/c:5"])
        self.assertEqual(answers[6:], [" a/b:1 = 0", " = 0", " = 0", " one = 0"])

    def test_a_value_larger_than_the_callers_limit_is_refused(self):
        self.assertEqual(self.plugin("put repository a 12345", "get repository a 4", "get repository a 5"),
                         [" = 0", " = -3", " 12345 = 0"])

    def test_only_one_of_many_puts_what_is_new(self):
        answers = []
        threads = [threading.Thread(target=lambda n=n: answers.extend(self.plugin(f"new repository a v{n}")))
                   for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(answers), [" = 0"] + [" = 1"] * 7)

    def test_a_cancelled_request_does_not_wait_for_its_deadline(self):
        with subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(b"cancel 200\nput repository a x\nget repository a 10\n")
            process.stdin.flush()
            self.assertEqual([process.stdout.readline() for _ in range(2)], [b" = 0\n", b" x = 0\n"])
            self.server.pause()
            started = time.monotonic()
            process.stdin.write(b"get repository a 10\n" * 4)
            process.stdin.close()
            self.assertEqual([process.stdout.readline() for _ in range(4)], [b" = -6\n"] * 4)
            self.assertLess(time.monotonic() - started, TIMEOUT + 1, "the deadlines of four are longer")
            self.server.resume()

    # --- faults -----------------------------------------------------------------------------------------------------
    def unavailable(self, daemon, within):
        started = time.monotonic()
        answer = daemon.get(PATH, cookie=self.cookie)
        taken = time.monotonic() - started
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.json()["reason"], "unavailable")
        self.assertGreaterEqual(int(answer.header("retry-after")), 1)
        self.assertLess(taken, within)

    def start_with_value(self):
        daemon = self.daemon()
        self.guest(daemon)
        self.assertEqual(self.put(daemon, b"hunter2").status, 200)
        self.assertTrue(self.ready(daemon))
        return daemon

    def test_a_server_that_is_killed_is_told_and_recovered_from(self):
        daemon = self.start_with_value()
        self.server.kill()
        self.eventually(lambda: not self.ready(daemon), "readyz tells")
        self.assertNotEqual(daemon.request("GET", "/readyz").json()["storage"], "ok")
        self.assertEqual(daemon.request("GET", "/healthz").status, 200)
        for _ in range(6):
            self.unavailable(daemon, within=TIMEOUT)
        self.assertEqual(self.put(daemon, b"lost").status, 503)
        self.server.start()
        self.eventually(lambda: self.ready(daemon), "it is ready again by itself")
        self.assertEqual(self.value(daemon), b"hunter2")
        self.assertEqual(self.put(daemon, b"new").status, 200)
        self.assertEqual(self.value(daemon), b"new")
        self.assertIn("answers again", daemon.log_text())
        self.assertLess(daemon.log_text().count(f"{self.server.name}: "), 20, "a fault does not flood the log")

    def test_a_restart_between_two_requests_is_not_noticed(self):
        daemon = self.start_with_value()
        for _ in range(3):
            self.server.kill()
            self.server.start()
            self.assertEqual(self.value(daemon), b"hunter2")

    def test_a_server_that_hangs_costs_no_more_than_the_deadline(self):
        daemon = self.start_with_value()
        self.server.pause()
        self.unavailable(daemon, within=TIMEOUT + 2)
        self.assertFalse(self.ready(daemon))
        self.eventually(lambda: "in time" in daemon.request("GET", "/readyz").json()["storage"], "readyz says why")
        self.eventually(lambda: self.is_quick(daemon), "then the breaker answers at once", 20)
        self.assertEqual(daemon.request("GET", "/healthz").status, 200)
        self.server.resume()
        self.eventually(lambda: self.ready(daemon), "it is ready again by itself", 20)
        self.assertEqual(self.value(daemon), b"hunter2")

    def is_quick(self, daemon):
        started = time.monotonic()
        self.assertEqual(daemon.get(PATH, cookie=self.cookie).status, 503)
        return time.monotonic() - started < 0.2

    def test_a_wrong_password_is_refused_at_start_with_words(self):
        self.assertRegex(self.refused(self.server.section(password="wrong-password")), "refuses.*password")

    def test_a_server_that_is_away_at_start_is_named(self):
        section = self.server.section()
        self.server.kill()
        self.assertIn("not reachable", self.refused(section))
        self.server.start()

    def test_a_server_that_takes_no_writes_is_read_and_not_ready(self):
        daemon = self.start_with_value()
        self.writable(False)
        self.assertEqual(self.put(daemon, b"lost").status, 503)
        self.assertEqual(self.value(daemon), b"hunter2")
        self.assertFalse(self.ready(daemon))
        self.writable(True)
        self.assertEqual(self.put(daemon, b"new").status, 200)
        self.assertTrue(self.ready(daemon))
