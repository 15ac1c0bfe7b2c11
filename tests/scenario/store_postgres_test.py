#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The storage plugin `postgres` on a real server."""

import os
import shutil
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import backends
    import trusteed
    from backends import Scenarios
    MISSING = trusteed.missing() + [m for m in [backends.Postgres.missing()] if m]
    if not os.path.exists(os.path.join(trusteed.BUILD, "plugins/postgres.so")):
        MISSING.append("plugins/postgres.so")
except ImportError as problem:
    MISSING = [str(problem)]
    Scenarios = object


def setUpModule():
    if MISSING:
        raise unittest.SkipTest("missing: " + ", ".join(MISSING))


class Plain(Scenarios, unittest.TestCase):
    def make_server(self):
        return backends.Postgres()

    def connections(self):
        return int(self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trusteed'"))

    def writable(self, yes):
        self.server.sql(f"ALTER SYSTEM SET default_transaction_read_only = {'off' if yes else 'on'}")
        self.server.sql("SELECT pg_reload_conf()")
        backends.time.sleep(0.3)

    def test_a_database_of_upstreams_is_read_and_listed(self):
        self.server.sql("CREATE TABLE repository (value BYTEA, key TEXT PRIMARY KEY)")
        self.server.sql("INSERT INTO repository (key, value) VALUES ('default/old/key', 'hunter2')")
        daemon = self.daemon()
        self.guest(daemon)
        self.assertEqual(self.value(daemon, "default/old/key"), b"hunter2")
        self.assertEqual(self.names(daemon), {"default/old/key": 7})
        self.assertEqual(self.put(daemon, b"new", "default/old/key").status, 200)
        self.assertEqual(self.server.sql("SELECT value FROM repository"), "\\x6e6577")

    def test_the_password_may_stand_in_the_url_or_in_a_file(self):
        escaped = "".join(f"%{b:02X}" for b in backends.PASSWORD.encode())
        url = (f"\n[plugin postgres]\nurl = postgresql://trustee:{escaped}@127.0.0.1:{self.server.port}/postgres\n"
               "sslmode = disable\n")
        self.assertTrue(self.ready(self.daemon(url)))
        path = os.path.join(self.server.folder, "secret")
        with open(path, "w", encoding="ascii") as f:
            f.write(backends.PASSWORD + "\n")
        file = self.server.section().replace(f"password = {backends.PASSWORD}", f"password_file = {path}")
        self.assertTrue(self.ready(self.daemon(file)))

    def test_a_bad_url_is_refused_and_not_shown(self):
        for url in (f"postgresql://u:{backends.PASSWORD}@h:x/%zz", f"mysql://u:{backends.PASSWORD}@h/d",
                    f"host=h password={backends.PASSWORD}"):
            text = self.refused(f"\n[plugin postgres]\nurl = {url}\nsslmode = disable\n")
            self.assertIn("url is not of the form", text)

    def test_no_mode_falls_back_to_plain_text(self):
        self.assertIn("sslmode is one of", self.refused(self.server.section(extra="sslmode = prefer\n")))
        for extra in ("", "sslmode = require\n"):
            self.assertIn("does not support SSL", self.refused(self.server.section(extra=extra)))

    def test_a_user_without_the_right_to_make_tables_takes_those_that_are_there(self):
        self.server.sql(f"CREATE ROLE guest LOGIN PASSWORD '{backends.PASSWORD}'")
        section = self.server.section().replace("username = trustee", "username = guest")
        self.assertIn("init answered E_CONFIG", self.refused(section))
        for table in ("repository", "kbs", "attestation_service_policy", "reference_value"):
            self.server.sql(f"CREATE TABLE {table} (key TEXT PRIMARY KEY, value BYTEA NOT NULL);"
                            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO guest")
        daemon = self.daemon(section)
        self.guest(daemon)
        self.assertEqual(self.put(daemon, b"hunter2").status, 200)
        self.assertEqual(self.value(daemon), b"hunter2")

    def test_tables_are_made_only_where_that_is_wanted(self):
        text = self.refused(self.server.section(extra="sslmode = disable\ncreate_tables = no\n"))
        self.assertIn("a table is missing", text)
        self.assertEqual(self.server.sql("SELECT to_regclass('repository') IS NULL"), "t")

    def test_a_lock_that_somebody_holds_costs_no_more_than_the_deadline(self):
        daemon = self.start_with_value()
        holder = backends.subprocess.Popen(
            [os.path.join(self.server.programs, "psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.server.port), "-U",
             "trustee", "-c", "BEGIN; LOCK TABLE repository; SELECT pg_sleep(6)", "postgres"],
            env={**os.environ, "PGPASSWORD": backends.PASSWORD}, stdout=backends.subprocess.DEVNULL)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        backends.time.sleep(0.5)
        self.unavailable(daemon, within=backends.TIMEOUT + 2)
        self.eventually(lambda: daemon.get(backends.PATH, cookie=self.cookie).status == 200, "it is got again", 20)

    def test_a_key_with_quotes_never_reaches_the_server_as_a_statement(self):
        """Keys are parameters; one that the service would refuse is refused before."""
        daemon = self.start_with_value()
        for path in ("default/test/x';DROP%20TABLE%20repository;--", "default/test/$1", "default/te\"st/key"):
            self.assertIn(self.put(daemon, b"x", path).status, (400, 401, 404))
        self.assertEqual(self.value(daemon), b"hunter2")


class Tls(Scenarios, unittest.TestCase):
    """Some of that, over TLS."""

    test_writers_at_once_leave_one_of_their_values_and_all_of_their_names = None
    test_two_services_share_what_they_keep = None
    test_policies_and_reference_values_survive_a_restart = None
    test_a_server_that_takes_no_writes_is_read_and_not_ready = None
    test_only_one_of_many_puts_what_is_new = None
    test_a_key_is_of_its_namespace_alone_and_a_listing_of_its_prefix = None
    test_a_value_larger_than_the_callers_limit_is_refused = None

    def make_server(self):
        return TlsPostgres()

    def test_a_server_of_another_authority_is_refused(self):
        other = self.server.other_authority()
        self.assertIn("certificate verify failed",
                      self.refused(self.server.section(extra=f"sslmode = verify-full\ntls_ca = {other}\n")))
        self.assertIn("certificate verify failed", self.refused(self.server.section(extra="sslmode = verify-full\n")))

    def test_a_certificate_for_another_name_is_refused(self):
        text = self.refused(self.server.section().replace("host = 127.0.0.1", "host = localhost"))
        self.assertRegex(text, "does not match host name")


if not MISSING:
    class TlsPostgres(backends.Postgres):
        def openssl(self, name, *arguments):
            backends.subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=test", "-keyout", os.path.join(self.folder, name + ".key"), "-out",
                 os.path.join(self.folder, name + ".crt"), *arguments], check=True, capture_output=True)

        def prepare(self):
            super().prepare()
            self.openssl("server", "-addext", "subjectAltName=IP:127.0.0.1")
            for name in ("server.key", "server.crt"):
                path = os.path.join(self.folder, name)
                os.chmod(path, 0o600 if name.endswith("key") else 0o644)
                if os.getuid() == 0:
                    shutil.chown(path, "postgres", "postgres")
            with open(os.path.join(self.data, "postgresql.auto.conf"), "a", encoding="ascii") as f:
                f.write(f"ssl = on\nssl_cert_file = '{self.folder}/server.crt'\nssl_key_file = '{self.folder}/server.key'\n")
            with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="ascii") as f:
                f.write("hostssl all all all scram-sha-256\n")

        def other_authority(self):
            self.openssl("other")
            return os.path.join(self.folder, "other.crt")

        def section(self, password=backends.PASSWORD, extra=None):
            own = f"sslmode = verify-full\ntls_ca = {self.folder}/server.crt\n"
            return super().section(password, (extra or own).replace("sslmode = disable\n", own))


if __name__ == "__main__":
    unittest.main()
