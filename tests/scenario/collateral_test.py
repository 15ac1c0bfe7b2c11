#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Collateral from the vendors' services, which are slow, wrong, busy or gone: whoever attests gets an answer or is told
when to come again, and never pays for a service that is down. Evidence and collateral are of a vendor made up here."""

import asyncio
import datetime
import hashlib
import ipaddress
import json
import os
import re
import ssl
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import trusteed  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402
from fake_kds import FakeKds  # noqa: E402
from fake_pcs import Answer, FakePcs  # noqa: E402
from forge import Forge  # noqa: E402

DAY = 86400


class Authority:
    """A CA of our own, and a server certificate for 127.0.0.1."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory(prefix="collateral-ca-")
        self.ca = os.path.join(self.home.name, "ca.pem")
        self.server = os.path.join(self.home.name, "server.pem")
        key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = self._certificate("collateral test CA", key.public_key(), key, None, True)
        leaf = self._certificate("127.0.0.1", own.public_key(), key, ca, False)
        with open(self.ca, "wb") as f:
            f.write(ca.public_bytes(serialization.Encoding.PEM))
        with open(self.server, "wb") as f:
            f.write(own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))
            f.write(leaf.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _certificate(name, public, signer, issuer, is_ca):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
        builder = builder.public_key(public).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(30))
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), True)
        if not is_ca:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
            builder = builder.add_extension(names, False)
        return builder.sign(signer, hashes.SHA256())

    def wrap(self, service):
        """Makes the fake service speak TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        service.server.socket = context.wrap_socket(service.server.socket, server_side=True,
                                                    do_handshake_on_connect=False)
        service.server.handle_error = lambda *_: None  # handshakes that the daemon gives up are part of the tests
        service.url = service.url.replace("http://", "https://")
        return service


class Machine:
    """A platform of a vendor made up here, and the verifier that trusts that vendor."""

    def __init__(self, forge, tee):
        self.forge, self.tee = forge, tee

    def sections(self):
        return f"\n[plugin {self.tee}]\ntrust_anchor = {self.forge.path('root.pem')}\n"

    def evidence(self, binding):
        return self.forge.evidence(binding)


class Site(trusteed.Daemon):
    """A daemon with a verifier, whose collateral comes from a fake service."""

    def __init__(self, machine, options, settings=None, sections=""):
        super().__init__({**(settings or {}), "collateral": options}, machine.sections() + sections)
        self.machine = machine

    def ask(self, alter=None):
        """Cookie and body of an attestation that is good, but for what alter() does to its evidence."""
        cookie, nonce = self.auth(self.machine.tee)
        runtime = {"nonce": nonce, "tee-pubkey": KEY.public}
        binding = hashlib.sha384(trusteed.canonical({"additional-evidence": "", **runtime})).digest()
        evidence = self.machine.evidence(binding)
        if alter:
            alter(evidence)
        return cookie, {"init-data": None, "runtime-data": runtime,
                        "tee-evidence": {"primary_evidence": evidence, "additional_evidence": ""}}

    def attest_now(self, timeout=30):
        cookie, body = self.ask()
        return self.request("POST", "/kbs/v0/attest", body, {"Cookie": "kbs-session-id=" + cookie}, timeout)

    def record(self, answer):
        """Of a refusal."""
        return self.admin("GET", "/admin/v1/decisions/" + answer.json()["id"]).json()

    def metric(self, name):
        text = self.admin("GET", "/metrics").body.decode()
        found = re.search(rf"(?m)^{re.escape(name)} (-?\d+)$", text)
        return int(found[1]) if found else None


KEY = trusteed.Key()


class Vendor(unittest.TestCase):
    """A vendor's service that may misbehave, and a daemon that asks it."""

    kind = tee = None
    always = {}  # options of forge

    @classmethod
    def setUpClass(cls):
        if not cls.kind:
            raise unittest.SkipTest("what the vendors' tests share")
        cls.authority = Authority()
        cls.forge = Forge(cls.kind, **cls.always)
        cls.forge.__enter__()
        cls.addClassCleanup(cls.forge.__exit__)
        cls.machine = Machine(cls.forge, cls.tee)

    def setUp(self):
        self.service = self.authority.wrap(self.fake()).__enter__()
        self.addCleanup(self.service.__exit__)

    def fake(self):
        raise NotImplementedError

    def origins(self):
        raise NotImplementedError

    def site(self, settings=None, sections="", **options):
        known = {**self.origins(), "ca": self.authority.ca, "wait": "5s", "timeout": "4s", **options}
        known = {k: v for k, v in known.items() if v is not None}
        site = Site(self.machine, known, settings, sections)
        site.__enter__()
        self.addCleanup(site.__exit__)
        return site

    @staticmethod
    def kept(site):
        """Files in its folder, but the one that says of what version it is."""
        return [n for n in os.listdir(os.path.join(site.home, "collateral")) if n != "VERSION"]

    def told_to_come_again(self, answer, at_most=None):
        self.assertEqual(answer.status, 503, answer)
        wait = int(answer.header("retry-after"))
        self.assertGreaterEqual(wait, 1)
        if at_most:
            self.assertLessEqual(wait, at_most)


class Intel(Vendor):
    """What holds for every vendor; shown with Intel's services."""

    kind, tee = "dcap", "tdx"

    def fake(self):
        return FakePcs(self.forge.folder)

    def origins(self):
        return {"intel_pcs": self.service.url, "intel_root_crl": self.service.root_crl_url()}

    # --- what works --------------------------------------------------------------------------------------------------
    def test_what_is_needed_is_fetched_once_and_serves_from_then_on(self):
        site = self.site()
        for _ in range(3):
            answer = site.attest_now()
            self.assertEqual(answer.status, 200, (answer, site.log_text()[-2000:]))
        self.assertEqual(len(self.service.seen), len(set(self.service.seen)), self.service.seen)
        self.assertEqual(site.metric('trustee_collateral_items{kind="intel/tcb-info"}'), 1)
        left = site.metric('trustee_collateral_expiry_seconds{kind="intel/tcb-info"}')
        self.assertTrue(0 < left < 60 * DAY, left)
        self.assertEqual(site.metric("trustee_collateral_waiting"), 0)

    def test_what_was_fetched_outlives_a_restart_without_a_network(self):
        site = self.site()
        self.assertEqual(site.attest_now().status, 200)
        site.stop()
        self.service.behave = lambda path, query: Answer(close=True)
        site.start()
        for _ in range(3):
            self.assertEqual(site.attest_now().status, 200)

    def test_without_a_network_nobody_is_asked_and_the_guest_is_told_to_come_again(self):
        site = self.site(network="no")
        answer = site.attest_now()
        self.told_to_come_again(answer)
        self.assertEqual(self.service.seen, [])
        record = site.record(answer)
        self.assertEqual(record["reason"], "attest.collateral")
        self.assertIn("network = no", record["text"])

    def test_what_is_due_is_renewed_while_it_serves(self):
        site = self.site(refresh="1m", prefetch="60d")  # in force for 30 days: it is due as soon as it is there
        self.assertEqual(site.attest_now().status, 200)
        site.stop()
        asked = self.service.count("/tdx/certification/v4/tcb")
        site.start()
        self.assertEqual(site.attest_now().status, 200)
        deadline = time.monotonic() + 50
        while self.service.count("/tdx/certification/v4/tcb") == asked and time.monotonic() < deadline:
            time.sleep(0.5)
            self.assertEqual(site.attest_now().status, 200)
        self.assertGreater(self.service.count("/tdx/certification/v4/tcb"), asked)

    # --- what has expired --------------------------------------------------------------------------------------------
    def expired(self, option=""):
        """A site whose vendor serves what expired ten days ago."""
        old = Forge("dcap", at=int(time.time()) - 40 * DAY)
        old.__enter__()
        self.addCleanup(old.__exit__)
        self.service.folder = old.folder
        site = Site(Machine(old, "tdx"), {**self.origins(), "ca": self.authority.ca, "wait": "2s"}, None, option)
        site.__enter__()
        self.addCleanup(site.__exit__)
        return site

    def test_what_has_expired_and_cannot_be_renewed_is_not_the_guests_fault(self):
        site = self.expired()
        answer = site.attest_now()
        self.told_to_come_again(answer)
        self.assertEqual(site.record(answer)["reason"], "attest.collateral")
        self.assertLess(site.metric('trustee_collateral_expiry_seconds{kind="intel/tcb-info"}'), 0)

    def test_a_verifier_may_be_told_to_accept_what_has_expired(self):
        site = self.expired("expired_collateral = claim\n")
        answer = site.attest_now()
        self.assertEqual(answer.status, 200, (answer, site.log_text()[-1500:]))

    # --- what does not -----------------------------------------------------------------------------------------------
    def test_a_service_that_is_gone_makes_nobody_a_liar(self):
        site = self.site(wait="2s")
        self.service.__exit__()
        answer = site.attest_now()
        self.told_to_come_again(answer)
        record = site.record(answer)
        self.assertEqual(record["reason"], "attest.collateral")
        self.assertRegex(record["text"], "intel/(tcb-info|pck-crl|qe-identity|root-crl)")
        self.service = self.authority.wrap(self.fake()).__enter__()

    def test_a_service_that_never_answers_costs_the_deadline_and_no_more(self):
        site = self.site(wait="2s")
        self.service.behave = lambda path, query: Answer(delay=20)
        start = time.monotonic()
        self.told_to_come_again(site.attest_now())
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(site.request("GET", "/healthz").status, 200)

    def test_a_service_that_drips_costs_the_deadline_and_no_more(self):
        site = self.site(wait="3s")
        self.service.behave = lambda path, query: Answer(body=b" " * 4000, drip=0.2)
        start = time.monotonic()
        self.told_to_come_again(site.attest_now())
        self.assertLess(time.monotonic() - start, 7)

    def test_wrong_answers_are_never_kept(self):
        chain = {"TCB-Info-Issuer-Chain": "%2D" * 30000}
        wrong = {
            "a page": Answer(body=b"<html>please log in</html>", headers={"Content-Type": "text/html"}),
            "ten megabytes": Answer(body=b"{" + b" " * (10 << 20) + b"}"),
            "nothing": Answer(body=b""),
            "an empty object, no chain": Answer(body=b"{}"),
            "a bomb of percent signs": Answer(body=b"{}", headers=chain),
            "headers without end": Answer(body=b"{}", headers={f"x-{i}": "y" * 8000 for i in range(90)}),
            "half": Answer(body=b"{", headers={"Content-Length": "100"}),
            "a redirect to a file": Answer(302, headers={"Location": "file:///etc/passwd"}),
            "a redirect to another host": Answer(301, headers={"Location": "http://127.0.0.1:1/"}),
            "no content": Answer(204),
            "part": Answer(206, body=b"{}"),
            "forbidden": Answer(403),
            "no HTTP": Answer(raw=b"220 smtp.example ESMTP\r\n"),
            "a fault": Answer(500),
        }
        for name, answer in wrong.items():
            with self.subTest(name):
                site = self.site(wait="2s")
                self.service.behave = lambda path, query: answer
                self.told_to_come_again(site.attest_now())
                self.assertEqual(site.metric('trustee_collateral_items{kind="intel/tcb-info"}'), 0)
                self.assertEqual(self.kept(site), [])
                self.service.behave = None
                site.stop()
                site.start()
                answer_then = site.attest_now()
                self.assertEqual(answer_then.status, 200, (answer_then, site.log_text()[-1500:]))
                site.stop()

    def test_collateral_of_somebody_else_is_never_kept(self):
        with Forge("dcap") as other, FakePcs(other.folder) as foreign:
            def behave(path, query):
                return foreign.regular(path, {**query, "fmspc": foreign.text("fmspc")}) if "fmspc" in query \
                    else foreign.regular(path, query)
            site = self.site(wait="2s")
            self.service.behave = behave
            answer = site.attest_now()
            self.assertIn(answer.status, (401, 503))
            self.assertIn(site.record(answer)["reason"], ("attest.collateral_refused", "attest.collateral"))
            self.assertEqual(self.kept(site), [])

    def test_a_certificate_of_nobody_we_trust_is_refused(self):
        site = self.site(wait="2s", ca=None)
        answer = site.attest_now()
        self.told_to_come_again(answer)
        self.assertRegex(site.record(answer)["text"], "(?i)certificate")
        self.assertEqual(self.service.seen, [])

    def test_a_platform_that_the_vendor_does_not_know_is_refused_and_not_asked_for_again(self):
        site = self.site()
        self.service.behave = lambda path, query: Answer(404) if "fmspc" in query else None
        for _ in range(3):
            answer = site.attest_now()
            self.assertEqual(answer.status, 401, answer)
            self.assertEqual(site.record(answer)["reason"], "attest.collateral_none")
        self.assertEqual(self.service.count("/tdx/certification/v4/tcb"), 1)

    def test_a_busy_service_is_left_alone_as_long_as_it_says(self):
        site = self.site()
        self.service.behave = lambda path, query: Answer(429, headers={"Retry-After": "120"})
        answer = site.attest_now()
        self.told_to_come_again(answer)
        self.assertGreater(int(answer.header("retry-after")), 100)
        asked = len(self.service.seen)
        self.told_to_come_again(site.attest_now())
        self.assertEqual(len(self.service.seen), asked)

    def test_the_end_does_not_wait_for_a_service(self):
        site = self.site(wait="30s", timeout="30s")
        self.service.behave = lambda path, query: Answer(delay=20)
        cookie, body = site.ask()
        data = json.dumps(body).encode()
        head = f"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nCookie: kbs-session-id={cookie}\r\n" \
               f"Content-Length: {len(data)}\r\n\r\n"
        with site.connect(20) as sock:
            sock.sendall(head.encode() + data)
            time.sleep(1)
            start = time.monotonic()
            self.assertEqual(site.stop(), 0)
            self.assertLess(time.monotonic() - start, 4)
            self.told_to_come_again(trusteed.receive(sock))

    # --- many --------------------------------------------------------------------------------------------------------
    def test_a_thousand_at_once_and_a_service_that_first_answers_429(self):
        thousand(self, self.site(wait="8s"), self.service, "/")

    def test_who_waits_holds_a_quarter_of_the_slots_and_others_are_served(self):
        site = self.site({"http": {"slots": 8}, "service": {"workers": 1}}, wait="4s", timeout="10s")
        self.service.behave = lambda path, query: Answer(delay=20)
        bodies = [site.ask() for _ in range(30)]
        start = time.monotonic()
        answers = asyncio.run(all_at_once(site, bodies))
        self.assertLess(time.monotonic() - start, 10)
        quick = sum(seconds < 2 for _, seconds, _ in answers)
        self.assertEqual({status for status, _, _ in answers}, {503})
        self.assertEqual(len(answers) - quick, 2, "two of eight slots wait")
        self.assertTrue(all(wait >= 1 for _, _, wait in answers))


class Amd(Vendor):
    """What only SEV-SNP has: a certificate for each processor, named by evidence that nothing has authenticated yet."""

    kind, tee = "snp", "snp"
    always = {"case": "without_vcek"}

    def fake(self):
        return FakeKds(self.forge.folder)

    def origins(self):
        return {"amd_kds": self.service.url}

    def vceks(self):
        return [s for s in self.service.seen if "SPL=" in s]

    def test_an_unknown_chip_is_fetched_once(self):
        site = self.site()
        for _ in range(3):
            answer = site.attest_now()
            self.assertEqual(answer.status, 200, (answer, site.log_text()[-2000:]))
        self.assertEqual(len(self.vceks()), 1, self.service.seen)

    def test_a_thousand_of_one_unknown_chip_against_a_kds_that_first_answers_429(self):
        self.assertEqual(thousand(self, self.site(wait="8s"), self.service, "/vcek/"), 1, "one request at a time")

    def test_a_kds_that_is_gone_busy_or_broken_makes_nobody_a_liar(self):
        for answer in (Answer(429), Answer(503), Answer(500), Answer(close=True), Answer(delay=9)):
            site = self.site(wait="2s")
            self.service.behave = lambda path, query: answer
            self.told_to_come_again(site.attest_now())
            self.service.behave = None
            site.stop()

    def test_a_chip_that_amd_does_not_know_is_refused(self):
        site = self.site()
        self.service.behave = lambda path, query: Answer(404) if "blSPL" in query else None
        for _ in range(3):
            answer = site.attest_now()
            self.assertEqual(answer.status, 401, answer)
            self.assertEqual(site.record(answer)["reason"], "attest.collateral_none")
        self.assertEqual(len(self.vceks()), 1)

    def test_a_certificate_of_another_chip_is_not_kept_under_this_ones_name(self):
        with Forge("snp") as other:
            site = self.site(wait="2s")
            self.service.behave = lambda path, query: Answer(body=other.read("vcek.der")) if "blSPL" in query else None
            answer = site.attest_now()
            self.assertEqual(answer.status, 401, answer)
            self.assertEqual(site.record(answer)["reason"], "attest.collateral_refused")
            self.assertEqual(site.metric('trustee_collateral_items{kind="amd/vcek"}'), 0)

    def test_an_address_that_names_chip_after_chip_is_told_to_wait_and_a_known_chip_is_served(self):
        site = self.site(address_budget=3)
        self.assertEqual(site.attest_now().status, 200)
        statuses = []
        for i in range(6):
            def rename(evidence, first=1 + i):
                evidence["attestation_report"]["chip_id"][0] = first
            cookie, body = site.ask(rename)
            answer = site.request("POST", "/kbs/v0/attest", body, {"Cookie": "kbs-session-id=" + cookie})
            statuses.append(answer.status)
        self.assertIn(503, statuses)
        self.assertLessEqual(len(self.vceks()), 3)
        self.assertEqual(site.attest_now().status, 200)


async def one(site, cookie, body):
    """Status, seconds and Retry-After of one attestation."""
    data = json.dumps(body).encode()
    start = time.monotonic()
    for _ in range(20):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            break
        except OSError:
            await asyncio.sleep(0.2)
    writer.write(f"POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: kbs-session-id={cookie}\r\n"
                 f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    head = answer.split(b"\r\n\r\n")[0].decode()
    wait = re.search(r"(?im)^retry-after: (\d+)", head)
    return int(head.split(" ")[1]), time.monotonic() - start, int(wait[1]) if wait else 0


async def all_at_once(site, bodies):
    return await asyncio.gather(*(one(site, cookie, body) for cookie, body in bodies))


def thousand(test, site, service, path):
    """1,000 parallel attestations of one unknown platform against a service that answers 429 first."""
    together, most = [0], [0]
    regular = service.regular

    def counted(p, query):
        with service.lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        time.sleep(0.05)
        with service.lock:
            together[0] -= 1
        return regular(p, query)

    service.regular = counted
    bodies = [site.ask() for _ in range(1000)]
    before = len(service.seen)
    service.script = [Answer(429, headers={"Retry-After": "1"}) for _ in range(2)]
    answers = asyncio.run(all_at_once(site, bodies))
    statuses = [status for status, _, _ in answers]
    test.assertEqual(set(statuses) - {200, 503}, set(), statuses)
    test.assertIn(200, statuses)
    test.assertTrue(all(wait >= 1 for status, _, wait in answers if status == 503))
    seen = [s for s in service.seen[before:] if s.startswith(path)]
    for item in set(seen):
        test.assertLessEqual(seen.count(item), 3, "once, and again after each 429")
    test.assertEqual(site.metric("trustee_collateral_waiting"), 0)
    again = asyncio.run(all_at_once(site, [site.ask() for _ in range(20)]))
    test.assertEqual({status for status, _, _ in again}, {200})
    return most[0]


if __name__ == "__main__":
    unittest.main()
