#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""trusteectl measure: the values against a second implementation in here, over images made at random; that the service
takes what it prints; and how it refuses."""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    from trusteed import BUILD, Daemon, missing
    MISSING = missing()
    CTL = os.path.join(BUILD, "bin/trusteectl")
except ImportError as problem:
    MISSING = [str(problem)]

PAGE = 4096
ZEROS = bytes(48)


def sha384(data):
    return hashlib.sha384(data).digest()


def guid(text):
    return uuid.UUID(text).bytes_le


def entry(name, data):
    return data + struct.pack("<H", len(data) + 18) + guid(name)


class Image:
    """An OVMF of random content, with its table and both kinds of metadata."""
    VECTOR, HASHES = 0x80B004, 0x810C00

    def __init__(self, rng):
        pages = rng.randrange(4, 40)
        body = bytearray(rng.randbytes(pages * PAGE))
        self.sev = [(0x800000, PAGE * rng.randrange(1, 9), 1), (0x80D000, PAGE, 2), (0x80E000, PAGE, 3),
                    (0x80F000, PAGE, 4), (0x810000, PAGE, 16)]
        rng.shuffle(self.sev)
        base = (1 << 32) - len(body)
        self.td = [(0, len(body), base, len(body), 0, 1), (0, 0, 0x809000, 2 * PAGE, 2, 0),
                   (0, 0, 0x810000, 16 * PAGE, 3, 0), (PAGE, 1000, 0x900000, 2 * PAGE, 1, 1),
                   (0, 0, 0xA00000, PAGE, 4, 2)]
        rng.shuffle(self.td)
        sev = struct.pack("<4sIII", b"ASEV", 16 + 12 * 5, 1, 5) + b"".join(struct.pack("<III", *s) for s in self.sev)
        td = struct.pack("<4sIII", b"TDVF", 16 + 32 * 5, 1, 5) + b"".join(struct.pack("<IIQQII", *s) for s in self.td)
        at = rng.randrange(0, PAGE)
        body[at:at + len(sev)] = sev
        body[at + PAGE:at + PAGE + len(td)] = td
        entries = [entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", struct.pack("<I", self.VECTOR)),
                   entry("7255371f-3a3b-4b04-927b-1da6efa8d454", struct.pack("<II", self.HASHES, 0x400)),
                   entry("dc886566-984a-4798-a75e-5585a7bf67cc", struct.pack("<I", len(body) - at)),
                   entry("e47a6535-984a-4798-865e-4685a7bf8ec2", struct.pack("<I", len(body) - at - PAGE)),
                   entry("11111111-2222-3333-4444-555555555555", rng.randbytes(rng.randrange(0, 40)))]
        rng.shuffle(entries)
        table = b"".join(entries)
        table += struct.pack("<H", len(table) + 18) + guid("96b582de-1fb2-45f7-baea-a366c55a082d")
        body[-32 - len(table):-32] = table
        self.bytes = bytes(body)

    def launch_digest(self, processors, signature, features, hashes=None):
        digest = ZEROS

        def page(kind, address, content=ZEROS):
            nonlocal digest
            digest = sha384(digest + content + struct.pack("<HBBBBBBQ", 0x70, kind, 0, 0, 0, 0, 0, address))
        base = (1 << 32) - len(self.bytes)
        for at in range(0, len(self.bytes), PAGE):
            page(1, base + at, sha384(self.bytes[at:at + PAGE]))
        for address, size, kind in self.sev:
            for at in range(0, size, PAGE):
                if kind == 16 and hashes:
                    page(1, address, sha384((bytes(self.HASHES - address) + hashes).ljust(PAGE, b"\0")))
                else:
                    page({1: 3, 2: 5, 3: 6, 4: 3, 16: 3}[kind], address + at)
        for n in range(processors):
            page(2, 0xFFFFFFFFF000, sha384(vmsa(self.VECTOR if n else 0xFFFFFFF0, signature, features)))
        return digest.hex()

    def mrtd(self, two_passes):
        steps = []
        for offset, length, address, size, _, attributes in self.td:
            content = self.bytes[offset:offset + length].ljust(size, b"\0")
            added, measured = [], []
            for at in range(0, size, PAGE):
                added.append(b"" if attributes & 2 else record(b"MEM.PAGE.ADD", address + at))
                measured.append(b"".join(record(b"MR.EXTEND", address + n) + content[n:n + 256]
                                         for n in range(at, at + PAGE, 256)) if attributes & 1 else b"")
            steps += added + measured if two_passes else [x for pair in zip(added, measured) for x in pair]
        return sha384(b"".join(steps)).hex()


def record(name, address):
    return (name.ljust(16, b"\0") + struct.pack("<Q", address)).ljust(128, b"\0")


def vmsa(vector, signature, features):
    page = bytearray(PAGE)

    def put(at, form, *values):
        struct.pack_into("<" + form, page, at, *values)
    for n, (selector, attributes) in enumerate([(0, 0x93), (0xF000, 0x9B)] + 4 * [(0, 0x93)] +
                                               [(0, 0), (0, 0x82), (0, 0), (0, 0x8B)]):
        put(16 * n, "HHIQ", selector, attributes, 0xFFFF, vector & 0xFFFF0000 if n == 1 else 0)
    for at, value in ((0xD0, 0x1000), (0x148, 0x40), (0x158, 0x10), (0x160, 0x400), (0x168, 0xFFFF0FF0), (0x170, 2),
                      (0x178, vector & 0xFFFF), (0x268, 0x7040600070406), (0x310, signature), (0x3B0, features),
                      (0x3E8, 1)):
        put(at, "Q", value)
    put(0x408, "I", 0x1F80)
    put(0x410, "H", 0x37F)
    return bytes(page)


def hash_table(kernel, initrd, command_line):
    entries = b"".join(guid(name) + struct.pack("<H", 50) + hashlib.sha256(data).digest() for name, data in (
        ("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", command_line.encode() + b"\0"),
        ("44baf731-3a2f-4bd7-9af1-41e29169781d", initrd), ("4de79437-abd2-427f-b835-d5b172d2045b", kernel)))
    return guid("9438d606-4f22-4cc9-b479-a793d411fd21") + struct.pack("<H", 18 + len(entries)) + entries


class Kernel:
    """A bzImage whose sections are the whole file behind its headers."""

    def __init__(self, rng):
        size = 0x1000 + 8 * rng.randrange(0, 4096)
        self.bytes = bytearray(rng.randbytes(size))
        self.bytes[:0x200] = bytes(0x200)
        pe = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, 1, 0, 0, 0, 160, 0)
        optional = bytearray(160)
        struct.pack_into("<H", optional, 0, 0x20B)
        struct.pack_into("<II", optional, 60, 0x200, rng.randrange(1 << 32))
        struct.pack_into("<I", optional, 108, 6)
        section = bytes(16) + struct.pack("<II", size - 0x200, 0x200) + bytes(16)
        self.bytes[0:2] = b"MZ"
        struct.pack_into("<I", self.bytes, 0x3C, 0x40)
        head = pe + bytes(optional) + section
        self.bytes[0x40:0x40 + len(head)] = head
        struct.pack_into("<4sH", self.bytes, 0x202, b"HdrS", 0x20F)
        self.bytes[0x211] = 1
        struct.pack_into("<H", self.bytes, 0x236, 2)

    def digest(self, bytes_read):
        return sha384(bytes_read[:0x40 + 24 + 64] + bytes_read[0x40 + 24 + 68:0x40 + 24 + 144] +
                      bytes_read[0x40 + 24 + 152:])

    def patched(self, initrd, memory):
        low = min(memory, 0x80000000 if memory >= 0xB0000000 else 0xB0000000)
        out = bytearray(self.bytes)
        out[0x210] = 0xB0
        out[0x211] |= 0x80
        struct.pack_into("<H", out, 0x224, 0xFE00)
        struct.pack_into("<I", out, 0x228, 0x20000)
        if initrd:
            struct.pack_into("<II", out, 0x218, (low - 0x28000 - 1 - len(initrd)) & ~4095, len(initrd))
        return bytes(out)


def extended(*digests):
    register = ZEROS
    for d in digests:
        register = sha384(register + d)
    return register.hex()


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
class Measure(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(20261124)
        self.work = tempfile.TemporaryDirectory(prefix="measure-")
        self.addCleanup(self.work.cleanup)

    def file(self, name, content):
        path = os.path.join(self.work.name, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def run_ctl(self, *arguments):
        done = subprocess.run([CTL, "measure", *arguments], capture_output=True, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def values(self, *arguments):
        code, out, err = self.run_ctl(*arguments)
        self.assertEqual((code, err), (0, ""), arguments)
        return json.loads(out)

    def fails(self, expected, words, *arguments):
        code, out, err = self.run_ctl(*arguments)
        self.assertEqual((code, out), (expected, ""), err)
        self.assertIn(words, err)

    def test_launch_digests_equal_those_of_the_second_implementation(self):
        for _ in range(12):
            image, kernel = Image(self.rng), self.rng.randbytes(self.rng.randrange(1, 9000))
            processors, features = self.rng.randrange(1, 9), self.rng.randrange(1, 1 << 62)
            firmware = self.file("firmware", image.bytes)
            common = ("snp", "--firmware", firmware, "--vcpus", str(processors), "--guest-features", hex(features))
            self.assertEqual(self.values(*common, "--vcpu-type", "EPYC-Genoa-v2"),
                             {"snp_launch_measurement": [image.launch_digest(processors, 0xA10F10, features)]})
            for initrd, line in ((b"", ""), (b"initrd", "console=ttyS0 \u00e9")):
                hashes = hash_table(kernel, initrd, line)
                more = ["--initrd", self.file("initrd", initrd), "--command-line", line] if line else []
                self.assertEqual(self.values(*common, "--vcpu-signature", "0xa00f11", "--kernel",
                                             self.file("kernel", kernel), *more),
                                 {"snp_launch_measurement": [image.launch_digest(processors, 0xA00F11, features, hashes)]})

    def test_registers_of_a_td_equal_those_of_the_second_implementation(self):
        texts = [sha384(t) for t in (b"Calling EFI Application from Boot Option", bytes(4),
                                     b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success")]
        for n in range(12):
            image, kernel = Image(self.rng), Kernel(self.rng)
            firmware, path = self.file("firmware", image.bytes), self.file("kernel", kernel.bytes)
            self.assertEqual(self.values("tdx", "--firmware", firmware), {"mr_td": [image.mrtd(False)]})
            self.assertEqual(self.values("tdx", "--firmware", firmware, "--two-passes"), {"mr_td": [image.mrtd(True)]})
            initrd = self.rng.randbytes(self.rng.randrange(1, 9000)) if n % 3 else b""
            more = ["--initrd", self.file("initrd", initrd)] if initrd else []
            line = "quiet" + (" initrd=initrd" if initrd else "")
            parameters = sha384(line.encode("utf-16le") + b"\0\0")
            memory = self.rng.choice([512 << 20, 2 << 30, 2815 << 20, 2816 << 20, 64 << 30])
            for header, read in (("patched", kernel.patched(initrd, memory)), ("as-is", bytes(kernel.bytes))):
                digest = kernel.digest(read)
                got = self.values("tdx", "--firmware", firmware, "--kernel", path, *more, "--command-line", "quiet",
                                  "--memory", f"{memory >> 20}M", "--kernel-header", header)
                self.assertEqual(got, {
                    "mr_td": [image.mrtd(False)], "rtmr_1": [extended(digest, *texts)],
                    "rtmr_2": [extended(parameters, *([sha384(initrd)] if initrd else []))],
                    "tdvfkernel": digest.hex(), "tdvfkernelparams": parameters.hex()})
            got = self.values("tdx", "--firmware", firmware, "--kernel", path, *more, "--command-line", "quiet",
                              "--kernel-header", "as-is", "--separator-before")
            self.assertEqual(got["rtmr_1"], [extended(digest, texts[0], *texts[2:])])

    def test_the_service_takes_what_is_printed(self):
        image, kernel = Image(self.rng), Kernel(self.rng)
        firmware, path = self.file("firmware", image.bytes), self.file("kernel", kernel.bytes)
        with Daemon() as daemon:
            for arguments in (("snp", "--firmware", firmware, "--vcpu-type", "EPYC-Milan"),
                              ("tdx", "--firmware", firmware, "--kernel", path)):
                values = self.values(*arguments)
                out = self.file("values.json", self.run_ctl(*arguments)[1].encode())
                ctl = (CTL, "--home", daemon.home, "reference-value")
                subprocess.run([*ctl, "set", "--file", out], check=True, capture_output=True, timeout=30)
                for name, value in values.items():
                    shown = subprocess.run([*ctl, "show", name], check=True, capture_output=True, timeout=30)
                    self.assertEqual(json.loads(shown.stdout), value)

    def test_wrong_use_is_told(self):
        image = self.file("firmware", Image(self.rng).bytes)
        with_model = ("snp", "--firmware", image, "--vcpu-type", "EPYC")
        self.fails(2, "--firmware FILE is wanted", "tdx")
        self.fails(2, "--vcpu-type MODEL is wanted", "snp", "--firmware", image)
        self.fails(2, "is not known", "snp", "--firmware", image, "--vcpu-type", "Xeon")
        self.fails(2, "not both", *with_model, "--vcpu-signature", "1")
        for bad in ("0", "-1", "4097", "x", "", "1K", "99999999999999999999"):
            self.fails(2, "expected a number", *with_model, "--vcpus", bad)
        for bad in ("0", "1", "4T", "4GG", "20000000000G"):
            self.fails(2, "expected a number", "tdx", "--firmware", image, "--memory", bad)
        self.fails(2, "expected patched or as-is", "tdx", "--firmware", image, "--kernel-header", "x")
        self.fails(2, "go with --kernel", "tdx", "--firmware", image, "--initrd", image)
        self.fails(2, "go with --kernel", *with_model, "--command-line", "x")
        self.fails(2, "knows nothing of 'more'", *with_model, "more")
        self.fails(2, "knows nothing of '--vcpus'", "tdx", "--firmware", image, "--vcpus", "1")
        self.fails(1, "No such file", "tdx", "--firmware", "/nowhere")

    def test_what_cannot_be_measured_is_told(self):
        image, kernel = Image(self.rng).bytes, self.file("kernel", Kernel(self.rng).bytes)
        whole = self.file("firmware", image)
        self.fails(1, "has no table of OVMF's", "tdx", "--firmware", self.file("short", image[:-1]))
        self.fails(1, "has no table of OVMF's", "tdx", "--firmware", self.file("zeros", bytes(PAGE)))
        self.fails(1, "does not describe", "tdx", "--firmware", self.file("cut", image[-PAGE:]))
        self.fails(1, "is not a Linux bzImage", "tdx", "--firmware", whole, "--kernel", whole)
        self.fails(1, "does not fit below", "tdx", "--firmware", whole, "--kernel", kernel, "--memory", "1M", "--initrd",
                   self.file("large", bytes(1 << 20)))
        for line in ("vga=1", "caf\u00e9"):
            self.fails(1, "the command line has", "tdx", "--firmware", whole, "--kernel", kernel, "--command-line", line)


if __name__ == "__main__":
    unittest.main()
