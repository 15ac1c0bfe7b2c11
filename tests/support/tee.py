# SPDX-License-Identifier: Apache-2.0
"""Whole handshakes with evidence that forge makes: the real service with shipped policies, plugins that trust forge's
root, and collateral out of a file or of a fake service on loopback."""

import base64
import hashlib
import json
import os
import subprocess
import tempfile
import time
import unittest

import story
from fake_kds import FakeKds
from fake_pcs import FakePcs
from forge import Forge, Tsm
from trusteed import BUILD, Key, canonical, free_port, token_parts

SECRET = b"for a workload that its hardware vouches for"
PATH = "default/workload-key/key"
INIT_DATA = 'version = "0.1.0"\nalgorithm = "{algorithm}"\n\n[data]\n"aa.toml" = "name = 1"\n'


def init_data(algorithm):
    """The member of a request, and its digest."""
    text = INIT_DATA.replace("{algorithm}", algorithm)
    return {"format": "toml", "body": text}, hashlib.new(algorithm, text.encode()).digest()


class TeeService(story.Service):
    """A service for one platform. `collateral` are options of that section, `plugin` of the verifier's; `references`
    what the operator knows about good workloads."""

    def __init__(self, tee, forge, collateral, plugin=None, references=None):
        options = {"trust_anchor": forge.path("root.pem"), **(plugin or {})}
        section = f"\n[plugin {tee}]\n" + "".join(f"{k} = {v}\n" for k, v in options.items())
        super().__init__({"collateral": collateral}, section)
        self.tee, self.forge, self.references = tee, forge, references or {}

    def __enter__(self):
        super().__enter__()
        self.secret_version("workload-key", "..2026_01", {"key": SECRET})
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(self.references, file)
            file.flush()
            self.ctl("reference-value", "set", "--file", file.name)
        return self

    def attest(self, key=None, evidence=None, initial=None, bound=None, **more):
        """The handshake: (response, cookie, binding). `evidence` instead of the platform's own; `bound` instead of what
        the challenge demands; the rest are options of forge."""
        key = key or Key()
        cookie, nonce = self.challenge(self.tee)
        binding = binding_of(nonce, key)
        if evidence is None:
            evidence = self.forge.evidence(binding if bound is None else bound, **more)
        body = story.attestation_of(nonce, key, evidence, init_data=initial)
        return self.request("POST", "/kbs/v0/attest", body, story.session(cookie), 30), cookie, binding

    def token(self, key, **more):
        response, _, _ = self.attest(key, **more)
        assert response.status == 200, (response, self.log_text()[-2000:])
        return response.json()["token"]


def binding_of(nonce, key):
    return hashlib.sha384(canonical({"additional-evidence": "", "nonce": nonce, "tee-pubkey": key.public})).digest()


class Agent:
    """trustee-agent in a guest whose kernel has configfs-tsm. Use as a context manager."""

    def __init__(self, service, provider, blob, *options):
        self.service, self.tsm, self.options = service, Tsm(provider, blob), options

    def __enter__(self):
        self.tsm.__enter__()
        self.port = free_port()
        self.log = os.path.join(self.service.home, f"agent-{self.port}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(BUILD, "bin/trustee-agent"), "--aa-kbc-params", f"cc_kbc::{self.service.url}",
                 "--kbs-cert", os.path.join(self.service.home, "tls/ca.pem"), "--tee", self.service.tee, "--tsm-path",
                 self.tsm.folder, "--listen", f"127.0.0.1:{self.port}", *self.options],
                stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **self.tsm.environment()})
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.call("/info")
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the agent does not start: " + self.log_text())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.tsm.__exit__()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    call, curl = story.Agent.call, story.Agent.curl


class TeeStory(unittest.TestCase):
    """What holds for every kind of TEE. A class below sets `tee`, `kind`, `always` (options of forge), `references` and
    `plugin`."""

    tee, kind, always, references, plugin = None, "dcap", {}, {}, {}

    @classmethod
    def setUpClass(cls):
        if not cls.tee:
            raise unittest.SkipTest("what the others share")
        cls.keys = tempfile.TemporaryDirectory(prefix="forge-keys-")
        cls.addClassCleanup(cls.keys.cleanup)
        cls.forge = cls.enter(Forge(cls.kind, cls.keys.name, **cls.always))
        cls.service = cls.enter(cls.new_service(cls.forge))

    @classmethod
    def enter(cls, manager):
        manager.__enter__()
        cls.addClassCleanup(manager.__exit__)
        return manager

    @classmethod
    def offline(cls, forge):
        """Options of [collateral] for what forge has written."""
        return {"network": "no", "offline": forge.path("collateral.json")}

    @classmethod
    def new_service(cls, forge, collateral=None, **plugin):
        return TeeService(cls.tee, forge, cls.offline(forge) if collateral is None else collateral,
                          {**cls.plugin, **plugin}, cls.references)

    def service_of(self, case=None, collateral=None, always=None, **plugin):
        """A service of its own, for a platform and collateral of this case."""
        forge = Forge(self.kind, self.keys.name, **{**self.always, **(always or {}), **({"case": case} if case else {})})
        forge.__enter__()
        self.addCleanup(forge.__exit__)
        service = self.new_service(forge, collateral(forge) if collateral else None, **plugin)
        service.__enter__()
        self.addCleanup(service.__exit__)
        return service

    def released(self, key, token, service=None):
        response = (service or self.service).get(PATH, token=token)
        self.assertEqual(response.status, 200, response)
        self.assertEqual(key.decrypt(response), SECRET)

    def refused(self, response, reason, service=None, status=401):
        """The record of the refusal."""
        service = service or self.service
        self.assertEqual(response.status, status, (response, service.log_text()[-1500:]))
        record = service.explain(response.json()["id"])
        self.assertEqual(record.get("reason"), reason, record)
        self.assertFalse(record["allowed"])
        return record

    def not_affirmed(self, service, **more):
        """Genuine, and with a token; but nothing is released for it. The token's claims."""
        token = service.token(Key(), **more)
        response = service.get(PATH, token=token)
        self.assertEqual(response.status, 403, response)
        submodule = token_parts(token)[1]["submods"]["cpu0"]
        self.assertNotEqual(submodule["ear.status"], "affirming")
        return submodule

    @staticmethod
    def flipped(evidence, at, member="quote"):
        quote = bytearray(base64.b64decode(evidence[member]))
        quote[at] ^= 1
        return {**evidence, member: base64.b64encode(bytes(quote)).decode()}

