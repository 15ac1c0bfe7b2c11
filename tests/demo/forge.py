#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An attacker's tools for the demo: standard library and the openssl command alone.

forge URL CA                    attest with a TPM quote signed by a key made up on the spot
replay URL CA EVIDENCE.json     answer a fresh challenge with evidence gathered for another one
stolen URL CA TOKEN PATH        use somebody else's token: first as it is, then with a key of our own put into it
Prints what the service answered. The exit code is 0 when the attack failed, as it must.
"""

import base64
import hashlib
import http.client
import json
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import urllib.parse


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout


class Service:
    def __init__(self, url, ca):
        place = urllib.parse.urlparse(url)
        self.connection = http.client.HTTPSConnection(place.hostname, place.port,
                                                      context=ssl.create_default_context(cafile=ca))
        self.cookie = None

    def call(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.cookie:
            headers["Cookie"] = self.cookie
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.getheader("Set-Cookie"):
            self.cookie = answer.getheader("Set-Cookie").split(";")[0]
        return answer.status, json.loads(text) if text else {}

    def challenge(self):
        return self.call("POST", "/kbs/v0/auth", {"version": "0.4.0", "tee": "tpm", "extra-params": ""})[1]["nonce"]

    def attest(self, nonce, key, evidence):
        return self.call("POST", "/kbs/v0/attest", {
            "init-data": None,
            "runtime-data": {"nonce": nonce, "tee-pubkey": key},
            "tee-evidence": {"primary_evidence": evidence, "additional_evidence": ""}})


def own_key():
    """A TEE key pair that anybody can make: the public half as a JWK."""
    pem = openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
    point = openssl("ec", "-pubout", "-outform", "DER", data=pem)[-64:]
    return {"kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW", "x": b64url(point[:32]), "y": b64url(point[32:])}


def report_data(nonce, key):
    material = json.dumps({"additional-evidence": "", "nonce": nonce, "tee-pubkey": key}, sort_keys=True,
                          separators=(",", ":"))
    return hashlib.sha384(material.encode()).digest()


def sized(data):
    return struct.pack(">H", len(data)) + data


def made_up_quote(nonce_bytes, pcrs):
    """A TPMS_ATTEST with the right PCRs and nonce, signed by a fresh RSA key that never saw a TPM."""
    with tempfile.TemporaryDirectory() as folder:
        private = os.path.join(folder, "key.pem")
        openssl("genrsa", "-out", private, "2048")
        public = openssl("rsa", "-in", private, "-pubout", "-outform", "DER")
        digest = hashlib.sha256(b"".join(bytes.fromhex(p) for p in pcrs)).digest()
        message = (bytes.fromhex("ff544347") + struct.pack(">H", 0x8018) + sized(b"\0\x0b" + hashlib.sha256(b"me").digest())
                   + sized(nonce_bytes) + struct.pack(">QIIBQ", 1000, 1, 0, 1, 0x2020)
                   + struct.pack(">IHB", 1, 0x000B, 3) + b"\xff\xff\xff" + sized(digest))
        signature = openssl("dgst", "-sha256", "-sign", private, data=message)
    return {"ak_public": base64.b64encode(public).decode(),
            "tpm_quote": {"signature": base64.b64encode(struct.pack(">HH", 0x0014, 0x000B) + sized(signature)).decode(),
                          "message": base64.b64encode(message).decode(), "pcrs": pcrs}}


def show(what, status, answer):
    print(f"{what}: {status} {answer.get('detail', '')} [{answer.get('reason', '')}]")
    if "id" in answer:
        print("id", answer["id"])


def forge(url, ca, evidence_file, path):
    """Everything right except who signed: the known-good PCRs, the right nonce, our own key."""
    service, key = Service(url, ca), own_key()
    pcrs = json.load(open(evidence_file))["tpm_quote"]["pcrs"]
    nonce = service.challenge()
    status, answer = service.attest(nonce, key, made_up_quote(report_data(nonce, key)[:32], pcrs))
    print("the quote is well-formed and signed: attest answers", status)
    status, answer = service.call("GET", "/kbs/v0/resource/" + path)
    show("but the secret", status, answer)
    return 0 if status != 200 else 1


def replay(url, ca, evidence_file):
    service = Service(url, ca)
    status, answer = service.attest(service.challenge(), own_key(), json.load(open(evidence_file)))
    show("attest", status, answer)
    return 0 if status != 200 else 1


def stolen(url, ca, token_file, path):
    token = open(token_file).read().strip()
    service = Service(url, ca)
    status, answer = service.call("GET", "/kbs/v0/resource/" + path, headers={"Authorization": "Bearer " + token})
    print("the token as it is:", status, "- encrypted to the key of its owner, useless to a thief")
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    evidence = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
    evidence["runtime_data_claims"]["tee-pubkey"] = own_key()
    forged = ".".join([header, b64url(json.dumps(claims).encode()), signature])
    status, answer = service.call("GET", "/kbs/v0/resource/" + path, headers={"Authorization": "Bearer " + forged})
    show("the token with the thief's key in it", status, answer)
    return 0 if status != 200 else 1


if __name__ == "__main__":
    sys.exit({"forge": forge, "replay": replay, "stolen": stolen}[sys.argv[1]](*sys.argv[2:]))
