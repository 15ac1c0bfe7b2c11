#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a request may cost besides time: no heap allocation by our own code between a request's last byte and the reply
of attest and GET resource, and memory that stays where it is however many requests there were. The cryptographic
library's and the policy engine's allocations are counted apart; they are not ours."""

import json
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import trusteed  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from fake_kds import FakeKds  # noqa: E402
from fake_pcs import FakePcs  # noqa: E402
from forge import FORGE, Forge  # noqa: E402
from story import attestation_of, binding_of, forged_evidence  # noqa: E402

COUNTER = os.path.join(trusteed.BUILD, "tests/alloc_count.so")
LOAD = os.path.join(trusteed.BUILD, "bench/load_bench")
OURS = "trusteed,sample.so,tpm.so,tdx.so,snp.so,file.so,memory.so"
PCRS = ["00" * 32] * 24
ALLOW = 'package policy\nimport rego.v1\ndefault allow := false\nallow if data.plugin == "resource"\n'
QUIET = {"service": {"log_level": "error"}}
SANITISED = "asan" in os.path.basename(trusteed.BUILD)


class Counter:
    """The counts that the preloaded library keeps: ours, others'."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="alloc-count-")
        self.file.truncate(4096)
        self.memory = mmap.mmap(self.file.fileno(), 4096)

    def environment(self):
        return {"LD_PRELOAD": COUNTER, "ALLOC_COUNT_FILE": self.file.name, "ALLOC_COUNT_OURS": OURS}

    def close(self):
        self.memory.close()
        self.file.close()

    def arm(self, on):
        struct.pack_into("Q", self.memory, 0, on)

    def counts(self):
        return struct.unpack_from("QQ", self.memory, 8)

    def callers(self):
        number = min(struct.unpack_from("Q", self.memory, 24)[0], 60)
        return sorted({hex(n) for n in struct.unpack_from(f"{number}Q", self.memory, 32)})


class Counted(trusteed.Daemon):
    """A daemon whose allocations are counted, on one connection that is kept."""

    def __init__(self, settings=None, sections=""):
        super().__init__(settings, sections)
        self.counter = Counter()

    def start(self):
        before = dict(os.environ)
        os.environ.update(self.counter.environment())
        try:
            super().start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.kept = self.connect()

    def stop(self):
        self.kept.close()
        self.counter.close()
        return super().stop()

    def raw(self, data, timeout=10, head_only=False):
        self.kept.sendall(data)
        return trusteed.receive(self.kept, head_only)

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def allocations(daemon, operation, times):
    """What `operation`, which returns the request that counts as a function, makes our code and others allocate."""
    requests = [operation() for _ in range(times)]
    for request in requests[: times // 2]:
        assert request().status == 200
    before = daemon.counter.counts()
    daemon.counter.arm(1)
    for request in requests[times // 2:]:
        answer = request()
        assert answer.status == 200, answer
    daemon.counter.arm(0)
    ours, others = (now - then for now, then in zip(daemon.counter.counts(), before))
    return ours, others / (times - times // 2)


@unittest.skipIf(trusteed.missing() or not os.path.exists(COUNTER), "build it first: make all tests")
@unittest.skipIf(SANITISED, "the sanitiser has an allocator of its own")
class Allocations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Counted(QUIET).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__)
        cls.daemon.set_resource_policy(ALLOW)
        assert cls.daemon.admin("POST", "/kbs/v0/resource/default/test/key", b"secret").status == 200
        cls.key = trusteed.Key()

    def none_of_ours(self, operation, times=40):
        ours, others = allocations(self.daemon, operation, times)
        self.assertEqual(ours, 0, f"called from {self.daemon.counter.callers()}; others: {others} a request")
        self.assertGreater(others, 0, "nothing was counted at all")

    def attest_with(self, tee, evidence):
        def prepare():
            cookie, nonce = self.daemon.auth(tee)
            body = evidence(nonce)
            return lambda: self.daemon.request("POST", "/kbs/v0/attest", body, {"Cookie": "kbs-session-id=" + cookie})
        return prepare

    def test_attest_with_sample_evidence(self):
        self.none_of_ours(self.attest_with("sample", lambda nonce: trusteed.attestation(nonce, self.key)))

    def test_attest_with_a_tpm_quote(self):
        """A key that was seen before: one that is new is remembered, in memory that outlives the request."""
        ak = rsa.generate_private_key(65537, 2048)

        def evidence(nonce):
            return attestation_of(nonce, self.key, forged_evidence(binding_of(nonce, self.key), PCRS, ak))
        self.none_of_ours(self.attest_with("tpm", evidence), 16)

    def test_get_with_a_cookie(self):
        _, cookie = self.daemon.attest(self.key)
        self.none_of_ours(lambda: lambda: self.daemon.get(cookie=cookie))

    def test_get_with_a_bearer_token(self):
        token = self.daemon.token(self.key)
        self.none_of_ours(lambda: lambda: self.daemon.get(token=token))

    def test_the_counter_sees_what_is_ours(self):
        """Setting a policy keeps it, so it allocates: a counter that stays at 0 here would prove nothing."""
        before = self.daemon.counter.counts()[0]
        self.daemon.counter.arm(1)
        self.daemon.set_resource_policy(ALLOW)
        self.daemon.counter.arm(0)
        self.assertGreater(self.daemon.counter.counts()[0], before)


@unittest.skipIf(trusteed.missing() or not os.path.exists(COUNTER) or not os.path.exists(FORGE), "build it first")
@unittest.skipIf(SANITISED, "the sanitiser has an allocator of its own")
class AllocationsWithCollateral(unittest.TestCase):
    """Platforms whose collateral is in memory."""

    def allocations_of(self, tee, kind, service_class, origins):
        with Forge(kind) as forge, service_class(forge.folder) as service:
            settings = {**QUIET, "collateral": origins(service)}
            anchor = f"\n[plugin {tee}]\ntrust_anchor = {forge.path('root.pem')}\n"
            key = trusteed.Key()
            with Counted(settings, anchor) as daemon:
                def prepare():
                    cookie, nonce = daemon.auth(tee)
                    evidence = forge.evidence(binding_of(nonce, key))
                    body = attestation_of(nonce, key, evidence)
                    return lambda: daemon.request("POST", "/kbs/v0/attest", body, {"Cookie": "kbs-session-id=" + cookie})
                self.assertEqual(prepare()().status, 200, "the first one waits for the collateral")
                ours, _ = allocations(daemon, prepare, 16)
                self.assertEqual(ours, 0, f"called from {daemon.counter.callers()}")

    def test_attest_with_a_tdx_quote(self):
        self.allocations_of("tdx", "dcap", FakePcs,
                            lambda s: {"intel_pcs": s.url, "intel_root_crl": s.root_crl_url()})

    def test_attest_with_an_snp_report(self):
        self.allocations_of("snp", "snp", FakeKds, lambda s: {"amd_kds": s.url})


@unittest.skipIf(trusteed.missing() or not os.path.exists(LOAD), "build it first: make all tests")
@unittest.skipIf(SANITISED, "the sanitiser keeps memory back")
class Memory(unittest.TestCase):
    def load(self, daemon, mode, operations):
        done = subprocess.run([LOAD, mode, str(daemon.port), str(daemon.process.pid), "4", "0", str(operations), "sample"],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["operations"], operations)

    def test_memory_is_bounded_however_many_handshakes_there_were(self):
        with Counted(QUIET) as daemon:
            daemon.set_resource_policy(ALLOW)
            self.assertEqual(daemon.admin("POST", "/kbs/v0/resource/default/bench/key", b"secret").status, 200)
            idle = daemon.rss_kib()
            self.load(daemon, "handshake", 20000)
            warm = daemon.rss_kib()
            self.assertLess(warm - idle, 16 << 10)
            self.load(daemon, "auth", 50000)
            self.assertLess(daemon.rss_kib() - warm, 512, "unauthenticated challenges cost memory")


if __name__ == "__main__":
    unittest.main()
