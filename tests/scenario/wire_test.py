#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon beside recordings of upstream's server: every recorded request again, in order, with nonces, cookies,
evidence and tokens made fresh. The answer is upstream's, or a deviation of the table below says how and why it is not;
docs/compatibility.md is that table in words. The recordings are no part of this project: TRUSTEE_WIRE names their folder.
"""

import copy
import dataclasses
import email.utils
import glob
import json
import os
import re
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

try:
    import trusteed
    from trusteed import Daemon, Key, base64url, canonical, from_base64url, report_data, sign, token_parts
    from jwcrypto import jwk
    MISSING = ", ".join(trusteed.missing())
except ImportError as problem:
    MISSING = str(problem)

VECTORS = os.environ.get("TRUSTEE_VECTORS", os.path.join(ROOT, "..", "shared", "vectors"))
WIRE = os.environ.get("TRUSTEE_WIRE", os.path.join(VECTORS, "..", "upstream", "wire", "kbs"))

# What the daemon is configured with. The recordings were made with every one of upstream's lax settings on.
OWN = {}
UPSTREAM = {"service": {"compat_status": "upstream"}}
LAX = {**UPSTREAM, "release": {"allow_rsa1_5": "yes"}, "token": {"allow_insecure_header_jwk": "yes"}}


@dataclasses.dataclass(frozen=True)
class Deviation:
    """`facet` of the answers to the recorded requests `cases` (empty: any) is `ours` instead of `theirs` (None: any
    value), unless the switch `until` is set to upstream's way."""

    id: str
    facet: str
    why: str
    cases: frozenset = frozenset()
    theirs: object = None
    ours: object = None
    until: str = ""

    def explains(self, number, facet, theirs, ours):
        return (facet == self.facet and (not self.cases or number in self.cases)
                and self.theirs in (None, theirs) and self.ours in (None, ours))

    def holds(self, settings):
        section, _, option = self.until.partition(".")
        return option not in settings.get(section, {})


COMPAT = "service.compat_status"
EVIDENCE = "token member /submods/*/ear.veraison.annotated-evidence/trustee"
NO_ROUTE = frozenset({114, 115, 116, 117, 120})
BY_HTTP = frozenset({69, 71, 118, 119, 159, 160, 162, 163, 167})
MALFORMED = frozenset({42, 54, 55, 56, 57, 59, 60, 63, 76, 77, 106, 108, 141, 142, 143, 145, 146, 148, 149, 151, 154,
                       155, 156})

DEVIATIONS = [
    Deviation("status-400", "status", "what is malformed will not be mended by attesting again", MALFORMED, 401, 400, COMPAT),
    Deviation("status-403", "status", "a 401 makes the guest attest again, three times", frozenset({122, 128}), 401, 403,
              COMPAT),
    Deviation("status-404", "status", "a 401 makes the guest attest again, three times", frozenset({9, 105, 158}), 401, 404,
              COMPAT),
    Deviation("error-members", "error members", "`reason` and `id` lead to the record of the decision", ours="reason",
              until=COMPAT),
    Deviation("error-members", "error members", "`reason` and `id` lead to the record of the decision", ours="id",
              until=COMPAT),
    Deviation("error-content-type", "content-type", "JSON is said to be JSON", theirs=None, ours="application/json",
              until=COMPAT),
    Deviation("http-errors", "body", "clients parse every body that is not of 200 as ErrorInformation",
              NO_ROUTE | BY_HTTP, ours="ErrorInformation"),
    Deviation("http-errors", "content-type", "clients parse every body that is not of 200 as ErrorInformation",
              BY_HTTP | {164}, ours="application/json"),
    Deviation("cookie-attributes", "cookie", "the cookie stays where it belongs", theirs="kbs-session-id, Expires",
              ours="kbs-session-id, Expires, Path, HttpOnly, SameSite"),
    Deviation("token-members", "token member /trustee.generation", "tokens end with the policies that they rest on"),
    Deviation("token-members", "token member /trustee.decision", "a token leads to the record of its decision"),
    Deviation("token-members", EVIDENCE + "/insecure", "policies can tell evidence that proves nothing", ours="true"),
    Deviation("token-members", EVIDENCE + "/init_data_checked", "policies can tell init-data that nothing proves",
              ours="false"),
    Deviation("token-members", EVIDENCE + "/attached", "policies can tell a device that may be elsewhere",
              frozenset({46}), ours='"unproven"'),
    Deviation("rsa1-5", "status", "decryption with PKCS #1 v1.5 padding can be made to leak", frozenset({26}), 200,
              "401 JweError",
              "release.allow_rsa1_5"),
    Deviation("header-jwk", "status", "a key that a token brings itself proves nothing", frozenset({97, 98}), 200,
              "401 TokenVerifierError", "token.allow_insecure_header_jwk"),
    Deviation("rego-dialects", "status", "policies without `import rego.v1` and `if` are accepted too", frozenset({127}),
              401, 200),
    Deviation("policy-error-text", "detail", "the position and what is wrong there, in our words", frozenset({145, 146})),
    Deviation("policy-error-place", "detail", "an administrator learns where the policy is wrong", frozenset({148, 149}),
              until=COMPAT),
    Deviation("metrics-content-type", "content-type", "Prometheus 3 wants one", frozenset({52, 169}), None,
              "text/plain; version=0.0.4; charset=utf-8"),
    Deviation("metrics-labels", "metric labels kbs_resource_reads_total", "names of secrets are nobody's business",
              frozenset({52, 169}), "resource_path", ""),
    Deviation("metrics-labels", "metric labels kbs_resource_writes_total", "names of secrets are nobody's business",
              frozenset({52, 169}), "resource_path", ""),
    Deviation("metrics-labels", "metric labels kbs_resource_deletes_total", "names of secrets are nobody's business",
              frozenset({169}), "resource_path", ""),
    Deviation("metrics-labels", "metric labels kbs_build_info", "a build of the same sources is the same build",
              frozenset({52, 169}), "build_date,git_hash,version", "version"),
    Deviation("allow-header", "allow", "names what is allowed at this path", frozenset({118, 119}), ours="GET"),
    Deviation("host-header", "status", "RFC 9112, section 3.2", frozenset({164}), 200, "400 HTTPFailed"),
]
# Deviations that no recorded exchange shows, and the tests that do.
ELSEWHERE = {
    "stored-token": "hostile_test S06",
    "token-generation": "hostile_token_test T01",
    "token-leeway": "hostile_token_test A17",
    "unauthenticated-paths": "hostile_release_test R11",
    "resource-policy": "hostile_release_test E10",
    "appraisal-values": "hostile_release_test K09",
    "appraisal-policies": "peers_test, a TPM",
    "dcap-defaults": "tdx_forged_test, sgx_forged_test",
    "dcap-eventlog": "eventlog_claims_test",
    "snp-defaults": "snp_test, snp_chain_test",
    "admin-paths": "hostile_token_test A03",
    "duplicate-members": "hostile_test J02",
}


# --- recordings -------------------------------------------------------------------------------------------------------
@dataclasses.dataclass
class Recording:
    number: int
    name: str
    line: str
    headers: list
    body: bytes
    answer: object
    date: float


def parse_head(text):
    """Lines and body. Most recordings have the lines as they were sent, some without their carriage returns."""
    head, _, body = re.match(rb"(?s)(.*?)(\r\n\r\n|\n\n|$)(.*)", text).groups()
    return head.decode().replace("\r", "").split("\n"), body


def parse_answer(text):
    lines, body = parse_head(text)
    code = int(lines[0].split(" ")[1])
    if code == 100:
        return parse_answer(body)
    headers = [(k.lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines[1:])]
    size = int(dict(headers).get("content-length", len(body)))
    return trusteed.Response(code, headers, body[:size])


def unfold(body):
    """A body that the recording abridges: its last byte, repeated."""
    shown = re.search(rb"\n\[\[\.\.\. (\d+) more bytes sent \.\.\.\]\]", body)
    return body[:shown.start()] + body[shown.start() - 1:shown.start()] * int(shown[1]) if shown else body


def parse(path):
    with open(path, "rb") as f:
        request, answer = f.read().split(b"### REQUEST\n", 1)[1].split(b"\n### RESPONSE\n", 1)
    answer = parse_answer(answer)
    lines, body = parse_head(unfold(request))
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line.strip()]
    size = int(dict((k.lower(), v) for k, v in headers).get("content-length", 0))
    if any(k.lower() == "transfer-encoding" for k, _ in headers):
        size = len(body)
    name = os.path.basename(path)
    date = email.utils.parsedate_to_datetime(answer.header("date")).timestamp()
    return Recording(int(name[:3]), name[:-5], lines[0], headers, body[:size], answer, date)


def recordings():
    return [parse(path) for path in sorted(glob.glob(os.path.join(WIRE, "[0-9]*.http")))]


# --- a request made fresh ---------------------------------------------------------------------------------------------
class Replay:
    """What of the recordings stands for what here: cookies, nonces, TEE keys, tokens."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.cookies, self.nonces, self.tokens, self.keys, self.sessions = {}, {}, {}, {}, {}
        self.secrets = {}
        self.foreign = jwk.JWK.generate(kty="EC", crv="P-256")
        self.stranger = jwk.JWK.generate(kty="EC", crv="P-256")

    def key_for(self, public):
        """Our key of the same kind, so that answers can be decrypted; the recorded one where that cannot be."""
        kind = {"P-256": "P-256", "P-521": "P-521"}.get(public.get("crv"), "RSA" if public.get("kty") == "RSA" else None)
        alg = public.get("alg", "")
        valid = kind == "RSA" or kind and public.get("x", "") != public.get("y", "")
        if not valid:
            return public
        text = canonical(public)
        if text not in self.keys:
            self.keys[text] = Key(kind, alg)
        return self.keys[text]

    def attestation(self, recorded, cookie):
        """Evidence that was right for its challenge becomes right for ours; what was wrong stays wrong."""
        body = json.loads(recorded)
        runtime = body.get("runtime-data")
        if not isinstance(runtime, dict):
            return recorded
        old_device = {k: runtime[k] for k in ("nonce", "tee-pubkey")}
        additional = body["tee-evidence"]["additional_evidence"]
        old = {"additional-evidence": additional, **old_device}
        fresh = copy.deepcopy(body)
        key = self.key_for(runtime["tee-pubkey"])
        public = key.public if isinstance(key, Key) else key
        nonce = self.nonces.get(runtime["nonce"], runtime["nonce"])
        fresh["runtime-data"] = {"nonce": nonce, "tee-pubkey": public}
        device = report_data(fresh["runtime-data"])
        additional = additional.replace(report_data(old_device), device)
        fresh["tee-evidence"]["additional_evidence"] = additional
        evidence = fresh["tee-evidence"]["primary_evidence"]
        if evidence.get("report_data") == report_data(old):
            evidence["report_data"] = report_data({"additional-evidence": additional, **fresh["runtime-data"]})
        self.sessions[cookie] = key
        return json.dumps(fresh, separators=(",", ":"), ensure_ascii=False).encode()

    def admin_token(self, recording, claims):
        claims = json.loads(claims)
        shift = int(time.time() - recording.date)
        claims = {k: v + shift if k in ("iat", "exp", "nbf") else v for k, v in claims.items()}
        key = self.stranger if "wrongkey" in recording.name else None
        return self.daemon.admin_jwt(claims, key)

    def other_token(self, recording, recorded):
        """Tokens of the recordings that upstream did not make."""
        header, claims = token_parts(recorded)
        shift = int(time.time() - recording.date)
        claims = {k: v + shift if k in ("iat", "exp", "nbf") else v for k, v in claims.items()}
        at = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["runtime_data_claims"]
        key = self.key_for(at["tee-pubkey"])
        at["tee-pubkey"] = key.public
        if header["alg"] == "none":
            return base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode()) + "."
        public = {**self.foreign.export_public(as_dict=True), "alg": "ES256"}
        self.tokens_key = key
        return sign(self.foreign, claims, {**header, "jwk": public})

    def authorization(self, recording, value):
        scheme, _, token = value.partition(" ")
        claims = re.match(r"<admin JWT with claims (.*)>$", token)
        if claims:
            return "Bearer " + self.admin_token(recording, claims[1])
        if scheme != "Bearer" or len(token) < 100:
            return value
        if token not in self.tokens:
            return "Bearer " + self.other_token(recording, token)
        return "Bearer " + self.fresh(token)

    def fresh(self, recorded):
        """Ours for upstream's, attested anew where a policy was set in between: security-rules 9."""
        token, key, generation = self.tokens[recorded]
        if generation != self.generation:
            token = self.daemon.token(key)
            self.tokens[recorded] = (token, key, self.generation)
        self.tokens_key = key
        return token

    generation = 0
    tokens_key = None

    def request(self, recording):
        """The bytes to send."""
        body = recording.body
        headers, cookie = [], None
        for name, value in recording.headers:
            if name.lower() == "cookie":
                cookie = value.split("=", 1)[1]
                value = "kbs-session-id=" + self.cookies.get(cookie, cookie)
            elif name.lower() == "authorization":
                value = self.authorization(recording, value)
            elif name.lower() == "host":
                value = value.replace("18080", str(self.daemon.port))
            headers.append([name, value])
        if recording.line.startswith("POST /kbs/v0/attest ") and body.startswith(b"{") and len(body) > 2:
            body = self.attestation(body, cookie)
        if cookie in self.sessions:
            self.tokens_key = self.sessions[cookie]
        for header in headers:
            if header[0].lower() == "content-length" and len(body) != len(recording.body):
                header[1] = str(len(body))
        head = recording.line + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n"
        return head.encode() + body

    def learn(self, recording, answer):
        """What later requests refer to."""
        theirs = recording.answer
        if theirs.status != 200 or answer.status != 200:
            return
        if recording.line.startswith("POST /kbs/v0/auth "):
            self.cookies[theirs.cookie()] = answer.cookie()
            self.nonces[theirs.json()["nonce"]] = answer.json()["nonce"]
        elif recording.line.startswith("POST /kbs/v0/attest "):
            cookie = dict(recording.headers)["Cookie"].split("=", 1)[1]
            self.tokens[theirs.json()["token"]] = (answer.json()["token"], self.sessions[cookie], self.generation)
        elif recording.line.startswith("POST /kbs/v0/attestation-policy "):
            self.generation += 1
        elif recording.line.startswith("POST /kbs/v0/resource/"):
            self.secrets[recording.line.split(" ")[1].split("/resource/")[1]] = recording.body


# --- what of two answers is compared ------------------------------------------------------------------------------------
FRESH = {"iat", "exp", "x", "y", "n", "nonce", "tee-pubkey", "report_data"}


def leaves(value, path=""):
    """(path, value) of everything in a document, in order; what is fresh each time has its type for its value."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            fresh = name in FRESH and not isinstance(member, dict)
            yield from [(f"{path}/{name}", type(member).__name__)] if fresh else leaves(member, f"{path}/{name}")
    elif isinstance(value, str) and value.startswith('{"sampledevice"'):
        yield path, "additional evidence"
    else:
        yield path, json.dumps(value)


def compare_documents(facet, theirs, ours):
    a, b = list(leaves(theirs)), list(leaves(ours))
    known = {path for path, _ in a}
    for path, value in b:
        if path not in known:
            yield f"{facet} member {re.sub('submods/[a-z0-9]+/', 'submods/*/', path)}", "absent", value
    b = [leaf for leaf in b if leaf[0] in known]
    if a == b:
        return
    for path, value in a:
        got = dict(b).get(path, "absent")
        if got != value:
            yield f"{facet} {path}", value, got
    if sorted(a) == sorted(b):
        yield f"{facet} order", [p for p, _ in a], [p for p, _ in b]


def compare_jwe(theirs, ours, key, secret):
    if list(theirs) != list(ours):
        yield "JWE members", list(theirs), list(ours)
    a, b = (json.loads(from_base64url(x["protected"])) for x in (theirs, ours))
    yield from compare_documents("JWE header", a, b)
    got = key.decrypt(trusteed.Response(200, [], json.dumps(ours).encode()))
    if got != secret:
        yield "secret", secret, got


def compare_errors(theirs, ours):
    for name in ("type", "detail"):
        if theirs[name] != ours[name]:
            yield name, theirs[name], ours[name]
    for name in ours:
        if name not in theirs:
            yield "error members", "absent", name


def families(metrics):
    return set(re.findall(r"(?m)^# TYPE (\S+ \S+)$", metrics.decode()))


def labels(metrics):
    """The names of the labels of every metric."""
    found = re.findall(r"(?m)^([a-z_]+)(?:\{(.*)\})? [0-9.]+$", metrics.decode())
    return {name: ",".join(re.findall(r"(\w+)=\"", text)) for name, text in found}


def compare_bodies(theirs, ours, key, secret):
    if theirs.kind():
        if not ours.kind():
            yield "body", theirs.body, ours.body
            return
        yield from compare_errors(theirs.json(), ours.json())
    elif theirs.body.startswith(b"# HELP"):
        for family in sorted(families(theirs.body) - families(ours.body)):
            yield "metric " + family, "present", "absent"
        mine = labels(ours.body)
        for name, found in sorted(labels(theirs.body).items()):
            if mine.get(name, found) != found:
                yield "metric labels " + name, found, mine[name]
    elif theirs.body.startswith(b'{"token"'):
        for a, b, part in zip(token_parts(theirs.json()["token"]), token_parts(ours.json()["token"]),
                              ("token header", "token")):
            yield from compare_documents(part, a, b)
    elif theirs.body.startswith(b'{"protected"'):
        yield from compare_jwe(theirs.json(), ours.json(), key, secret)
    elif theirs.body.startswith(b'{"nonce"'):
        yield from compare_documents("challenge", theirs.json(), ours.json())
        if len(theirs.json()["nonce"]) != len(ours.json()["nonce"]):
            yield "nonce", theirs.json()["nonce"], ours.json()["nonce"]
    elif theirs.body != ours.body:
        yield "body", theirs.body.decode(), ("ErrorInformation" if ours.kind() else ours.body.decode())


def cookie_attributes(answer):
    value = answer.header("set-cookie")
    if value is None:
        return None
    names = [part.strip().partition("=")[0] for part in value.split(";")]
    return ", ".join(names)


def compare(recording, ours, key, secret):
    """Differences: (facet, theirs, ours)."""
    theirs = recording.answer
    if theirs.status != ours.status:
        refused = theirs.status == 200 and ours.kind()
        yield "status", theirs.status, f"{ours.status} {ours.kind()}" if refused else ours.status
    for name in ("content-type", "allow"):
        if theirs.header(name) != ours.header(name):
            yield name, theirs.header(name), ours.header(name)
    if cookie_attributes(theirs) != cookie_attributes(ours) and (theirs.status == 200) == (ours.status == 200):
        yield "cookie", cookie_attributes(theirs), cookie_attributes(ours)
    if (theirs.status == 200) == (ours.status == 200):
        yield from compare_bodies(theirs, ours, key, secret)
    elif ours.status != 200 and not ours.kind():
        yield "body", "ErrorInformation", ours.body


def replay(settings):
    """Every recording once: (recording, facet, theirs, ours) for each difference; and what was seen alive."""
    bench = "\n[admin-key bench]\npublic_key = {home}/keys/admin.pub\nissuer = bench\naudience = kbs\n"
    differences = []
    with Daemon(settings, bench) as daemon:
        state = Replay(daemon)
        for recording in recordings():
            state.tokens_key = None
            data = state.request(recording)
            ours = daemon.raw(data, head_only=recording.line.startswith("HEAD"))
            path = recording.line.split(" ")[1] if " " in recording.line else ""
            secret = state.secrets.get(path.partition("/resource/")[2].partition("?")[0])
            state.learn(recording, ours)
            differences += [(recording, *d) for d in compare(recording, ours, state.tokens_key, secret)]
        assert daemon.alive(), daemon.log_text()
    return differences


@unittest.skipIf(MISSING, f"not installed or built: {MISSING}")
@unittest.skipUnless(os.path.isdir(WIRE), "TRUSTEE_WIRE names no recordings of upstream")
class Wire(unittest.TestCase):
    maxDiff = None

    def judge(self, settings):
        active = [d for d in DEVIATIONS if d.holds(settings)]
        used = {i: set() for i in range(len(active))}
        surprises = []
        for recording, facet, theirs, ours in replay(settings):
            hits = [i for i, d in enumerate(active) if d.explains(recording.number, facet, theirs, ours)]
            for i in hits:
                used[i].add(recording.number)
            # What a request that was refused says instead is said by the deviation of its status.
            refused = recording.answer.status == 200 and any(
                d.facet == "status" and recording.number in d.cases for d in active)
            if not hits and not (refused and facet == "content-type"):
                surprises.append(f"{recording.name}: {facet}: {theirs!r} became {ours!r}")
        self.assertEqual(surprises, [])
        stale = [f"{d.id} {d.facet} {sorted((d.cases or {0}) - used[i])}" for i, d in enumerate(active)
                 if (d.cases - used[i] if d.cases else not used[i])]
        self.assertEqual(stale, [], "deviations of the table that are none any more")

    def test_every_recorded_exchange_is_answered_as_upstream_does_or_as_the_table_says(self):
        self.judge(OWN)

    def test_statuses_are_upstreams_with_compat_status(self):
        self.judge(UPSTREAM)

    def test_what_upstream_allows_is_allowed_with_every_switch(self):
        self.judge(LAX)


    def test_a_token_without_reference_values_is_upstreams(self):
        path = os.path.join(WIRE, "..", "tokens", "token-sample-default-policy.json")
        with open(path, encoding="utf-8") as f:
            theirs = json.load(f)
        with Daemon() as daemon:
            header, claims = token_parts(daemon.token())
        self.assertEqual(list(compare_documents("token header", theirs["header"], header)), [])
        found = [d for d in compare_documents("token", theirs["claims"], claims)
                 if not any(e.explains(0, *d) for e in DEVIATIONS)]
        self.assertEqual(found, [])


class Documented(unittest.TestCase):
    def test_every_deviation_stands_in_the_documentation_and_none_besides(self):
        with open(os.path.join(ROOT, "docs", "compatibility.md"), encoding="utf-8") as f:
            documented = re.findall(r"(?m)^\| `([a-z0-9-]+)` \|", f.read())
        self.assertEqual(sorted(documented), sorted({d.id for d in DEVIATIONS} | set(ELSEWHERE)))


if __name__ == "__main__":
    unittest.main()
