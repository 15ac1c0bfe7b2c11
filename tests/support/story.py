# SPDX-License-Identifier: Apache-2.0
"""The parts of the story for tests: a machine with a TPM, the trusted side, the agent in the guest, and what an attacker
makes of them."""

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import struct
import subprocess
import tempfile
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from swtpm import Swtpm
from trusteed import BUILD, Daemon, base64url, canonical, free_port, from_base64url

AK_HANDLE = "0x81010002"
COOKIE = "kbs-session-id"
KNOWN_PCRS = {7: b"secure boot is on, with our keys", 11: b"the kernel and command line that we built"}


def session(cookie):
    return {"Cookie": f"{COOKIE}={cookie}"}


def bearer(token):
    return {"Authorization": "Bearer " + token}


def missing_programs(*names):
    return [name for name in names if not os.path.exists(os.path.join(BUILD, name))]


class Machine(Swtpm):
    """A machine with a known-good TPM, and the attestation key where the agent looks for it."""

    def __enter__(self):
        super().__enter__()
        self.tcti = self._environment["TPM2TOOLS_TCTI"]
        self.ak = self.create_ak("ak", "rsassa")
        self.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", "ak.ctx", AK_HANDLE)
        subprocess.run(["tpm2_flushcontext", "-t"], env=self._environment, cwd=self.folder, check=True)
        for pcr, what in KNOWN_PCRS.items():
            self.measure(pcr, what)
        return self

    def measure(self, pcr, what):
        self.extend(pcr, hashlib.sha256(what).digest())

    def pcr(self, number):
        return self.pcrs()[number].hex()

    def ak_sha256(self):
        return hashlib.sha256(self.ak).hexdigest()

    def evidence(self, binding):
        message, signature = self.quote("ak", binding[:32])
        subprocess.run(["tpm2_flushcontext", "-t"], env=self._environment, cwd=self.folder, check=True)
        return tpm_evidence(self.ak, message, signature, [p.hex() for p in self.pcrs()])


def tpm_evidence(ak, message, signature, pcrs):
    def encoded(data):
        return base64.b64encode(data).decode()
    return {"ak_public": encoded(ak),
            "tpm_quote": {"signature": encoded(signature), "message": encoded(message), "pcrs": pcrs}}


def sized(data):
    return struct.pack(">H", len(data)) + data


def forged_evidence(binding, pcrs, key=None):
    """A well-formed TPMS_ATTEST over these PCRs, signed by a key that never saw a TPM: by a new one where none is given."""
    key = key or rsa.generate_private_key(65537, 2048)
    digest = hashlib.sha256(b"".join(bytes.fromhex(p) for p in pcrs)).digest()
    message = (bytes.fromhex("ff544347") + struct.pack(">H", 0x8018) + sized(b"\0\x0b" + hashlib.sha256(b"me").digest())
               + sized(binding[:32]) + struct.pack(">QIIBQ", 1000, 1, 0, 1, 0x2020)
               + struct.pack(">IHB", 1, 0x000B, 3) + b"\xff\xff\xff" + sized(digest))
    signature = struct.pack(">HH", 0x0014, 0x000B) + sized(key.sign(message, padding.PKCS1v15(), hashes.SHA256()))
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return tpm_evidence(public, message, signature, pcrs)


def binding_of(nonce, key, additional=""):
    """What the evidence has to bind: the digest of the challenge and the key."""
    return hashlib.sha384(canonical({"additional-evidence": additional, "nonce": nonce,
                                     "tee-pubkey": key.public})).digest()


def attestation_of(nonce, key, evidence, additional="", init_data=None):
    return {"init-data": init_data, "runtime-data": {"nonce": nonce, "tee-pubkey": key.public},
            "tee-evidence": {"primary_evidence": evidence, "additional_evidence": additional}}


class Service(Daemon):
    """The trusted side over TLS, without the sample TEE unless `sample`. `like` is another service whose keys, storage
    and Secrets it starts with."""

    def __init__(self, settings=None, sections="", tls=True, sample=False, like=None, program=None):
        super().__init__(settings, sections, tls, program)
        self.sample, self.like = sample, like
        self._context = None

    def _configure(self):
        if not self.sample:
            with open(self.config, encoding="utf-8") as f:
                text = f.read()
            text = re.sub(r"(?m)^allow_insecure = yes\n", "", text).replace("[plugin sample]\n", "")
            with open(self.config, "w", encoding="utf-8") as f:
                f.write(text)
        if self.like:
            for folder in ("keys", "storage", "secrets"):
                shutil.rmtree(os.path.join(self.home, folder))
                shutil.copytree(os.path.join(self.like.home, folder), os.path.join(self.home, folder), symlinks=True)
        super()._configure()

    def connect(self, timeout=10):
        sock = super().connect(timeout)
        if not self.tls:
            return sock
        if not self._context:
            self._context = ssl.create_default_context(cafile=os.path.join(self.home, "tls/ca.pem"))
        return self._context.wrap_socket(sock, server_hostname="127.0.0.1")

    def restart(self):
        self.stop()
        self.start()

    def control(self, *arguments, data=None, home=None):
        """trusteectl, whatever its exit code."""
        return subprocess.run([os.path.join(BUILD, "bin/trusteectl"), "--home", home or self.home, *arguments],
                              input=data.encode() if isinstance(data, str) else data, capture_output=True, timeout=60)

    def explain(self, decision):
        """The record of a decision, as `trusteectl explain --json` prints it."""
        return json.loads(self.ctl("explain", decision, "--json"))

    def ready(self):
        return self.request("GET", "/readyz").json()

    def metrics(self):
        """Samples without labels, and those with as they are written."""
        text = self.request("GET", "/metrics").body.decode()
        return {k: float(v) for k, v in re.findall(r"(?m)^([^#\s]+(?:\{[^}]*\})?) (\S+)$", text)}

    # --- Secrets, as Kubernetes mounts them ----------------------------------------------------------------------------
    def secret_version(self, name, version, keys):
        """A new version of a Secret: written aside, then the link ..data is swapped."""
        folder = os.path.join(self.home, "secrets", name)
        os.makedirs(os.path.join(folder, version))
        for key, value in keys.items():
            with open(os.path.join(folder, version, key), "wb") as f:
                f.write(value)
        os.symlink(version, os.path.join(folder, "..data_tmp"))
        os.rename(os.path.join(folder, "..data_tmp"), os.path.join(folder, "..data"))
        for key in keys:
            if not os.path.lexists(os.path.join(folder, key)):
                os.symlink(os.path.join("..data", key), os.path.join(folder, key))

    # --- a guest without an agent --------------------------------------------------------------------------------------
    def challenge(self, tee="tpm"):
        return self.auth(tee)

    def answer(self, cookie, nonce, key, evidence):
        return self.request("POST", "/kbs/v0/attest", attestation_of(nonce, key, evidence), session(cookie))

    def attest_machine(self, machine, key):
        """The handshake with a TPM's quote: (response, cookie, nonce)."""
        cookie, nonce = self.challenge()
        return self.answer(cookie, nonce, key, machine.evidence(binding_of(nonce, key))), cookie, nonce

    def machine_token(self, machine, key):
        response, cookie, _ = self.attest_machine(machine, key)
        assert response.status == 200, response
        return response.json()["token"], cookie


class Agent:
    """trustee-agent as it runs in the guest. Use as a context manager."""

    def __init__(self, service, machine):
        self.service, self.machine = service, machine

    def __enter__(self):
        self.port = free_port()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "bin/trustee-agent"), "--aa-kbc-params", f"cc_kbc::{self.service.url}", "--kbs-cert",
             os.path.join(self.service.home, "tls/ca.pem"), "--tee", "tpm", "--tcti", self.machine.tcti, "--listen",
             f"127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log, env={"PATH": os.environ["PATH"], "NO_PROXY": "*", "TSS2_LOG": "all+NONE"})
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
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def call(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def curl(self, resource):
        """What the workload sees: (status, body)."""
        return self.call("/cdh/resource/" + resource)

    def token(self):
        return json.loads(self.call("/aa/token?token_type=kbs")[1])["token"]


# --- sealed challenges, by another implementation than ours -----------------------------------------------------------
PURPOSE = f"{COOKIE} challenge v2".encode()


class Sealer:
    """Challenges as a service with this master key seals them: HKDF-SHA256 of the key and a salt, AES-256-GCM."""

    ID_SIZE, SALT_SIZE = 4, 16

    def __init__(self, master):
        self.master = master
        self.head = b"\x01" + hashlib.sha256(b"trustee seal id" + master).digest()[:self.ID_SIZE]

    def _cipher(self, salt):
        return AESGCM(HKDF(hashes.SHA256(), 32, salt, b"").derive(self.master))

    def open(self, cookie):
        data = from_base64url(cookie)
        at = len(self.head)
        assert data[:at] == self.head, "sealed with another key"
        salt, sealed = data[at:at + self.SALT_SIZE], data[at + self.SALT_SIZE:]
        plain = self._cipher(salt).decrypt(bytes(12), sealed, self.head[:1] + PURPOSE)
        issued, expiry = struct.unpack(">QQ", plain[16:32])
        return {"id": plain[:16], "issued": issued, "expiry": expiry, "rest": plain[32:]}

    def seal(self, fields):
        plain = fields["id"] + struct.pack(">QQ", fields["issued"], fields["expiry"]) + fields["rest"]
        salt = os.urandom(self.SALT_SIZE)
        return base64url(self.head + salt + self._cipher(salt).encrypt(bytes(12), plain, self.head[:1] + PURPOSE))
