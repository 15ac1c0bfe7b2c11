#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a newcomer types and does in the first minutes: each message says what was wrong, where, what was expected and
what to do, and each exit code can be told apart by a shell."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TRUSTEE_BUILD", os.path.join(ROOT, "build"))
TRUSTEED, CTL = os.path.join(BUILD, "bin/trusteed"), os.path.join(BUILD, "bin/trusteectl")
BUILT = all(os.path.exists(p) for p in (TRUSTEED, CTL, os.path.join(BUILD, "plugins/rego.so")))


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, cwd=None, data=None, **env):
    done = subprocess.run(command, cwd=cwd, input=data, capture_output=True, timeout=30,
                          env={**{k: v for k, v in os.environ.items() if k != "TRUSTEE_HOME"}, **env})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@unittest.skipUnless(BUILT, "the programs are not built")
class FirstSteps(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="first-steps-")
        self.home = os.path.join(self.work, "trustee")
        self.ini = os.path.join(self.home, "trusteed.ini")
        self.port = free_port()
        self.children = []

    def tearDown(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            child.stderr.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def init(self, *options):
        code, out, err = run(CTL, "init", self.home, "--listen", f"127.0.0.1:{self.port}", *options)
        self.assertEqual((code, err), (0, ""))
        return out

    def change(self, pattern, replacement):
        with open(self.ini, encoding="utf-8") as f:
            text = f.read()
        changed = re.sub(pattern, replacement, text)
        self.assertNotEqual(text, changed)
        with open(self.ini, "w", encoding="utf-8") as f:
            f.write(changed)

    def start(self, ini=None):
        child = subprocess.Popen([TRUSTEED, "--config", ini or self.ini], stderr=subprocess.PIPE)
        self.children.append(child)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and child.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return child
            time.sleep(0.02)
        self.fail("it does not serve: " + child.stderr.read().decode())

    def get(self, path):
        context = ssl.create_default_context(cafile=os.path.join(self.home, "tls/ca.pem"))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def ctl(self, *arguments, data=None):
        return run(CTL, "--home", self.home, *arguments, data=data)

    def refused(self, *words):
        """The configuration is refused by both, a check and a start, with these words."""
        for options in (["--check-config"], []):
            code, out, err = run(TRUSTEED, "--config", self.ini, *options)
            self.assertEqual((code, out), (1, ""), err)
            for word in words:
                self.assertIn(word, err)
            self.assertTrue(err.splitlines()[-1].startswith("trusteed: "), err)

    # --- the command line -----------------------------------------------------------------------------------------
    @unittest.skipIf(os.path.exists("/etc/trustee/trusteed.ini"), "this machine has a configuration")
    def test_without_arguments_and_configuration_it_says_how_to_begin(self):
        code, _, err = run(TRUSTEED, cwd=self.work)
        self.assertEqual(code, 2)
        self.assertIn("trusteectl init", err)
        self.assertIn("--config", err)

    def test_help_and_version_go_to_standard_output(self):
        for option in ("--help", "-h"):
            code, out, err = run(TRUSTEED, option)
            self.assertEqual((code, err), (0, ""))
            self.assertIn("--check-config", out)
        code, out, _ = run(TRUSTEED, "--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^trusteed \d+\.\d+\.\d+, plugin ABI 1\.0, OpenSSL 3")

    def test_unknown_options_are_named_with_the_nearest_one(self):
        code, _, err = run(TRUSTEED, "--check-confg")
        self.assertEqual((code, err), (2, "trusteed: unknown option '--check-confg' (did you mean '--check-config'?)\n"))
        code, _, err = run(TRUSTEED, "--config")
        self.assertEqual((code, err), (2, "trusteed: --config takes a value; see trusteed --help\n"))
        code, _, err = run(TRUSTEED, "serve")
        self.assertEqual((code, err), (2, "trusteed: unexpected 'serve'; see trusteed --help\n"))

    def test_a_configuration_that_is_not_there_is_named(self):
        code, _, err = run(TRUSTEED, "--config", "/nowhere/trusteed.ini")
        self.assertEqual(code, 1)
        self.assertIn("/nowhere/trusteed.ini: cannot be opened: No such file or directory; check the path", err)

    # --- the configuration ----------------------------------------------------------------------------------------
    def test_what_init_makes_is_good(self):
        out = self.init()
        self.assertIn("start the service:", out)
        code, out, _ = run(TRUSTEED, "--config", self.ini, "--check-config")
        self.assertEqual((code, out), (0, f"{self.ini}: the configuration is good\n"))

    def test_init_never_changes_what_is_there(self):
        self.init()
        code, _, err = run(CTL, "init", self.home)
        self.assertEqual(code, 1)
        self.assertIn("init never changes what is there", err)

    def test_a_misspelt_key_section_and_value_are_named_with_their_place(self):
        self.init()
        self.change("tls = yes", "tsl = yes")
        self.refused(f"{self.ini}:5:1: unknown key 'tsl' (did you mean 'tls'?)")
        self.change("tsl = yes", "tls = perhaps")
        self.refused(f"{self.ini}:5:7: 'perhaps' does not fit 'tls'; expected yes or no")
        self.change("tls = perhaps", "tls = yes")
        self.change(r"\[plugin rego\]", "[plugn rego]")
        self.refused("unknown section [plugn rego] (did you mean [plugin]?)")

    def test_a_plugin_that_is_left_out_is_named(self):
        self.init()
        self.change(r"\[plugin rego\]\n", "")
        self.refused("[policy] use = rego, but no such plugin is loaded; add [plugin rego]")

    def test_a_listening_address_that_is_none_is_refused(self):
        self.init()
        self.change("listen = .*", "listen = localhost:8080")
        self.refused("[http] listen = localhost:8080: expected a numeric address and a port, such as 127.0.0.1:8080")

    def test_a_certificate_that_cannot_be_read_is_named(self):
        self.init()
        self.change("server.pem", "nowhere.pem")
        self.refused("tls/nowhere.pem: the certificate cannot be read: No such file or directory; check the path")

    def test_a_key_of_another_certificate_is_refused(self):
        self.init()
        self.change("tls/server.key", "keys/token.pem")
        self.refused("keys/token.pem: the key is not that of the certificate")

    def test_a_certificate_that_has_expired_is_refused_and_one_that_will_soon_is_warned_of(self):
        self.init()
        for days, words in ((-1, "the certificate has expired; renew it"), (3.5, "expires in 3 days; renew it")):
            self.certificate(days)
            code, _, err = run(TRUSTEED, "--config", self.ini, "--check-config")
            self.assertIn(words, err)
            self.assertEqual(code, 1 if days < 0 else 0)

    def certificate(self, days):
        import datetime
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        with open(os.path.join(self.home, "tls/server.key"), "rb") as f:
            key = serialization.load_pem_private_key(f.read(), None)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.utcnow()
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()) \
            .serial_number(7).not_valid_before(now - datetime.timedelta(days=9)) \
            .not_valid_after(now + datetime.timedelta(days=days)).sign(key, hashes.SHA256())
        with open(os.path.join(self.home, "tls/server.pem"), "wb") as f:
            f.write(made.public_bytes(serialization.Encoding.PEM))

    def test_a_key_file_that_others_can_read_is_refused(self):
        self.init()
        os.chmod(os.path.join(self.home, "keys/token.pem"), 0o644)
        self.refused("[token] signing_key", "holds a secret but others can read it; run: chmod o=")

    def test_a_storage_folder_that_is_missing_is_made_and_its_parents_are_not(self):
        self.init()
        shutil.rmtree(os.path.join(self.home, "storage"))
        self.assertEqual(run(TRUSTEED, "--config", self.ini, "--check-config")[0], 0)
        self.assertTrue(os.path.isdir(os.path.join(self.home, "storage")))
        self.change("/storage", "/no/storage")
        self.refused("no/storage: the directory cannot be opened or made: No such file or directory")

    def test_a_storage_folder_that_others_may_write_to_is_refused(self):
        self.init()
        os.chmod(os.path.join(self.home, "storage"), 0o777)
        self.refused("has mode 0777 and owner", "others than this service", "make it 0700")

    @unittest.skipIf(os.geteuid(), "only root can give a folder away")
    def test_a_storage_folder_of_another_owner_is_refused(self):
        self.init()
        os.chown(os.path.join(self.home, "storage"), 12345, -1)
        self.refused("has mode 0700 and owner 12345", "make it 0700 and its own")

    # --- running --------------------------------------------------------------------------------------------------
    def test_paths_that_nothing_serves_are_answered_with_json_that_names_the_useful_ones(self):
        self.init()
        self.start()
        status, body = self.get("/")
        self.assertEqual(status, 404)
        for path in ("/healthz", "/readyz", "/metrics", "/kbs/v0/"):
            self.assertIn(path, json.loads(body)["detail"])
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertTrue(json.loads(self.get("/readyz")[1])["ready"])

    def test_plain_http_on_the_tls_port_is_told_so(self):
        self.init()
        self.start()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read().strip()), (400, b"this is an HTTPS port"))
        connection.close()

    def test_a_second_instance_on_the_port_is_refused_and_the_first_goes_on(self):
        self.init()
        self.start()
        code, _, err = run(TRUSTEED, "--config", self.ini)
        self.assertEqual(code, 1)
        self.assertIn(f"cannot listen on 127.0.0.1 port {self.port}: Address already in use", err)
        self.assertIn("stop it, or change [http] listen", err)
        self.assertEqual([self.get("/healthz")[0] for _ in range(20)], [200] * 20)

    def test_a_port_of_another_program_is_refused(self):
        self.init()
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", self.port))
            other.listen()
            code, _, err = run(TRUSTEED, "--config", self.ini)
        self.assertEqual(code, 1)
        self.assertIn("Address already in use", err)

    def test_of_instances_that_start_at_once_one_serves(self):
        self.init()
        children = [subprocess.Popen([TRUSTEED, "--config", self.ini], stderr=subprocess.PIPE) for _ in range(4)]
        self.children += children
        deadline = time.monotonic() + 20
        while sum(c.poll() is None for c in children) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(sorted(str(c.poll()) for c in children), ["1", "1", "1", "None"])
        self.assertEqual(self.get("/healthz")[0], 200)

    def test_the_first_ctrl_c_drains_and_ends_with_0(self):
        self.init()
        self.change(r"# Made by", f"[service]\npid_file = {self.work}/pid\n# Made by")
        child = self.start()
        deadline = time.monotonic() + 5
        while not os.path.exists(f"{self.work}/pid") and time.monotonic() < deadline:
            time.sleep(0.02)
        with open(f"{self.work}/pid", encoding="ascii") as f:
            self.assertEqual(int(f.read()), child.pid)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(8), 0)
        self.assertFalse(os.path.exists(f"{self.work}/pid"))

    def test_a_second_ctrl_c_ends_at_once(self):
        self.init("--http")
        child = self.start()
        with socket.create_connection(("127.0.0.1", self.port)) as slow:
            slow.sendall(b"POST /kbs/v0/auth HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
            time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            time.sleep(0.5)
            self.assertIsNone(child.poll(), "a request is in flight")
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            self.assertEqual(child.wait(2), -signal.SIGINT)
            self.assertLess(time.monotonic() - began, 1)

    def test_a_hangup_is_answered_in_the_log_and_ends_nothing(self):
        self.init()
        child = self.start()
        child.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertEqual(self.get("/healthz")[0], 200)
        child.terminate()
        child.wait(8)
        self.assertIn("at a restart only", child.stderr.read().decode())

    def test_after_a_kill_it_serves_again_with_its_secrets(self):
        self.init()
        child = self.start()
        self.assertEqual(self.ctl("secret", "put", "default/try/key", "-", data=b"hello")[0], 0)
        child.kill()
        child.wait()
        self.start()
        self.assertEqual(self.ctl("secret", "list")[1].split(), ["5", "default/try/key"])

    # --- trusteectl -----------------------------------------------------------------------------------------------
    def test_without_a_home_it_says_how_to_make_one(self):
        code, _, err = run(CTL, "--home", self.home, "secret", "list")
        self.assertEqual(code, 2)
        self.assertIn("run `trusteectl init DIRECTORY` first, or say --home DIRECTORY or --url URL", err)

    def test_unknown_commands_and_options_are_named(self):
        self.assertEqual(run(CTL, "secrt", "put"), (2, "", "trusteectl: there is no command 'secrt'; did you mean "
                                                           "'secret'?\n"))
        code, _, err = run(CTL, "secret", "delte")
        self.assertEqual((code, err), (2, "trusteectl: there is no command 'secret delte'; did you mean 'secret "
                                          "delete'?\n"))
        code, _, err = run(CTL, "policy")
        self.assertEqual(code, 2)
        self.assertIn("policy check FILE", err)
        code, _, err = run(CTL, "--hme", "x", "secret", "list")
        self.assertEqual(code, 2)
        self.assertIn("unknown option '--hme'", err)

    def test_a_service_that_is_down_is_exit_code_5(self):
        self.init()
        code, _, err = self.ctl("secret", "list")
        self.assertEqual(code, 5)
        self.assertIn("is trusteed running there? --url, or url in trusteectl.ini, says where it is", err)

    def test_a_wrong_authority_is_said_to_be_wrong(self):
        self.init()
        self.start()
        other = os.path.join(self.work, "other")
        run(CTL, "init", other)
        code, _, err = self.ctl("--ca", os.path.join(other, "tls/ca.pem"), "secret", "list")
        self.assertEqual(code, 5)
        self.assertIn("the service's certificate is not of the authority given with --ca", err)
        code, _, err = self.ctl("--ca", "/nowhere.pem", "secret", "list")
        self.assertEqual(code, 5)
        self.assertIn("takes a PEM file of certificates", err)

    def test_a_bad_path_or_file_of_a_secret_is_refused_before_anything_is_sent(self):
        self.init()
        for path in ("foo", "a/b", "a/b/c/d", "a//c", "a/b/c?", "../b/c"):
            code, _, err = self.ctl("secret", "put", path, "-", data=b"x")
            self.assertEqual(code, 2, err)
            self.assertIn("expected REPOSITORY/TYPE/TAG", err)
        code, _, err = self.ctl("secret", "put", "a/b/c", self.work)
        self.assertEqual(code, 1)
        self.assertIn("Is a directory", err)

    def test_what_is_not_there_is_exit_code_4(self):
        self.init()
        self.start()
        code, _, err = self.ctl("secret", "delete", "default/no/key")
        self.assertEqual(code, 4)
        self.assertIn("there is no such resource", err)
        self.assertEqual(self.ctl("explain", "1234")[0], 4)

    def test_policies_are_checked_with_and_without_a_home(self):
        good, bad = os.path.join(self.work, "good.rego"), os.path.join(self.work, "bad.rego")
        with open(good, "w", encoding="utf-8") as f:
            f.write("package policy\ndefault allow = false\n")
        with open(bad, "w", encoding="utf-8") as f:
            f.write("package policy\nallow =\n")
        for made in (False, True):
            if made:
                self.init()
            self.assertEqual(self.ctl("policy", "check", good), (0, f"{good}: good\n", ""))
            code, _, err = self.ctl("policy", "check", bad)
            self.assertEqual(code, 1)
            self.assertRegex(err, rf"^trusteectl: {re.escape(bad)}:\d+:\d+: \S")
        code, _, err = self.ctl("policy", "check", "/nowhere.rego")
        self.assertEqual((code, err), (1, "trusteectl: /nowhere.rego: No such file or directory\n"))

    def test_a_broken_policy_is_refused_with_its_place_and_the_old_one_stays(self):
        self.init()
        self.start()
        before = self.ctl("policy", "show", "resource")
        code, _, err = self.ctl("policy", "set", "resource", "-", data=b"package policy\nallow =\n")
        self.assertEqual(code, 1)
        self.assertRegex(err, r"line \d+, column \d+")
        self.assertEqual(self.ctl("policy", "show", "resource"), before)

    def test_rsa_and_ed25519_keys_of_administrators_work(self):
        for kind in (["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], ["ed25519"]):
            shutil.rmtree(self.home, ignore_errors=True)
            self.port = free_port()
            self.init()
            key, public = (os.path.join(self.home, "keys", n) for n in ("admin.pem", "admin.pub"))
            subprocess.run(["openssl", "genpkey", "-algorithm", *kind, "-out", key], check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
            self.start()
            self.assertEqual(self.ctl("secret", "list"), (0, "", ""))

    def test_a_key_that_the_service_does_not_know_says_where_to_look(self):
        self.init()
        self.start()
        key = os.path.join(self.home, "keys/admin.pem")
        os.unlink(key)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        code, _, err = self.ctl("secret", "list")
        self.assertEqual(code, 1)
        self.assertIn("does the service know our key? see [admin-key …]", err)


if __name__ == "__main__":
    unittest.main()
