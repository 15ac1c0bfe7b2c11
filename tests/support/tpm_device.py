# SPDX-License-Identifier: Apache-2.0
"""A software TPM as a character device: what programs that open /dev/tpm0 need. The device is a pseudo-terminal whose
other end passes each command to swtpm."""

import os
import pty
import select
import socket
import struct
import threading
import tty

from swtpm import Swtpm

AK_HANDLE = "0x81010002"


class TpmDevice:
    """Use as a context manager. `path` is the device; an RSA attestation key lies at AK_HANDLE. One user at a time."""

    def __enter__(self):
        self.tpm = Swtpm().__enter__()
        try:
            self.ak = self.tpm.create_ak("ak", "rsassa")
            self.tpm.run("tpm2_evictcontrol", "-C", "o", "-c", "ak.ctx", AK_HANDLE)
            self.tpm.run("tpm2_flushcontext", "-t")
        except Exception:
            self.tpm.__exit__()
            raise
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)  # held open, so that users may come and go
        self.path = os.ttyname(self.slave)
        self._ends, self._end = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.write(self._end, b"x")
        self._thread.join(5)
        for fd in (self.master, self.slave, self._ends, self._end):
            os.close(fd)
        self.tpm.__exit__()

    def _read(self, size):
        data = b""
        while len(data) < size:
            ready, _, _ = select.select([self.master, self._ends], [], [])
            if self._ends in ready:
                raise EOFError
            data += os.read(self.master, size - len(data))
        return data

    def _serve(self):
        try:
            while True:
                head = self._read(10)
                command = head + self._read(struct.unpack(">I", head[2:6])[0] - 10)
                os.write(self.master, self._ask(command))
        except (EOFError, OSError):
            pass

    def _ask(self, command):
        with socket.create_connection(("127.0.0.1", self.tpm.port), 30) as sock:
            sock.sendall(command)
            with sock.makefile("rb") as stream:
                head = stream.read(10)
                return head + stream.read(struct.unpack(">I", head[2:6])[0] - 10)
