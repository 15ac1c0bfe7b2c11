# SPDX-License-Identifier: Apache-2.0
"""What the storage plugin `file` leaves behind when its process is killed before any one system call, or when any one
system call fails: the whole old value or the whole new one, and nothing else once the service has started again.

Needs strace and build/tests/store_driver (make build/tests/store_driver). TRUSTEE_BUILD names another build folder.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("TRUSTEE_BUILD", pathlib.Path(__file__).parents[2] / "build"))
DRIVER = BUILD / "tests" / "store_driver"
KEY = "default/secret/key"
NAME = "default\\x2Fsecret\\x2Fkey"
OLD = b"o" * 5000
NEW = b"n" * 70000
PUT = ["put", KEY, "n", str(len(NEW))]
DELETE = ["del", KEY]
KILLED = -9

CALLS = ["openat", "openat2", "mkdirat", "flock", "write", "fsync", "renameat", "unlinkat", "close"]
ERRORS = ["EIO", "ENOSPC", "EROFS"]


def run(directory, *command, inject=None, trace=None):
    """The driver's exit code; KILLED for one that was killed."""
    line = [str(DRIVER), str(directory), *command]
    if inject:
        line = ["strace", "-f", "-qq", "-o", trace or "/dev/null", "-e", f"inject={inject}", *line]
    elif trace:
        line = ["strace", "-f", "-y", "-qq", "-o", trace, *line]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout.decode()


@unittest.skipUnless(shutil.which("strace") and DRIVER.exists(), "needs strace and the driver")
class StoreCrash(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="store-crash-"))
        self.addCleanup(shutil.rmtree, self.top)
        self.turn = 0

    def store(self, old):
        """A directory that holds the old value, or none."""
        self.turn += 1
        directory = self.top / str(self.turn)
        directory.mkdir(mode=0o700)
        if old is not None:
            (directory / "repository").mkdir(mode=0o700)
            path = directory / "repository" / NAME
            path.write_bytes(old)
            path.chmod(0o600)
        return directory

    def value(self, directory):
        path = directory / "repository" / NAME
        return path.read_bytes() if path.exists() else None

    def assert_clean(self, directory):
        """After a restart there is nothing but the value."""
        self.assertEqual(run(directory, "open")[0], 0)
        left = [p.relative_to(directory).as_posix() for p in directory.rglob("*")]
        self.assertLessEqual(set(left), {"repository", f"repository/{NAME}"}, left)

    def calls_of(self, old, command):
        """Names of all system calls that the driver makes after its start."""
        trace = self.top / "calls"
        self.assertEqual(run(self.store(old), *command, trace=str(trace))[0], 0)
        return set(re.findall(r"^\d+\s+(\w+)\(", trace.read_text(), re.MULTILINE)) - {"execve", "exit_group"}

    def kill_at_each_call(self, old, new, command):
        """Kills before the n-th call of each kind; how many states that made."""
        states = 0
        for call in self.calls_of(old, command):
            for n in range(1, 200):
                states += 1
                if not self.kill_once(old, new, command, f"{call}:signal=KILL:when={n}"):
                    break
            else:
                self.fail("it never ran to its end")
        self.assertGreater(states, 40)
        print(f"{' '.join(command)}: {states} of {states} states consistent")

    def kill_once(self, old, new, command, inject):
        """Whether it was killed."""
        directory = self.store(old)
        code, _ = run(directory, *command, inject=inject)
        value = self.value(directory)
        self.assertIn(value, (old, new), f"{inject}: {len(value or b'')} bytes")
        self.assert_clean(directory)
        self.assertEqual(self.value(directory), value, "a restart changes no value")
        shutil.rmtree(directory)
        if code in (KILLED, 128 - KILLED):
            return True
        self.assertEqual((code, value), (0, new), inject)
        return False

    def test_killed_at_any_call_of_a_first_write(self):
        self.kill_at_each_call(None, NEW, PUT)

    def test_killed_at_any_call_of_an_overwrite(self):
        self.kill_at_each_call(OLD, NEW, PUT)

    def test_killed_at_any_call_of_a_removal(self):
        self.kill_at_each_call(OLD, None, DELETE)

    def test_any_call_that_fails_leaves_the_old_value_or_the_new_one(self):
        refused = 0
        for call in CALLS:
            for error in ERRORS:
                refused += self.fail_each(call, error)
        self.assertGreater(refused, 10)

    def fail_each(self, call, error):
        """Fails the n-th such call for each n; how many writes were refused."""
        refused = 0
        for n in range(1, 100):
            directory = self.store(OLD)
            trace = str(self.top / "trace")
            code, _ = run(directory, *PUT, inject=f"{call}:error={error}:when={n}", trace=trace)
            value = self.value(directory)
            self.assertIn(value, (OLD, NEW), f"{call} {n} {error}")
            if code == 0:
                self.assertEqual(value, NEW, f"{call} {n} {error}: it said that it was written")
            refused += code == 38
            self.assertEqual(run(directory, "get", KEY)[0], 0, "reading goes on")
            self.assert_clean(directory)
            shutil.rmtree(directory)
            if "INJECTED" not in pathlib.Path(trace).read_text():
                return refused
        self.fail(f"more than 100 calls of {call}")

    def test_the_value_is_on_disk_before_its_name_and_the_name_before_the_answer(self):
        directory = self.store(OLD)
        trace = self.top / "trace"
        self.assertEqual(run(directory, *PUT, trace=str(trace))[0], 0)
        order = re.findall(r"^\d+\s+(write|fsync|renameat2?)\((\d+<[^>]*>)", trace.read_text(), re.MULTILINE)
        calls = [(call, ".tmp-" in where) for call, where in order if str(directory) in where]
        self.assertEqual(calls[-4:], [("write", True), ("fsync", True), ("renameat", False), ("fsync", False)])


if __name__ == "__main__":
    unittest.main()
