#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The storage plugin `redis` on a real server."""

import datetime
import ipaddress
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    import backends
    import trusteed
    from backends import Scenarios
    MISSING = trusteed.missing() + ([] if backends.Redis.program else ["redis-server"])
    if not os.path.exists(os.path.join(trusteed.BUILD, "plugins/redis.so")):
        MISSING.append("plugins/redis.so")
except ImportError as problem:
    MISSING = [str(problem)]
    Scenarios = object


def setUpModule():
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))


class Plain(Scenarios, unittest.TestCase):
    def make_server(self):
        return backends.Redis()

    def connections(self):
        return self.server.command("CLIENT", "LIST").count(b"db=3")

    def writable(self, yes):
        self.server.command("CONFIG", "SET", "maxmemory", "0" if yes else "1")

    def test_no_request_walks_over_the_servers_keys(self):
        daemon = self.start_with_value()
        self.assertEqual(self.names(daemon), {backends.PATH: 7})
        stats = self.server.command("INFO", "commandstats").decode()
        self.assertIn("cmdstat_smembers", stats)
        self.assertNotRegex(stats, "cmdstat_(keys|scan):")

    def test_a_database_of_upstreams_is_read_and_listed_when_asked_for(self):
        for path, value in (("repository:default/old/key", "hunter2"), ("repository:default/old/other", "x"),
                            ("provisioner:default/not/ours", "y")):
            self.upstream_writes(path, value)
        daemon = self.daemon()
        self.guest(daemon)
        self.assertEqual(self.value(daemon, "default/old/key"), b"hunter2")
        self.assertEqual(self.names(daemon), {})
        asked = self.daemon(self.server.section(extra="index_upstream = yes\n"))
        self.assertEqual(self.names(asked), {"default/old/key": 7, "default/old/other": 1})

    def upstream_writes(self, key, value):
        with backends.socket.create_connection(("127.0.0.1", self.server.port), 5) as s:
            for words in (["AUTH", backends.PASSWORD], ["SELECT", "3"], ["SET", key, value]):
                s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
                self.assertEqual(s.recv(100), b"+OK\r\n")

    def test_the_password_may_stand_in_the_url_or_in_a_file(self):
        escaped = "".join(f"%{b:02X}" for b in backends.PASSWORD.encode())
        url = f"\n[plugin redis]\nurl = redis://default:{escaped}@127.0.0.1:{self.server.port}/3\n"
        self.assertTrue(self.ready(self.daemon(url)))
        path = os.path.join(self.server.folder, "secret")
        with open(path, "w", encoding="ascii") as f:
            f.write(backends.PASSWORD + "\n")
        file = f"\n[plugin redis]\nurl = redis://127.0.0.1:{self.server.port}\npassword_file = {path}\ndatabase = 3\n"
        self.assertTrue(self.ready(self.daemon(file)))

    def test_no_password_where_one_is_wanted_is_refused_with_words(self):
        text = self.refused(f"\n[plugin redis]\nurl = redis://127.0.0.1:{self.server.port}\n")
        self.assertIn("refuses us", text)

    def test_a_bad_url_is_refused_and_not_shown(self):
        text = self.refused(f"\n[plugin redis]\nurl = http://u:{backends.PASSWORD}@127.0.0.1:1\n")
        self.assertIn("url is not of the form", text)

    def test_a_server_that_forgets_is_warned_of(self):
        self.server.command("CONFIG", "SET", "appendonly", "no")
        self.assertIn("may forget", self.daemon().log_text())

    def test_nothing_of_a_value_stays_in_memory(self):
        for size in (1, 4000):
            needle = os.urandom(16).hex().encode()
            writer, reader = self.daemon(), self.daemon()
            self.guest(reader)
            self.assertEqual(self.put(writer, needle * size).status, 200)
            for _ in range(5):
                self.assertEqual(self.value(reader), needle * size)
            for daemon in (writer, reader):
                left = backends.left_in_memory(daemon.process.pid, needle)
                if left is None:
                    self.skipTest("only root may look into the service's memory")
                self.assertEqual(left, 0)

    def test_a_value_of_another_type_is_no_value(self):
        daemon = self.start_with_value()
        with backends.socket.create_connection(("127.0.0.1", self.server.port), 5) as s:
            for words in (["AUTH", backends.PASSWORD], ["SELECT", "3"], ["RPUSH", "repository:default/a/list", "x"]):
                s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
                s.recv(100)
        self.assertEqual(daemon.get("default/a/list", cookie=self.cookie).status, 503)
        self.assertEqual(self.value(daemon), b"hunter2")


class Tls(unittest.TestCase):
    def make(self, folder, name, issuer=None):
        """A certificate for 127.0.0.1 and its key, signed by itself or by another of these."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject)
                   .issuer_name(issuer[0].subject if issuer else subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.BasicConstraints(not issuer, None), True)
                   .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                                                               x509.DNSName("redis.example")]), False))
        certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
        for suffix, data in (("crt", certificate.public_bytes(serialization.Encoding.PEM)),
                             ("key", key.private_bytes(serialization.Encoding.PEM,
                                                       serialization.PrivateFormat.PKCS8,
                                                       serialization.NoEncryption()))):
            with open(os.path.join(folder, f"{name}.{suffix}"), "wb") as f:
                f.write(data)
        return certificate, key

    def setUp(self):
        self.folder = backends.tempfile.mkdtemp(prefix="redis-tls-")
        self.addCleanup(backends.shutil.rmtree, self.folder)
        ca = self.make(self.folder, "ca")
        self.make(self.folder, "server", ca)
        self.make(self.folder, "client", ca)
        self.make(self.folder, "other")
        self.port = trusteed.free_port()
        self.server = backends.Redis("--tls-port", str(self.port), "--tls-cert-file", self.path("server.crt"),
                                     "--tls-key-file", self.path("server.key"), "--tls-ca-cert-file", self.path("ca.crt"))
        try:
            self.server.__enter__()
        except RuntimeError as trouble:
            if "tls" in str(trouble).lower():
                self.skipTest("this redis-server has no TLS")
            raise
        self.addCleanup(self.server.__exit__)

    def path(self, name):
        return os.path.join(self.folder, name)

    def section(self, ca="ca.crt", extra="", client="client"):
        own = f"tls_certificate = {self.path(client + '.crt')}\ntls_key = {self.path(client + '.key')}\n" if client else ""
        return (f"\n[plugin redis]\nurl = rediss://127.0.0.1:{self.port}\npassword = {backends.PASSWORD}\ntimeout = 3s\n"
                f"tls_ca = {self.path(ca)}\n{own}{extra}")

    def daemon(self, section):
        daemon = trusteed.Daemon({"storage": {"use": "redis"}}, section)
        self.addCleanup(daemon.__exit__)
        return daemon.__enter__()

    def refused(self, section):
        with self.assertRaises(RuntimeError) as problem:
            self.daemon(section)
        return str(problem.exception)

    def test_values_go_over_tls(self):
        for extra in ("", "tls_server_name = redis.example\n"):
            daemon = self.daemon(self.section(extra=extra))
            value = bytes(range(256)) * 4096
            self.assertEqual(daemon.admin("POST", "/kbs/v0/resource/" + backends.PATH, value).status, 200)
            daemon.set_resource_policy(backends.ALLOW)
            key = trusteed.Key()
            _, cookie = daemon.attest(key)
            self.assertEqual(key.decrypt(daemon.get(backends.PATH, cookie=cookie)), value)
            self.assertEqual(daemon.request("GET", "/readyz").status, 200)

    def test_a_server_of_another_authority_is_refused(self):
        self.assertIn("certificate is refused", self.refused(self.section(ca="other.crt")))

    def test_a_server_of_another_name_is_refused(self):
        self.assertIn("certificate is refused", self.refused(self.section(extra="tls_server_name = other.example\n")))

    def test_a_client_without_a_certificate_is_refused_by_the_server(self):
        self.refused(self.section(client=None))

    def test_a_key_that_is_not_the_certificates_is_refused(self):
        text = self.refused(self.section().replace("client.key", "other.key"))
        self.assertIn("no PEM pair", text)


if __name__ == "__main__":
    unittest.main()
