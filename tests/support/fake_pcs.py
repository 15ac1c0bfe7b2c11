# SPDX-License-Identifier: Apache-2.0
"""Intel's provisioning certification service (v4), and a PCCS, on loopback: they answer from a folder that forge has
made. `FakeService` is what servers of collateral share; how they may misbehave is the test's business: `script` and
`behave`."""

import http.server
import os
import threading
import time
import urllib.parse


class Answer:
    """A status, bytes and headers; `delay` seconds before; `drip` seconds between bytes; `close`: the connection instead
    of an answer; `raw`: these bytes instead of HTTP."""

    def __init__(self, status=200, body=b"", headers=None, delay=0, drip=0, close=False, raw=None):
        self.status, self.body, self.headers = status, body, headers or {}
        self.delay, self.drip, self.close, self.raw = delay, drip, close, raw


class FakeService:
    """Use as a context manager. `seen` has the path and query of every request in order; `script` the answers that are
    given before the regular ones; `behave(path, query)` one in place of the regular one, or None."""

    def __init__(self, folder):
        self.folder = folder
        self.seen, self.script, self.behave = [], [], None
        self.lock = threading.Lock()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):  # the name is http.server's
                service._serve(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def file(self, name):
        """What forge made; None where it did not."""
        try:
            with open(os.path.join(self.folder, name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def text(self, name):
        return (self.file(name) or b"").decode().strip()

    def count(self, path):
        """How many requests were for a path that begins so."""
        with self.lock:
            return sum(seen.startswith(path) for seen in self.seen)

    def regular(self, path, query):
        """The right answer; None: 404."""
        raise NotImplementedError

    def _serve(self, handler):
        path, _, query = handler.path.partition("?")
        with self.lock:
            self.seen.append(handler.path)
            answer = self.script.pop(0) if self.script else None
        parsed = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        answer = answer or (self.behave and self.behave(path, parsed)) or self.regular(path, parsed) or Answer(404)
        time.sleep(answer.delay)
        try:
            self._send(handler, answer)
        except OSError:
            handler.close_connection = True  # the other side has gone

    @staticmethod
    def _send(handler, answer):
        if answer.close or answer.raw is not None:
            handler.close_connection = True
            handler.wfile.write(answer.raw or b"")
            return
        handler.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if not answer.drip:
            handler.wfile.write(answer.body)
            return
        for at in range(len(answer.body)):
            handler.wfile.write(answer.body[at:at + 1])
            handler.wfile.flush()
            time.sleep(answer.drip)


class FakePcs(FakeService):
    """`folder` is what `forge dcap --out` has written."""

    BASES = ("/sgx/certification/v4/", "/tdx/certification/v4/")

    def root_crl_url(self):
        """Where the list of the root lies, for option intel_root_crl."""
        return self.url + "/IntelSGXRootCA.der"

    def _with_chain(self, name, chain, header, content="application/json"):
        body = self.file(name)
        if body is None:
            return None
        return Answer(200, body, {"Content-Type": content, header: urllib.parse.quote(self.text(chain) + "\n")})

    def regular(self, path, query):
        if path == "/IntelSGXRootCA.der":
            body = self.file("root_crl.der")
            return body and Answer(200, body, {"Content-Type": "application/pkix-crl"})
        base = next((b for b in self.BASES if path.startswith(b)), None)
        what = path[len(base):] if base else None
        if what == "tcb" and query.get("fmspc", "").lower() == self.text("fmspc"):
            tdx = base == self.BASES[1]
            return self._with_chain("tcb_info.json", "tcb_chain.pem", "TCB-Info-Issuer-Chain") \
                if tdx == (b'"id":"TDX"' in self.file("tcb_info.json")) else None
        if what == "qe/identity":
            return self._with_chain("qe_identity.json", "tcb_chain.pem", "SGX-Enclave-Identity-Issuer-Chain")
        if what == "pckcrl" and query.get("ca") == self.text("ca"):
            answer = self._with_chain("pck_crl.der", "pck_crl_chain.pem", "SGX-PCK-CRL-Issuer-Chain",
                                      "application/pkix-crl")
            if answer and query.get("encoding") != "der":
                answer.body = answer.body.hex().encode()
            return answer
        if what == "rootcacrl":  # a PCCS has it, and gives it in hexadecimal digits
            body = self.file("root_crl.der")
            return body and Answer(200, body.hex().encode())
        if what == "pckcert":
            answer = self._with_chain("pck.pem", "pck_crl_chain.pem", "SGX-PCK-Certificate-Issuer-Chain",
                                      "application/x-pem-file")
            return answer
        return None
