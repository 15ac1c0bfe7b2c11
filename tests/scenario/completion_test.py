#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shell completion and manual pages: they come from the table of commands and options, so that they say what there is."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from trusteed import BUILD  # noqa: E402

CTL = os.path.join(BUILD, "bin/trusteectl")
DAEMON = os.path.join(BUILD, "bin/trusteed")


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def commands():
    """{"secret put": {"--option", …}, …} as help tells them."""
    found = {}
    for line in output(CTL, "help").splitlines():
        match = re.match(r"  ([a-z-]+)( [a-z]+)? (.*)", line)
        if match and not line.startswith("   "):
            found[match[1] + (match[2] or "")] = set(re.findall(r"--[a-z-]+", match[3]))
    found.pop("trusteectl", None)
    return found


@unittest.skipUnless(os.path.exists(CTL), "trusteectl is not built")
class Bash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="completion-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        with open(os.path.join(cls.folder, "a-file"), "w", encoding="ascii"):
            pass
        cls.script = output(CTL, "completion", "bash")

    def complete(self, *words):
        program = self.script + '\nCOMP_WORDS=(trusteectl "$@"); COMP_CWORD=$#; _trusteectl; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", program, "bash", *words], capture_output=True, text=True, check=False,
                              cwd=self.folder)
        self.assertEqual(done.stderr, "", words)
        return set(done.stdout.split())

    def test_every_command_is_offered(self):
        self.assertGreater(len(commands()), 25)
        for name in commands():
            group, _, verb = name.partition(" ")
            with self.subTest(name=name):
                self.assertIn(group, self.complete(group[:3]))
                if verb:
                    self.assertEqual(self.complete(group, verb[:-1]), {verb})

    def test_every_option_of_a_command_is_offered(self):
        for name, options in commands().items():
            with self.subTest(name=name):
                self.assertTrue(options | {"--home", "--json"} <= self.complete(*name.split(), "--"), name)

    def test_options_before_the_command_change_nothing(self):
        self.assertEqual(self.complete("--home", "secret", "poli"), {"policy"})
        self.assertEqual(self.complete("--json", "secret", "pu"), {"put"})

    def test_files_are_offered_where_a_command_takes_them(self):
        self.assertIn("a-file", self.complete("secret", "put", "x", "a"))
        self.assertIn("a-file", self.complete("verify", "--evidence", ""))
        self.assertNotIn("a-file", self.complete("secret", ""))

    def test_the_other_shells_have_every_command_too(self):
        for shell in ("zsh", "fish"):
            text = output(CTL, "completion", shell)
            for name in commands():
                self.assertRegex(text, rf"\b{name.split()[-1]}\b", shell)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=text, text=True, check=True)
        self.assertEqual(subprocess.run([CTL, "completion", "tcsh"], capture_output=True, check=False).returncode, 2)


@unittest.skipUnless(os.path.exists(CTL), "trusteectl is not built")
class Manual(unittest.TestCase):
    def test_every_command_and_option_has_its_place(self):
        page = output(CTL, "man").replace("\\-", "-")
        for name, options in commands().items():
            self.assertIn(f"\\fB{name}\\fR", page)
            for option in options:
                self.assertIn(option, page)

    def test_every_key_of_the_configuration_has_its_place(self):
        page = output(DAEMON, "--config-man").replace("\\-", "-")
        keys = set(re.findall(r"(?m)^#? ?([a-z0-9_]+) =", output(DAEMON, "--help-config")))
        self.assertGreater(len(keys), 60)
        self.assertEqual({k for k in keys if f"\\fB{k}\\fR" not in page}, set())

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_the_pages_are_good_troff(self):
        with open(os.path.join(os.path.dirname(BUILD), "deploy/trusteed.8"), encoding="ascii") as f:
            pages = (output(CTL, "man"), output(DAEMON, "--config-man"), f.read())
        for page in pages:
            done = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"], input=page, text=True,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
