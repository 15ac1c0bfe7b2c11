# SPDX-License-Identifier: Apache-2.0
"""build/tests/forge for scenario tests: platforms with keys of their own, their collateral and evidence; and a stand-in
for the kernel's configfs-tsm, through which the guest's agent gets reports from such a platform."""

import base64
import json
import os
import subprocess
import tempfile
import threading
import time

from trusteed import BUILD

FORGE = os.path.join(BUILD, "tests/forge")


def run(*arguments):
    subprocess.run([FORGE, *arguments], check=True, capture_output=True)


def options(named):
    """--name value for each; True stands for a flag."""
    out = []
    for name, value in named.items():
        if value is None:
            continue
        out.append("--" + name.replace("_", "-"))
        if value is not True:
            out.append(value.hex() if isinstance(value, bytes) else str(value))
    return out


class Forge:
    """A vendor with one platform, of a kind ("dcap", "snp"). Use as a context manager. What forge writes is in `folder`;
    options given to the constructor hold for everything. Vendors with one folder of `keys` are one."""

    def __init__(self, kind, keys=None, **always):
        self.kind, self._keys, self.always = kind, keys, always
        self._process = None

    def __enter__(self):
        self._home = tempfile.TemporaryDirectory(prefix="forge-")
        self.folder, self._keys = os.path.join(self._home.name, "out"), self._keys or os.path.join(self._home.name, "keys")
        os.mkdir(self.folder)
        os.makedirs(self._keys, exist_ok=True)
        self.make()
        return self

    def __exit__(self, *_):
        self._end()
        self._home.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def make(self, **more):
        """Makes everything anew (the root's certificate too) with the same keys; the evidence, bound to nothing."""
        self._end()
        now = {"at": int(time.time())}
        self._process = subprocess.Popen(
            [FORGE, self.kind, "--out", self.folder, "--keys", self._keys, "--serve",
             *options({**now, **self.always, **more})], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self.evidence(bytes(48))

    def evidence(self, binding, **more):
        """Evidence of this platform, below the certificates in `folder`."""
        self._process.stdin.write(" ".join(options({"report_data": binding, **more})) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def _end(self):
        if not self._process:
            return
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)
        self._process = None


class EventLog:
    """A log and the registers that it leads to, as options of forge dcap."""

    def __init__(self, folder, **texts):
        os.makedirs(folder, exist_ok=True)
        run("eventlog", "--out", folder, *options(texts))
        self.path = os.path.join(folder, "eventlog.bin")
        self.rtmrs = {}
        for i in range(4):
            with open(os.path.join(folder, f"rtmr{i}"), encoding="ascii") as f:
                self.rtmrs[f"rtmr{i}"] = f.read().strip()

    def options(self):
        return {"eventlog": self.path, **self.rtmrs}


class Tsm:
    """Plays the hardware behind tests/support/preload/configfs_tsm.c. `blob(report_data)` makes what is read from
    outblob. Use as a context manager; `environment()` is what the agent runs with."""

    def __init__(self, provider, blob):
        self.provider, self.blob = provider, blob
        self.reports = 0
        self._end = threading.Event()

    def __enter__(self):
        self._home = tempfile.TemporaryDirectory(prefix="tsm-")
        self.folder = self._home.name
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(5)
        self._home.cleanup()

    def environment(self):
        return {"LD_PRELOAD": os.path.join(BUILD, "tests/configfs_tsm.so"), "CONFIGFS_TSM": self.folder,
                "CONFIGFS_TSM_PROVIDER": self.provider}

    def _watch(self):
        answered = set()
        while not self._end.is_set():
            for name in set(os.listdir(self.folder)) - answered:
                try:
                    self._answer(os.path.join(self.folder, name))
                    answered.add(name)
                except OSError:
                    pass  # nobody reads yet, or it has gone
            time.sleep(0.005)

    def _answer(self, entry):
        fifo = os.open(os.path.join(entry, "outblob"), os.O_WRONLY | os.O_NONBLOCK)  # fails until somebody reads
        os.set_blocking(fifo, True)
        try:
            with open(os.path.join(entry, "inblob"), "rb") as f:
                asked = f.read()
            blob = self.blob(asked)
            with open(os.path.join(entry, "generation"), "w", encoding="ascii") as f:
                f.write("1\n")
            os.write(fifo, blob)
            self.reports += 1
        finally:
            os.close(fifo)


def quote_of(evidence):
    return base64.b64decode(evidence["quote"])
