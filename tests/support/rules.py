# SPDX-License-Identifier: Apache-2.0
"""What the tests of the security rules share: services that load the verifiers of tests/abi, and evidence for them."""

import atexit
import base64
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import story
from story import session
from trusteed import BUILD, receive

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = "default/test/key"
SECRET = b"a secret that only affirmed workloads get"
AFFIRMING = {"executables": 3, "hardware": 2, "configuration": 2}
TEST_PLUGINS = ("actor", "honest", "marked")


def appraisal(vector):
    return f"package policy\nimport rego.v1\ntrust_claims := {json.dumps(vector)}\n".encode()


def build_plugin(name, folder):
    built = os.path.join(BUILD, "tests/abi", name + ".so")
    if os.path.exists(built):
        shutil.copy(built, folder)
        return
    source = os.path.join(ROOT, "tests/abi", name + ".c")
    subprocess.run(["cc", "-std=c11", "-fPIC", "-shared", "-I" + os.path.join(ROOT, "include"), "-o",
                    os.path.join(folder, name + ".so"), source], check=True)


@functools.cache
def plugins():
    """The folder of the shipped plugins and those of the tests; gone when the program ends."""
    folder = tempfile.mkdtemp(prefix="plugins-")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    for name in ("sample", "file", "rego", "tpm", "tdx", "snp", "sgx"):
        shutil.copy(os.path.join(BUILD, "plugins", name + ".so"), folder)
    for name in TEST_PLUGINS:
        build_plugin(name, folder)
    return folder


def start(settings=None, sections="", tls=False, **more):
    """A service with the lying verifiers, which affirms whatever they accept."""
    settings = {"plugins": {"directory": plugins(), "allow_insecure": "yes"}, **(settings or {})}
    sections += "".join(f"\n[plugin {name}]\n" for name in TEST_PLUGINS)
    daemon = story.Service(settings, sections, tls, sample=True, **more).__enter__()
    daemon.ctl("policy", "set", "default_cpu", "-", data=appraisal(AFFIRMING))
    daemon.ctl("policy", "set", "default_gpu", "-", data=appraisal(AFFIRMING))
    daemon.ctl("secret", "put", PATH, "-", data=SECRET)
    return daemon


def padded(digest):
    return base64.b64encode(digest.ljust(64, b"\0")).decode()


def init_data(text='version = "0.1.0"\nalgorithm = "sha384"\n[data]\na = "b"\n'):
    return {"format": "toml", "body": text}, hashlib.sha384(text.encode()).digest()


def gpu_evidence(nonce, key):
    binding = hashlib.sha384(story.canonical({"nonce": nonce, "tee-pubkey": key.public})).digest()
    return json.dumps({"honest-gpu": {"report_data": padded(binding)}})


def attest_request(cookie, nonce, key):
    """The bytes of an attestation that is good."""
    body = json.dumps(story.attestation_of(nonce, key, {"report_data": padded(story.binding_of(nonce, key))})).encode()
    return (f"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nCookie: {story.COOKIE}={cookie}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def at_once(daemon, requests):
    """Each request on a connection of its own, all connected before the first is sent."""
    sockets = [daemon.connect(30) for _ in requests]
    for sock, request in zip(sockets, requests):
        sock.sendall(request[:-1])
    for sock, request in zip(sockets, requests):
        sock.sendall(request[-1:])
    answers = [receive(sock) for sock in sockets]
    for sock in sockets:
        sock.close()
    return answers


class Rules(unittest.TestCase):
    """`service` is that of the module, unless `at` names another."""
    service = None

    def attest(self, key, tee="honest", at=None, additional=None, init=None, **members):
        """(response, cookie) for evidence that binds what it must, but for `members`."""
        at = at or self.service
        cookie, nonce = at.challenge(tee)
        additional = additional(nonce, key) if additional else ""
        evidence = {"report_data": padded(story.binding_of(nonce, key, additional)), **members}
        body = story.attestation_of(nonce, key, evidence, additional, init)
        return at.request("POST", "/kbs/v0/attest", body, session(cookie)), cookie

    def attested(self, key, **more):
        response, cookie = self.attest(key, **more)
        self.assertEqual(response.status, 200, response)
        return response.json()["token"], cookie

    def refused(self, response, status, reason, at=None):
        self.assertEqual(response.status, status, response)
        record = (at or self.service).explain(response.json()["id"])
        self.assertEqual(record.get("reason"), reason, record)
        return record

    def released(self, response, key):
        self.assertEqual(response.status, 200, response)
        self.assertEqual(key.decrypt(response), SECRET)
