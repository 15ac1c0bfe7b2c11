# SPDX-License-Identifier: Apache-2.0
"""AMD's key distribution service on loopback: it answers from a folder that `forge snp --out` has written."""

import re

from fake_pcs import Answer, FakeService


class FakeKds(FakeService):
    def regular(self, path, query):
        found = re.fullmatch(r"/(vcek|vlek)/v1/([A-Za-z]+)/([0-9a-fA-F]+|cert_chain|crl)", path)
        if not found or found[2] != self.text("product"):
            return None
        if found[3] == "cert_chain":
            body = self.file("chain.pem")
        elif found[3] == "crl":
            body = self.file("crl.der")
        else:
            body = self._certificate(found[3].lower(), query)
        return body and Answer(200, body)

    def _certificate(self, chip, query):
        """Only for this chip and TCB. forge writes the query's numbers as they must come: "blSPL=3&…"."""
        wanted = dict(pair.split("=") for pair in self.text("tcb").split("&"))
        same = {k: int(v) for k, v in query.items()} == {k: int(v) for k, v in wanted.items()}
        return self.file("vcek.der") if chip == self.text("chip_id") and same else None
