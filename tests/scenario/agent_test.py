#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""trustee-agent against a KBS that behaves and misbehaves: what the agent sends, and what its workload is told."""

import base64
import concurrent.futures
import datetime
import hashlib
import http.client
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from fake_kbs import Answer, FakeKbs, error, make_token
    MISSING = None
except ImportError as problem:
    MISSING = str(problem)

import swtpm

AGENT = os.path.join(ROOT, os.environ.get("BUILD", "build"), "bin", "trustee-agent")
SECRET = b"secret-value-1234"
PATH = "default/test/key"
QUIET = {"PATH": os.environ["PATH"], "NO_PROXY": "*"}


def jcs(value):
    """RFC 8785 for what runtime data is made of: strings in objects."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def runtime_hash(attestation):
    data = attestation["runtime-data"]
    return hashlib.sha384(jcs({"additional-evidence": attestation["tee-evidence"]["additional_evidence"],
                               "nonce": data["nonce"], "tee-pubkey": data["tee-pubkey"]})).digest()


class Reply:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Agent:
    """A running agent, sample attester unless told otherwise."""

    def __init__(self, url, *options, environment=None):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [AGENT, "--listen", "127.0.0.1:0", "--aa-kbc-params", f"cc_kbc::{url}",
             *([] if "--tee" in options else ["--tee", "sample"]), *options],
            stderr=self.log, stdout=subprocess.DEVNULL, env={**QUIET, **(environment or {})})
        self.port = self._port()

    def _port(self):
        for _ in range(200):
            found = re.search(r"127\.0\.0\.1:(\d+) as", self.text())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the agent does not start: {self.text()}")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        else:
            if self.status != 0:
                raise AssertionError(f"the agent ended with {self.status}: {self.text()}")
        finally:
            self.log.close()

    def get(self, path, method="GET", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, headers=headers or {})
        reply = Reply(connection.getresponse())
        connection.close()
        return reply

    def resource(self, path=PATH):
        return self.get(f"/cdh/resource/{path}")


def run_agent(*arguments, environment=None):
    return subprocess.run([AGENT, *arguments], capture_output=True, timeout=60, env={**QUIET, **(environment or {})})


@unittest.skipIf(MISSING, MISSING)
class AgentCase(unittest.TestCase):
    def kbs(self, **options):
        kbs = FakeKbs({PATH: SECRET}, **options)
        self.enterContext(kbs)
        return kbs

    def agent(self, kbs, *options, **more):
        return self.enterContext(Agent(kbs.url, *options, **more))

    def refused(self, reply, status, reason):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(reply.json["reason"], reason, reply.body)
        self.assertIn("id", reply.json)
        self.assertTrue(reply.json["error"])


class Release(AgentCase):
    def test_a_resource_arrives_in_the_clear_for_every_kind_of_key(self):
        for algorithm in ("ECDH-ES+A256KW-P256", "ECDH-ES+A256KW-P521", "RSA-OAEP-256"):
            with self.subTest(algorithm):
                kbs = self.kbs()
                reply = self.agent(kbs, "--key-algorithm", algorithm).resource()
                self.assertEqual((reply.status, reply.body), (200, SECRET))
                self.assertEqual(reply.headers["content-type"], "application/octet-stream")

    def test_evidence_binds_nonce_and_key(self):
        kbs = self.kbs()
        self.assertEqual(self.agent(kbs).resource().status, 200)
        headers, sent = kbs.seen["attest"][0]
        evidence = sent["tee-evidence"]["primary_evidence"]
        self.assertEqual(base64.b64decode(evidence["report_data"]), runtime_hash(sent))
        self.assertEqual(evidence["svn"], "1")
        self.assertEqual(sent["tee-evidence"]["additional_evidence"], "")
        self.assertIsNone(sent["init-data"])
        self.assertEqual(set(sent["runtime-data"]), {"nonce", "tee-pubkey"})
        self.assertEqual(sent["runtime-data"]["tee-pubkey"]["alg"], "ECDH-ES+A256KW")
        self.assertRegex(headers["cookie"], r"^kbs-session-id=[0-9a-f]{32}$")

    def test_the_challenge_is_asked_for_as_upstream_does(self):
        kbs = self.kbs()
        self.agent(kbs).resource()
        headers, sent = kbs.seen["auth"][0]
        self.assertEqual((sent["version"], sent["tee"]), ("0.4.0", "sample"))
        self.assertEqual(sent["extra-params"], {"supported-hash-algorithms": ["sha256", "sha384", "sha512"]})
        self.assertEqual(headers["content-type"], "application/json")

    def test_the_hash_that_the_service_selects_is_used(self):
        kbs = self.kbs()

        def challenge(_request, _body):
            answer = kbs.auth(None, {"version": "0.4.0", "extra-params": ""})
            body = {**json.loads(answer.body), "extra-params": {"selected-hash-algorithm": "sha512"}}
            return Answer(200, body, answer.headers)

        kbs.script["auth"].append(challenge)
        self.assertEqual(self.agent(kbs).resource().status, 200)
        sent = kbs.seen["attest"][0][1]
        report_data = base64.b64decode(sent["tee-evidence"]["primary_evidence"]["report_data"])
        self.assertEqual(len(report_data), 64)

    def test_a_resource_is_asked_for_with_the_token_alone(self):
        kbs = self.kbs()
        self.agent(kbs).resource()
        headers, _ = kbs.seen["resource"][0]
        self.assertIn(headers["authorization"].removeprefix("Bearer "), kbs.tokens)
        self.assertIsNone(headers["cookie"])

    def test_a_token_is_used_until_shortly_before_it_expires(self):
        kbs = self.kbs(life=4)
        agent = self.agent(kbs)
        for _ in range(3):
            self.assertEqual(agent.resource().body, SECRET)
        self.assertEqual(kbs.count("attest"), 1)
        time.sleep(3.2)
        self.assertEqual(agent.resource().body, SECRET)
        self.assertEqual(kbs.count("attest"), 2)
        keys = [sent["runtime-data"]["tee-pubkey"]["x"] for _, sent in kbs.seen["attest"]]
        self.assertNotEqual(keys[0], keys[1])

    def test_the_guests_clock_does_not_matter(self):
        kbs = self.kbs()
        token = make_token(300, issued=1000)
        kbs.script["attest"].append(lambda _, body: (kbs.tokens.update({token: body["runtime-data"]["tee-pubkey"]}),
                                                     Answer(200, {"token": token}))[1])
        agent = self.agent(kbs)
        self.assertEqual((agent.resource().body, agent.resource().body), (SECRET, SECRET))
        self.assertEqual(kbs.count("attest"), 1)

    def test_requests_at_the_same_time_share_one_handshake(self):
        kbs = self.kbs()
        kbs.script["auth"].append(lambda _, body: (time.sleep(0.5), kbs.auth(None, body))[1])
        agent = self.agent(kbs)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: agent.resource(), range(8)))
        self.assertEqual({(r.status, r.body) for r in replies}, {(200, SECRET)})
        self.assertEqual((kbs.count("auth"), kbs.count("attest"), kbs.count("resource")), (1, 1, 8))

    def test_requests_at_the_same_time_share_one_refusal(self):
        kbs = self.kbs()
        kbs.script["attest"] += [Answer(401, {"type": "x/AttestationError", "detail": ""}, delay=0.7)] * 8
        agent = self.agent(kbs)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda _: agent.resource(), range(4)))
        self.assertEqual({r.status for r in replies}, {502})
        self.assertEqual(kbs.count("attest"), 1)

    def test_a_large_resource_arrives_whole(self):
        kbs = self.kbs()
        kbs.resources[PATH] = os.urandom(2 << 20)
        self.assertEqual(self.agent(kbs).resource().body, kbs.resources[PATH])

    def test_an_empty_resource_is_a_resource(self):
        kbs = self.kbs()
        kbs.resources[PATH] = b""
        reply = self.agent(kbs).resource()
        self.assertEqual((reply.status, reply.body), (200, b""))

    def test_the_url_may_have_a_prefix(self):
        kbs = self.kbs()
        kbs.url += "/some/prefix/"
        kbs.resource = lambda request, _: Answer(404, {"type": "x/y", "detail": request.path})
        self.agent(kbs).resource()
        self.assertEqual(kbs.count("attest"), 1)

    def test_init_data_is_sent_as_it_stands(self):
        kbs = self.kbs()
        toml = 'version = "0.1.0"\nalgorithm = "sha384"\n[data]\n"aa.toml" = \'\'\'\n"quoted" = 1\n\'\'\'\n'
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(toml)
            file.flush()
            self.assertEqual(self.agent(kbs, "--init-data", file.name).resource().status, 200)
        self.assertEqual(kbs.seen["attest"][0][1]["init-data"], {"format": "toml", "body": toml})

    def test_nothing_secret_is_logged(self):
        kbs = self.kbs()
        agent = self.agent(kbs)
        agent.resource()
        agent.get("/aa/token?token_type=kbs")
        log = agent.text()
        for secret in [SECRET.decode(), *kbs.tokens, *kbs.sessions, *kbs.sessions.values(), "PRIVATE KEY"]:
            self.assertNotIn(secret, log)


class Refusals(AgentCase):
    def test_403_is_a_denial_and_is_not_tried_again(self):
        kbs = self.kbs()
        kbs.script["resource"].append(error(403, "PolicyDeny", reason="policy", id="00ff00ff00ff00ff"))
        reply = self.agent(kbs).resource()
        self.refused(reply, 403, "agent.denied")
        self.assertEqual(reply.json["id"], "00ff00ff00ff00ff")
        self.assertEqual(reply.json["service_reason"], "policy")
        self.assertEqual((kbs.count("resource"), kbs.count("attest")), (1, 1))

    def test_upstreams_401_of_a_policy_is_a_denial_too(self):
        kbs = self.kbs()
        kbs.script["resource"].append(error(401, "PolicyDeny"))
        self.refused(self.agent(kbs).resource(), 403, "agent.denied")
        self.assertEqual((kbs.count("resource"), kbs.count("attest")), (1, 1))

    def test_404_is_not_found_and_is_not_tried_again(self):
        kbs = self.kbs()
        reply = self.agent(kbs).resource("default/test/missing")
        self.refused(reply, 404, "agent.not_found")
        self.assertEqual(reply.json["id"], "0123456789abcdef")
        self.assertEqual((kbs.count("resource"), kbs.count("attest")), (1, 1))

    def test_upstreams_401_of_a_plugin_is_neither_found_nor_not_found(self):
        kbs = self.kbs()
        kbs.script["resource"].append(error(401, "PluginInternalError"))
        self.refused(self.agent(kbs).resource(), 502, "agent.service")
        self.assertEqual(kbs.count("resource"), 1)

    def test_a_token_that_is_not_taken_is_replaced_once(self):
        kbs = self.kbs()
        kbs.script["resource"].append(error(401, "TokenVerifierError"))
        self.assertEqual(self.agent(kbs).resource().body, SECRET)
        self.assertEqual((kbs.count("resource"), kbs.count("attest")), (2, 2))

    def test_a_service_that_takes_no_token_is_asked_twice_only(self):
        kbs = self.kbs()
        kbs.script["resource"] += [error(401, "TokenVerifierError")] * 5
        reply = self.agent(kbs).resource()
        self.refused(reply, 502, "agent.refused")
        self.assertEqual(reply.json["service_type"], "TokenVerifierError")
        self.assertEqual((kbs.count("resource"), kbs.count("attest")), (2, 2))

    def test_a_refused_attestation_says_at_which_step_and_why(self):
        for step in ("auth", "attest"):
            with self.subTest(step):
                kbs = self.kbs()
                kbs.script[step].append(error(401, "AttestationError", reason="evidence", id="abcdef0123456789"))
                reply = self.agent(kbs).resource()
                self.refused(reply, 502, "agent.refused")
                self.assertEqual(reply.json["step"], step)
                self.assertEqual(reply.json["service_reason"], "evidence")
                self.assertEqual(reply.json["id"], "abcdef0123456789")
                self.assertEqual(reply.json["service_status"], 401)
                self.assertEqual(kbs.count("resource"), 0)

    def test_a_refusal_does_not_last(self):
        kbs = self.kbs()
        kbs.script["attest"].append(error(401, "AttestationError"))
        agent = self.agent(kbs)
        self.refused(agent.resource(), 502, "agent.refused")
        self.assertEqual(agent.resource().body, SECRET)

    def test_a_busy_service_is_waited_for_once(self):
        for status in (429, 503):
            for step in ("auth", "attest", "resource"):
                with self.subTest(f"{status} at {step}"):
                    kbs = self.kbs()
                    kbs.script[step].append(error(status, "x", retry_after=1))
                    start = time.monotonic()
                    self.assertEqual(self.agent(kbs).resource().body, SECRET)
                    self.assertGreaterEqual(time.monotonic() - start, 1)
                    self.assertEqual(kbs.count(step), 2)

    def test_a_service_that_stays_busy_is_said_to_be(self):
        kbs = self.kbs()
        kbs.script["auth"] += [error(503, "x", retry_after=1)] * 5
        reply = self.agent(kbs).resource()
        self.refused(reply, 502, "agent.busy")
        self.assertEqual(reply.headers["retry-after"], "1")
        self.assertEqual(kbs.count("auth"), 2)

    def test_a_wait_longer_than_the_deadline_is_not_begun(self):
        kbs = self.kbs()
        kbs.script["auth"].append(error(429, "x", retry_after=60))
        start = time.monotonic()
        reply = self.agent(kbs, "--timeout", "3").resource()
        self.assertLess(time.monotonic() - start, 2)
        self.refused(reply, 502, "agent.busy")
        self.assertEqual(reply.headers["retry-after"], "60")

    def test_a_failing_service_is_a_bad_gateway(self):
        for step in ("auth", "attest", "resource"):
            with self.subTest(step):
                kbs = self.kbs()
                kbs.script[step].append(Answer(500, b"oops"))
                self.refused(self.agent(kbs).resource(), 502, "agent.service")

    def test_answers_that_are_not_the_protocols_are_a_bad_gateway(self):
        garbage = {
            "auth": [b"", b"{", b"[]", b'{"nonce":1}', b'{"nonce":""}', b'{"extra-params":""}',
                     b'{"nonce":"a","extra-params":{"selected-hash-algorithm":"md5"}}', b"\xff\xfe", b"<html>"],
            "attest": [b"", b"{}", b'{"token":1}', b'{"token":"a\\nb"}', b'{"token":""}'],
            "resource": [b"", b"{}", b"secret in the clear", b'{"protected":"e30","encrypted_key":"","iv":"",'
                         b'"ciphertext":"","tag":""}'],
        }
        for step, bodies in garbage.items():
            for body in bodies:
                with self.subTest(step=step, body=body):
                    kbs = self.kbs()
                    kbs.script[step].append(Answer(200, body))
                    reply = self.agent(kbs).resource()
                    self.refused(reply, 502, "agent.answer")
                    self.assertEqual(reply.json["step"], step)

    def test_a_jwe_that_was_altered_or_is_for_another_key_is_refused(self):
        kbs = self.kbs()
        agent = self.agent(kbs)

        def altered(member):
            def answer(request, body):
                sealed = json.loads(kbs.resource(request, body).body)
                sealed[member] = ("B" if sealed[member][0] == "A" else "A") + sealed[member][1:]
                return Answer(200, sealed)
            return answer

        for member in ("ciphertext", "tag", "iv", "encrypted_key"):
            with self.subTest(member):
                kbs.script["resource"].append(altered(member))
                self.refused(agent.resource(), 502, "agent.answer")

    def test_other_statuses_are_a_bad_gateway(self):
        for status in (201, 204, 400, 418):
            with self.subTest(status):
                kbs = self.kbs()
                kbs.script["resource"].append(Answer(status, b""))
                self.refused(self.agent(kbs).resource(), 502, "agent.answer")

    def test_redirects_are_not_followed(self):
        other, kbs = self.kbs(), self.kbs()
        for step in ("auth", "resource"):
            with self.subTest(step):
                kbs.script[step].append(Answer(307, b"", {"Location": f"{other.url}/kbs/v0/auth"}))
                self.refused(self.agent(kbs).resource(), 502, "agent.answer")
        self.assertEqual(other.count("auth") + other.count("resource"), 0)

    def test_a_url_without_a_kbs_is_said_so(self):
        kbs = self.kbs()
        kbs.script["auth"].append(Answer(404, b"not here"))
        reply = self.agent(kbs).resource()
        self.refused(reply, 502, "agent.answer")
        self.assertIn("KBS", reply.json["error"])

    def test_an_answer_without_end_is_cut_off(self):
        kbs = self.kbs()
        kbs.script["resource"].append(Answer(200, bytes(9 << 20)))
        self.refused(self.agent(kbs).resource(), 502, "agent.answer")


class Network(AgentCase):
    def test_a_service_that_is_not_there_is_a_bad_gateway(self):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{s.getsockname()[1]}"
        agent = self.enterContext(Agent(url))
        reply = agent.resource()
        self.refused(reply, 502, "agent.unreachable")
        self.assertNotIn("service_status", reply.json)

    def test_a_connection_that_closes_is_a_bad_gateway(self):
        for step in ("auth", "attest", "resource"):
            for raw in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"):
                with self.subTest(step=step, raw=raw):
                    kbs = self.kbs()
                    # Twice: a connection that was kept and has ended meanwhile is replaced once.
                    kbs.script[step] += [Answer(raw=raw, close=True)] * 2
                    self.refused(self.agent(kbs).resource(), 502, "agent.unreachable")

    def test_an_answer_that_is_not_http_is_a_bad_gateway(self):
        kbs = self.kbs()
        kbs.script["auth"].append(Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"))
        self.refused(self.agent(kbs).resource(), 502, "agent.answer")

    def test_a_slow_service_is_given_up_at_the_deadline(self):
        kbs = self.kbs()
        kbs.script["attest"].append(Answer(200, {"token": "x"}, delay=30))
        agent = self.agent(kbs, "--timeout", "1")
        start = time.monotonic()
        self.refused(agent.resource(), 502, "agent.unreachable")
        self.assertLess(time.monotonic() - start, 3)

    def test_the_agent_stops_while_it_waits_for_the_service(self):
        kbs = self.kbs()
        kbs.script["attest"].append(Answer(200, {"token": "x"}, delay=30))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            with Agent(kbs.url) as agent:
                waiting = pool.submit(agent.resource)
                while kbs.count("attest") == 0:
                    time.sleep(0.02)
                start = time.monotonic()
            self.assertLess(time.monotonic() - start, 5)
            self.assertEqual(agent.status, 0)
            try:
                self.assertEqual(waiting.result().status, 502)
            except (ConnectionError, http.client.HTTPException):
                pass

    def certificate(self, folder, name):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kbs")])
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
                       .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                       .not_valid_after(now + datetime.timedelta(hours=1))
                       .add_extension(x509.BasicConstraints(True, None), True)
                       .add_extension(x509.SubjectAlternativeName([name]), False).sign(key, hashes.SHA256()))
        files = [os.path.join(folder, f) for f in ("cert.pem", "key.pem")]
        with open(files[0], "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
        with open(files[1], "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
        return files

    def test_tls_needs_a_certificate_that_is_trusted_and_of_that_name(self):
        from cryptography import x509
        with tempfile.TemporaryDirectory() as folder:
            files = self.certificate(folder, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
            kbs = self.kbs(tls=files)
            self.assertEqual(self.agent(kbs, "--kbs-cert", files[0]).resource().body, SECRET)
            with open(files[0]) as file:
                pem = file.read()
            self.assertEqual(self.agent(kbs, environment={"KBS_CERT": pem}).resource().body, SECRET)
            self.refused(self.agent(kbs).resource(), 502, "agent.tls")
        with tempfile.TemporaryDirectory() as folder:
            files = self.certificate(folder, x509.DNSName("other.example"))
            kbs = self.kbs(tls=files)
            self.refused(self.agent(kbs, "--kbs-cert", files[0]).resource(), 502, "agent.tls")
            self.assertEqual(kbs.count("auth"), 0)


class Workload(AgentCase):
    def test_a_token_comes_with_its_key_pair(self):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        kbs = self.kbs()
        reply = self.agent(kbs).get("/aa/token?token_type=kbs")
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "application/octet-stream"))
        self.assertEqual(set(reply.json), {"token", "tee_keypair"})
        numbers = load_pem_private_key(reply.json["tee_keypair"].encode(), None).public_key().public_numbers()
        x = base64.urlsafe_b64encode(numbers.x.to_bytes(32, "big")).rstrip(b"=").decode()
        self.assertEqual(kbs.tokens[reply.json["token"]]["x"], x)

    def test_evidence_holds_the_runtime_data_as_it_stands(self):
        agent = self.agent(self.kbs())
        reply = agent.get("/aa/evidence?runtime_data=xxxx")
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "application/octet-stream"))
        self.assertEqual(reply.json, {"report_data": "eHh4eA==", "svn": "1"})
        self.assertEqual(agent.get("/aa/evidence?encoding=base64&runtime_data=_-8").json["report_data"], "/+8=")

    def test_info_names_the_tee(self):
        reply = self.agent(self.kbs()).get("/info")
        self.assertEqual((reply.status, reply.headers["content-type"]), (200, "application/json"))
        self.assertEqual((reply.json["tee"], reply.json["feature"]), ("sample", "all"))

    def test_requests_that_are_not_understood(self):
        agent = self.agent(self.kbs())
        for path, status, body in [
            ("/aa/token", 400, b"BAD REQUEST"), ("/aa/token?token_type=coco_as", 400, b"BAD REQUEST"),
            ("/aa/evidence", 400, b"BAD REQUEST"), ("/aa/evidence?runtime_data=a&encoding=hex", 400, b"BAD REQUEST"),
            ("/aa/evidence?runtime_data=!!!&encoding=base64", 400, b"BAD REQUEST"),
            ("/nowhere", 404, b"URL NOT FOUND"), ("/", 404, b"URL NOT FOUND"), ("/cdh/resource", 404, b"URL NOT FOUND"),
        ]:
            with self.subTest(path):
                reply = agent.get(path)
                self.assertEqual((reply.status, reply.body), (status, body))
        self.assertEqual(agent.get("/info", "POST").status, 405)

    def test_paths_that_are_no_resource_never_leave_the_guest(self):
        kbs = self.kbs()
        agent = self.agent(kbs)
        for path in ("default/test", "default/test/key/more", "default/test/k%20y", "default/test/k%3fey", "a/b/%2e%2e"):
            with self.subTest(path):
                reply = agent.resource(path)
                self.assertEqual(reply.status, 400)
        self.assertEqual(kbs.count("auth") + kbs.count("resource"), 0)

    def test_features_can_be_left_out(self):
        agent = self.agent(self.kbs(), "--features", "resource")
        self.assertEqual(agent.resource().status, 200)
        for path in ("/aa/token?token_type=kbs", "/aa/evidence?runtime_data=a"):
            self.assertEqual((agent.get(path).status, agent.get(path).body), (404, b"Attestation Feature Not Enabled"))
        agent = self.agent(self.kbs(), "--features", "attestation")
        self.assertEqual((agent.resource().status, agent.resource().body), (404, b"Resource Feature Not Enabled"))

    def test_a_host_of_somebody_else_is_forbidden(self):
        kbs = self.kbs()
        agent = self.agent(kbs)
        for path in (f"/cdh/resource/{PATH}", "/aa/token?token_type=kbs", "/aa/evidence?runtime_data=a", "/info", "/x"):
            with self.subTest(path):
                self.assertEqual(agent.get(path, headers={"Host": "evil.example:8006"}).status, 403)
        self.assertEqual(agent.get("/info", headers={"Host": f"localhost:{agent.port}"}).status, 200)
        self.assertEqual(kbs.count("auth"), 0)

    def test_other_addresses_than_the_loopback_are_not_served(self):
        agent = self.agent(self.kbs())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
                address = probe.getsockname()[0]
            except OSError:
                self.skipTest("this machine has no other address")
        with self.assertRaises(OSError):
            socket.create_connection((address, agent.port), timeout=3)
        for listen in ("0.0.0.0:0", "[::]:0", f"{address}:0"):
            with self.subTest(listen):
                run = run_agent("--listen", listen, "--tee", "sample", "--aa-kbc-params", "cc_kbc::http://127.0.0.1")
                self.assertEqual(run.returncode, 2)
                self.assertIn(b"only loopback addresses", run.stderr)

    def test_an_address_that_is_taken_is_said_so(self):
        kbs = self.kbs()
        agent = self.agent(kbs)
        run = run_agent("--listen", f"127.0.0.1:{agent.port}", "--tee", "sample", "--aa-kbc-params", f"cc_kbc::{kbs.url}")
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"listen", run.stderr)


class Once(AgentCase):
    def once(self, kbs, *more):
        return run_agent("--once", PATH, "--tee", "sample", "--aa-kbc-params", f"cc_kbc::{kbs.url}", *more)

    def test_the_resource_goes_to_standard_output(self):
        run = self.once(self.kbs())
        self.assertEqual((run.returncode, run.stdout), (0, SECRET))

    def test_the_exit_code_tells_what_was_wrong(self):
        cases = [("resource", error(403, "PolicyDeny"), 3), ("resource", error(404, "x"), 4),
                 ("auth", Answer(500), 5), ("attest", error(401, "AttestationError"), 7)]
        for step, answer, code in cases:
            with self.subTest(code):
                kbs = self.kbs()
                kbs.script[step].append(answer)
                run = self.once(kbs)
                self.assertEqual((run.returncode, run.stdout), (code, b""), run.stderr)
        run = run_agent("--once", PATH, "--tee", "tpm", "--tcti", "swtpm:host=127.0.0.1,port=1", "--aa-kbc-params",
                        f"cc_kbc::{self.kbs().url}")
        self.assertEqual(run.returncode, 6, run.stderr)
        self.assertEqual(run_agent("--once", "a/b", "--aa-kbc-params", "cc_kbc::http://a", "--tee", "sample").returncode, 2)
        self.assertEqual(run_agent("--once", PATH, "--aa-kbc-params", "kbs", "--tee", "sample").returncode, 2)

    def test_the_service_may_stand_in_environment_file_or_kernel_command_line(self):
        kbs = self.kbs()
        with tempfile.TemporaryDirectory() as folder:
            config, cmdline = (os.path.join(folder, name) for name in ("agent.ini", "cmdline"))
            with open(config, "w") as file:
                file.write(f"[agent]\naa_kbc_params = cc_kbc::{kbs.url}\ntee = sample\n")
            with open(cmdline, "w") as file:
                file.write(f"quiet agent.aa_kbc_params=cc_kbc::{kbs.url} root=/dev/vda\n")
            runs = [run_agent("--once", PATH, "--config", config),
                    run_agent("--once", PATH, "--tee", "sample", "--cmdline", cmdline),
                    run_agent("--once", PATH, "--tee", "sample", environment={"AA_KBC_PARAMS": f"cc_kbc::{kbs.url}"})]
        self.assertEqual([(run.returncode, run.stdout) for run in runs], [(0, SECRET)] * 3)

    def test_evidence_alone_needs_no_service(self):
        run = run_agent("--evidence-only", "78787878", "--tee", "sample")
        self.assertEqual(json.loads(run.stdout), {"report_data": "eHh4eA==", "svn": "1"})

    def test_sample_is_never_chosen_unasked(self):
        if any(os.path.exists(f"/dev/{d}") for d in ("tpm0", "tpmrm0", "tdx_guest", "sev-guest")):
            self.skipTest("this machine has a TEE or a TPM")
        run = run_agent("--evidence-only", "00")
        self.assertEqual((run.returncode, run.stdout), (6, b""))
        self.assertIn(b"no TEE found", run.stderr)


AK_HANDLE = "0x81010002"


@unittest.skipIf(swtpm.missing(), f"not installed: {swtpm.missing()}")
class Tpm(AgentCase):
    def tpm(self, scheme="rsassa", **options):
        """A TPM with a persistent attestation key; its public key in DER."""
        tpm = self.enterContext(swtpm.Swtpm())
        der = tpm.create_ak("ak", scheme, **options)
        tpm.run("tpm2_evictcontrol", "-c", "ak.ctx", AK_HANDLE)
        tpm.run("tpm2_flushcontext", "-t")
        return tpm, der

    @staticmethod
    def tcti(tpm):
        return tpm._environment["TPM2TOOLS_TCTI"]

    def verify(self, evidence, der, nonce):
        """What a verifier does, by the TPM specification, part 2 (TPMS_ATTEST, TPMT_SIGNATURE)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
        from cryptography.hazmat.primitives.serialization import load_der_public_key
        self.assertEqual(base64.b64decode(evidence["ak_public"]), der)
        quote = evidence["tpm_quote"]
        message, signature = (base64.b64decode(quote[m]) for m in ("message", "signature"))
        key = load_der_public_key(der)
        algorithm, hash_algorithm = int.from_bytes(signature[:2], "big"), int.from_bytes(signature[2:4], "big")
        self.assertEqual(hash_algorithm, 0x000b)
        if algorithm == 0x0014:
            size = int.from_bytes(signature[4:6], "big")
            self.assertEqual(len(signature), 6 + size)
            key.verify(signature[6:], message, padding.PKCS1v15(), hashes.SHA256())
        else:
            self.assertEqual(algorithm, 0x0018)
            size = int.from_bytes(signature[4:6], "big")
            r, rest = signature[6:6 + size], signature[6 + size:]
            s = rest[2:2 + int.from_bytes(rest[:2], "big")]
            pair = utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            key.verify(pair, message, ec.ECDSA(hashes.SHA256()))
        self.assertEqual(message[:6], b"\xffTCG\x80\x18")
        name = int.from_bytes(message[6:8], "big")
        extra = message[8 + name:]
        self.assertEqual(extra[:2], b"\x00\x20")
        self.assertEqual(extra[2:34], nonce)
        pcrs = [bytes.fromhex(p) for p in quote["pcrs"]]
        self.assertEqual(len(pcrs), 24)
        self.assertTrue(message.endswith(b"\x00\x20" + hashlib.sha256(b"".join(pcrs)).digest()))
        self.assertIn(b"\x00\x00\x00\x01\x00\x0b\x03\xff\xff\xff", message)
        return pcrs

    def test_a_quote_is_verified_by_another_implementation(self):
        tpm, der = self.tpm()
        tpm.extend(5, hashlib.sha256(b"measured").digest())
        expected = tpm.pcrs()
        tpm.run("tpm2_flushcontext", "-t")
        kbs = self.kbs()
        agent = self.agent(kbs, "--tee", "tpm", "--tcti", self.tcti(tpm))
        self.assertEqual(agent.resource().body, SECRET)
        self.assertEqual(kbs.seen["auth"][0][1]["tee"], "tpm")
        sent = kbs.seen["attest"][0][1]
        evidence = sent["tee-evidence"]["primary_evidence"]
        self.assertEqual(set(evidence), {"ak_public", "tpm_quote"})
        self.assertEqual(set(evidence["tpm_quote"]), {"message", "pcrs", "signature"})
        self.assertEqual(self.verify(evidence, der, runtime_hash(sent)[:32]), expected)

    def test_ecc_keys_quote_too(self):
        tpm, der = self.tpm("ecdsa")
        run = run_agent("--evidence-only", "01" * 48, "--tee", "tpm", "--tcti", self.tcti(tpm))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.verify(json.loads(run.stdout), der, b"\x01" * 32)

    def test_short_report_data_is_padded_with_zeros(self):
        tpm, der = self.tpm()
        run = run_agent("--evidence-only", "0102", "--tee", "tpm", "--tcti", self.tcti(tpm))
        self.verify(json.loads(run.stdout), der, b"\x01\x02" + bytes(30))

    def test_init_data_is_bound_once_to_pcr_8(self):
        tpm, der = self.tpm()
        kbs = self.kbs()
        toml = b'version = "0.1.0"\nalgorithm = "sha256"\n[data]\n'
        bound = hashlib.sha256(bytes(32) + hashlib.sha256(toml).digest()).digest()
        with tempfile.NamedTemporaryFile() as file:
            file.write(toml)
            file.flush()
            options = ("--tee", "tpm", "--tcti", self.tcti(tpm), "--init-data", file.name)
            for _ in range(2):
                run = run_agent("--evidence-only", "00", *options)
                self.assertEqual(self.verify(json.loads(run.stdout), der, bytes(32))[8], bound)
            self.assertEqual(self.agent(kbs, *options).resource().body, SECRET)
            tpm.extend(8, bytes(32))
            run = run_agent("--evidence-only", "00", *options)
            self.assertEqual(run.returncode, 6)
            self.assertIn(b"PCR 8 was extended with something else", run.stderr)

    def test_init_data_of_another_length_is_refused(self):
        tpm, _ = self.tpm()
        with tempfile.NamedTemporaryFile() as file:
            file.write(b'algorithm = "sha384"\n')
            file.flush()
            run = run_agent("--evidence-only", "00", "--tee", "tpm", "--tcti", self.tcti(tpm), "--init-data", file.name)
        self.assertEqual(run.returncode, 6)
        self.assertIn(b"sha256", run.stderr)

    def test_a_handle_without_key_is_said_so(self):
        tpm, _ = self.tpm()
        agent = self.agent(self.kbs(), "--tee", "tpm", "--tcti", self.tcti(tpm), "--ak-handle", "0x81010077")
        reply = agent.resource()
        self.refused(reply, 502, "agent.evidence")
        self.assertIn("0x81010077", reply.json["error"])
        self.assertEqual(reply.json["step"], "evidence")

    def test_the_environment_names_handle_and_upstreams_device(self):
        tpm, der = self.tpm()
        tpm.run("tpm2_evictcontrol", "-c", "ak.ctx", "0x81010005")
        tpm.run("tpm2_flushcontext", "-t")
        run = run_agent("--evidence-only", "00", "--tee", "tpm", "--tcti", self.tcti(tpm),
                        environment={"AA_TPM_AK_HANDLE": "81010005"})
        self.verify(json.loads(run.stdout), der, bytes(32))
        run = run_agent("--evidence-only", "00", "--tee", "tpm", environment={"AA_TPM_DEVICE": "/nonexistent/tpm"})
        self.assertEqual(run.returncode, 6)
        self.assertIn(b"device:/nonexistent/tpm", run.stderr)


if __name__ == "__main__":
    unittest.main()
