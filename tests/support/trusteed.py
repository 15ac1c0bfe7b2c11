# SPDX-License-Identifier: Apache-2.0
"""The real daemon for tests: set up by `trusteectl init` in a folder of its own, on a free port of 127.0.0.1."""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from jwcrypto import jwe, jwk, jws

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PREFIX = "https://github.com/confidential-containers/kbs/errors/"
AUTH = {"version": "0.4.0", "tee": "sample", "extra-params": {}}


def missing():
    """Names of what is not built."""
    needed = ["bin/trusteed", "bin/trusteectl", "plugins/sample.so", "plugins/file.so", "plugins/rego.so"]
    return [name for name in needed if not os.path.exists(os.path.join(BUILD, name))]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value):
    """RFC 8785 for what these tests have: strings, integers and objects of them with ASCII names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def report_data(runtime):
    return base64.b64encode(hashlib.sha384(canonical(runtime)).digest()).decode()


def free_port():
    """Above 20000, as the kernel's own choice may not be."""
    while True:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port > 20000:
            return port


class Response:
    def __init__(self, status, headers, body, interim=()):
        self.status, self.headers, self.body, self.interim = status, headers, body, list(interim)

    def header(self, name):
        """The only value of a header; None where it is absent."""
        values = [v for k, v in self.headers if k == name]
        assert len(values) < 2, f"{name} stands {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    def kind(self):
        """The variant that an error names; None where the body is no ErrorInformation."""
        try:
            body = self.json()
        except ValueError:
            return None
        ours = isinstance(body, dict) and isinstance(body.get("detail"), str) and isinstance(body.get("type"), str)
        return body["type"][len(PREFIX):] if ours and body["type"].startswith(PREFIX) else None

    def cookie(self):
        return re.match(r"kbs-session-id=([^;]+);", self.header("set-cookie"))[1]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def receive(sock, head_only=False, interim=()):
    """One response; those of 1xx are gathered in `interim`."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed after {data!r}")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = [(k.strip().lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines[1:])]
    if status < 200:
        return receive(Rest(sock, body), head_only, [*interim, status])
    size = 0 if head_only or status in (204, 304) else int(dict(headers).get("content-length", 0))
    while len(body) < size:
        chunk = sock.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed in the body after {len(body)} of {size} bytes")
        body += chunk
    return Response(status, headers, body[:size], interim)


class Rest:
    """A socket with bytes that were read already."""

    def __init__(self, sock, data):
        self.sock, self.data = sock, data

    def recv(self, size):
        data, self.data = self.data, b""
        return data or self.sock.recv(size)


class Daemon:
    """Use as a context manager. `settings` are options of the INI: {section: {key: value}}; `sections` is text that is
    added to it. `home` is the folder of `trusteectl init`."""

    def __init__(self, settings=None, sections="", tls=False, program=None):
        self.settings, self.sections, self.tls = settings or {}, sections, tls
        self.program = program or os.path.join(BUILD, "bin/trusteed")
        self.process = None

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="trusteed-")
        self.port = free_port()
        options = ["--allow-sample", "--listen", f"127.0.0.1:{self.port}"] + ([] if self.tls else ["--http"])
        subprocess.run([os.path.join(BUILD, "bin/trusteectl"), "init", os.path.join(self.home, "t"), *options],
                       check=True, capture_output=True)
        self.home = os.path.join(self.home, "t")
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.config = os.path.join(self.home, "trusteed.ini")
        self._configure()
        with open(os.path.join(self.home, "keys/admin.pem"), "rb") as f:
            self.admin_key = jwk.JWK.from_pem(f.read())
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(os.path.dirname(self.home), ignore_errors=True)

    def _configure(self):
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        for section, options in self.settings.items():
            lines = "".join(f"{key} = {value}\n" for key, value in options.items())
            for key in options:
                text = re.sub(rf"(?m)^(\[{section}\]\n(?:[^\[].*\n|\n)*?){key} *=.*\n", r"\1", text)
            if f"[{section}]\n" in text:
                text = text.replace(f"[{section}]\n", f"[{section}]\n{lines}", 1)
            else:
                text += f"\n[{section}]\n{lines}"
        for header in re.findall(r"(?m)^\[[^]]+\]\n", self.sections):
            text = text.replace("\n" + header + "\n", "\n", 1)  # what init names without options
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text + self.sections.replace("{home}", self.home))

    def start(self):
        self.log = open(os.path.join(self.home, "log"), "ab")
        self.process = subprocess.Popen([self.program, "--config", self.config], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("trusteed ended: " + self.log_text())
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("trusteed does not listen: " + self.log_text())

    def stop(self):
        """The exit status; None where it did not run."""
        if not self.process:
            return None
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.log.close()
        self.process = None
        return code

    def alive(self):
        return self.process.poll() is None

    def log_text(self):
        with open(os.path.join(self.home, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def ctl(self, *arguments, data=None):
        return subprocess.run([os.path.join(BUILD, "bin/trusteectl"), "--home", self.home, *arguments], input=data,
                              capture_output=True, check=True).stdout

    # --- HTTP -----------------------------------------------------------------------------------------------------
    def connect(self, timeout=10):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def raw(self, data, timeout=10, head_only=False):
        """The answer to these bytes, on a connection of their own."""
        with self.connect(timeout) as sock:
            try:
                sock.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it answered and closed before all was sent
            return receive(sock, head_only)

    def request(self, method, path, body=None, headers=None, timeout=10):
        """`body`: bytes, or what becomes JSON."""
        body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if body is not None and not {"content-length", "transfer-encoding"} & {k.lower() for k in lines}:
            lines["Content-Length"] = str(len(body))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
        return self.raw(head.encode("utf-8", "surrogateescape") + (body or b""), timeout, method == "HEAD")

    # --- administrators -------------------------------------------------------------------------------------------
    def admin_jwt(self, claims=None, key=None, header=None):
        now = int(time.time())
        claims = {"iss": "trusteectl", "sub": "admin", "iat": now, "exp": now + 300, "role": "admin"} \
            if claims is None else claims
        key = key or self.admin_key
        return sign(key, claims, {"typ": "JWT", "alg": "ES256", **(header or {})})

    def admin(self, method, path, body=None):
        return self.request(method, path, body, {"Authorization": "Bearer " + self.admin_jwt()})

    def set_resource_policy(self, text):
        answer = self.admin("POST", "/kbs/v0/resource-policy", {"policy": base64url(text.encode())})
        assert answer.status == 200, answer

    # --- the handshake --------------------------------------------------------------------------------------------
    def auth(self, tee="sample"):
        """Cookie and nonce."""
        answer = self.request("POST", "/kbs/v0/auth", {**AUTH, "tee": tee})
        assert answer.status == 200, answer
        return answer.cookie(), answer.json()["nonce"]

    def attest(self, key=None, **members):
        """The whole handshake with sample evidence: (response, cookie)."""
        cookie, nonce = self.auth()
        body = attestation(nonce, key or Key(), **members)
        return self.request("POST", "/kbs/v0/attest", body, {"Cookie": "kbs-session-id=" + cookie}), cookie

    def token(self, key=None):
        answer, _ = self.attest(key)
        assert answer.status == 200, answer
        return answer.json()["token"]

    def get(self, path="default/test/key", cookie=None, token=None):
        headers = {"Cookie": "kbs-session-id=" + cookie} if cookie else {}
        if token:
            headers["Authorization"] = "Bearer " + token
        return self.request("GET", "/kbs/v0/resource/" + path, headers=headers)


def sign(key, claims, header):
    """A compact JWS. `claims`: bytes, or what becomes JSON."""
    token = jws.JWS(claims if isinstance(claims, bytes) else json.dumps(claims).encode())
    token.allowed_algs = [header["alg"]]
    token.add_signature(key, protected=json.dumps(header))
    return token.serialize(compact=True)


def token_parts(token):
    """Header and claims, unverified."""
    header, claims, _ = token.split(".")
    return json.loads(from_base64url(header)), json.loads(from_base64url(claims))


class Key:
    """A TEE key: of a curve, or RSA."""

    def __init__(self, curve="P-256", alg=None, bits=2048):
        if curve == "RSA":
            self.private = jwk.JWK.generate(kty="RSA", size=bits)
            public = self.private.export_public(as_dict=True)
            self.public = {"kty": "RSA", "alg": alg or "RSA-OAEP-256", "n": public["n"], "e": public["e"]}
        else:
            self.private = jwk.JWK.generate(kty="EC", crv=curve)
            public = self.private.export_public(as_dict=True)
            self.public = {"kty": "EC", "crv": curve, "alg": alg or "ECDH-ES+A256KW", "x": public["x"], "y": public["y"]}

    def decrypt(self, response):
        """The secret of a resource's JWE, by another implementation than ours."""
        token = jwe.JWE(algs=["ECDH-ES+A256KW", "RSA-OAEP-256", "RSA1_5", "A256GCM"])
        token.deserialize(response.body.decode())
        try:
            token.decrypt(self.private)
        except jwe.InvalidJWEData:
            if token.decryptlog != ["Success"] or response.json()["ciphertext"]:
                raise
            return b""  # it takes an empty plaintext for a failure
        return token.payload


def attestation(nonce, key, evidence=None, additional="", init_data=None, runtime=None):
    """The body of an attestation with sample evidence, whose report data is that of this very body."""
    public = key.public if isinstance(key, Key) else key
    runtime = {"nonce": nonce, "tee-pubkey": public, **(runtime or {})}
    binding = report_data({"additional-evidence": additional, **runtime})
    return {"init-data": init_data, "runtime-data": runtime,
            "tee-evidence": {"primary_evidence": {"svn": "1", "report_data": binding, **(evidence or {})},
                             "additional_evidence": additional}}
