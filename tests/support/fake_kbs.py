# SPDX-License-Identifier: Apache-2.0
"""A KBS for tests of its clients: speaks the protocol 0.4.0, verifies nothing, and misbehaves as it is told."""

import base64
import http.server
import json
import os
import socket
import ssl
import threading
import time

from jwcrypto import jwe, jwk

ERRORS = "https://github.com/confidential-containers/kbs/errors/"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(life=300, issued=None):
    """As a service makes it, but for the signature, which no guest looks at."""
    issued = int(time.time()) if issued is None else issued
    parts = [{"typ": "JWT", "alg": "ES256"}, {"iat": issued, "exp": issued + life, "jti": os.urandom(8).hex()}]
    return ".".join(base64url(json.dumps(p).encode()) for p in parts) + "." + base64url(bytes(64))


class Answer:
    """A status, JSON (or bytes) and headers; `delay` seconds before; `close`: the connection instead of an answer;
    `raw`: these bytes instead of HTTP."""

    def __init__(self, status=200, body=b"", headers=None, delay=0, close=False, raw=None):
        self.status, self.headers, self.delay, self.close, self.raw = status, headers or {}, delay, close, raw
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


def error(status, kind, detail="text", **members):
    headers = {"Retry-After": str(members.pop("retry_after"))} if "retry_after" in members else {}
    return Answer(status, {"type": ERRORS + kind, "detail": detail, **members}, headers)


class FakeKbs:
    """Use as a context manager. `script[step]` (auth, attest, resource) is a list of answers that are given before the
    regular ones. `seen[step]` are the requests: (headers, body as JSON or None)."""

    def __init__(self, resources=None, tls=None, life=300):
        self.resources = resources or {}
        self.life = life
        self.script = {"auth": [], "attest": [], "resource": []}
        self.seen = {"auth": [], "attest": [], "resource": []}
        self.sessions, self.tokens = {}, {}
        self.lock = threading.Lock()
        self._stop = threading.Event()
        kbs = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                kbs.serve(self)

            do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that go away are part of the tests
        scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self.server.shutdown()
        self.server.server_close()

    def count(self, step):
        return len(self.seen[step])

    # --- one request ---------------------------------------------------------------------------------------------

    def serve(self, request):
        length = int(request.headers.get("content-length", 0))
        body = json.loads(request.rfile.read(length)) if length else None
        step = {"auth": "auth", "attest": "attest"}.get(request.path.rsplit("/", 1)[-1], "resource")
        with self.lock:
            self.seen[step].append((request.headers, body))
            answer = self.script[step].pop(0) if self.script[step] else None
        if callable(answer):
            answer = answer(request, body)
        self.send(request, answer or getattr(self, step)(request, body))

    def send(self, request, answer):
        if answer.delay:
            self._stop.wait(answer.delay)
        if answer.close or answer.raw is not None:
            if answer.raw:
                request.wfile.write(answer.raw)
                request.wfile.flush()
            request.close_connection = True
            try:
                request.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            return
        try:
            request.send_response(answer.status)
            for name, value in answer.headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(answer.body)))
            request.end_headers()
            request.wfile.write(answer.body)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True

    def auth(self, _request, body):
        if body.get("version") != "0.4.0" or "extra-params" not in body:
            return error(401, "AttestationError")
        session, nonce = os.urandom(16).hex(), base64.b64encode(os.urandom(32)).decode()
        self.sessions[session] = nonce
        return Answer(200, {"nonce": nonce, "extra-params": ""}, {"Set-Cookie": f"kbs-session-id={session}; Path=/kbs"})

    def attest(self, request, body):
        cookie = request.headers.get("cookie", "")
        nonce = self.sessions.get(cookie.removeprefix("kbs-session-id="))
        if nonce is None or body["runtime-data"]["nonce"] != nonce:
            return error(401, "AttestationError")
        token = make_token(self.life)
        self.tokens[token] = body["runtime-data"]["tee-pubkey"]
        return Answer(200, {"token": token})

    def resource(self, request, _body):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return error(401, "TokenNotFound")
        path = request.path.removeprefix("/kbs/v0/resource/")
        if path not in self.resources:
            return error(404, "PluginInternalError", reason="not_found", id="0123456789abcdef")
        return Answer(200, self.encrypt(self.resources[path], self.tokens[token]))

    @staticmethod
    def encrypt(plaintext, key):
        """A flattened JWE with all of its header protected: jwcrypto does that in the compact form only."""
        sealed = jwe.JWE(plaintext, json.dumps({"alg": key["alg"], "enc": "A256GCM"}))
        sealed.add_recipient(jwk.JWK(**{k: v for k, v in key.items() if k != "alg"}))
        members = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
        return json.dumps(dict(zip(members, sealed.serialize(compact=True).split(".")))).encode()
