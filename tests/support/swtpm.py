# SPDX-License-Identifier: Apache-2.0
"""A software TPM for tests: swtpm on loopback, driven by tpm2-tools."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

TOOLS = ("swtpm", "tpm2_createek", "tpm2_createak", "tpm2_quote", "tpm2_pcrread")


def missing():
    """Names of the programs that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def _free_ports():
    """Two neighbouring free ports: libtss2's swtpm transport expects the control channel on the next one."""
    for _ in range(200):
        # Below the range that the kernel gives to connections, which a busy test leaves full of closed ones.
        port = random.randrange(20000, 32000)
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no two neighbouring ports are free")


class Swtpm:
    """Use as a context manager. Files that the tools write lie in `folder`."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="swtpm-")
        port = self.port = _free_ports()
        self._environment = dict(os.environ, TPM2TOOLS_TCTI=f"swtpm:host=127.0.0.1,port={port}", TSS2_LOG="all+NONE")
        os.mkdir(os.path.join(self.folder, "state"))
        self._process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/state",
             "--server", f"type=tcp,port={port},bindaddr=127.0.0.1",
             "--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1",
             "--flags", "not-need-init,startup-clear"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while subprocess.run(["tpm2_getcap", "properties-fixed"], env=self._environment, capture_output=True).returncode:
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.__exit__()
                raise RuntimeError("swtpm does not answer")
            time.sleep(0.05)
        self.run("tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command):
        """A tool, after every transient object was flushed (there is no resource manager)."""
        subprocess.run(["tpm2_flushcontext", "-t"], env=self._environment, cwd=self.folder, check=True)
        subprocess.run(command, env=self._environment, cwd=self.folder, check=True, capture_output=True)

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as file:
            return file.read()

    def create_ak(self, name, scheme, hash_name="sha256", algorithm=None):
        """An attestation key `name`; its SubjectPublicKeyInfo in DER."""
        algorithm = algorithm or ("ecc" if scheme == "ecdsa" else "rsa")
        self.run("tpm2_createak", "-C", "ek.ctx", "-c", f"{name}.ctx", "-G", algorithm, "-s", scheme, "-g", hash_name,
                 "-u", f"{name}.pub", "-n", f"{name}.name")
        self.run("tpm2_readpublic", "-c", f"{name}.ctx", "-f", "der", "-o", f"{name}.der")
        return self.read(f"{name}.der")

    def quote(self, name, nonce, scheme="rsassa", hash_name="sha256", selection="sha256:all"):
        """TPMS_ATTEST and TPMT_SIGNATURE."""
        self.run("tpm2_quote", "-c", f"{name}.ctx", "-l", selection, "-q", nonce.hex(), "-m", "quote.msg",
                 "-s", "quote.sig", "-f", "tss", "-g", hash_name, "--scheme", scheme)
        return self.read("quote.msg"), self.read("quote.sig")

    def pcrs(self, bank="sha256"):
        """The 24 PCRs of a bank."""
        self.run("tpm2_pcrread", f"{bank}:all", "-o", "pcrs.bin")
        blob = self.read("pcrs.bin")
        size = len(blob) // 24
        return [blob[i * size:(i + 1) * size] for i in range(24)]

    def extend(self, pcr, digest):
        self.run("tpm2_pcrextend", f"{pcr}:sha256={digest.hex()}")
