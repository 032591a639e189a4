"""A phone in Python, written from docs/protocol.md alone: shows that the document is enough, and is an example for other languages.

    phone.py STATE register ACTIVATION-TEXT CONFIRMATION-CODE MPIN
    phone.py STATE approve SCANNED-TEXT MPIN        unlock, claim, show, approve
    phone.py STATE inbox MPIN                       unlock, list what waits
    phone.py STATE sign SIGNING-ID MPIN             the same as approve, of what waits

STATE is a file for keys and what is known of the server; a real phone keeps the keys in hardware. Needs Python 3.10 and `cryptography`
(Debian: python3-cryptography). Prints one JSON object; ends with an exception when the server, or who plays it, does not do as the
document says. § numbers are those of docs/protocol.md.
Of an order to sign it does not draw the text again, as a real phone must (§8).
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ENC = "A256CBC-HS512"
PROFILE = "rfc5054-2048-sha256"
# RFC 5054 appendix A, 2048 bits.
N = int(
    "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050A37329CBB4A099ED8193E0757767A13DD52312AB4B03310D"
    "CD7F48A9DA04FD50E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B855F97993EC975EEAA80D740ADBF4FF74"
    "7359D041D5C33EA71D281E446B14773BCA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748544523B524B0D57D"
    "5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB6"
    "94B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73",
    16,
)
G = 2


class ProtocolError(Exception):
    """The other side did not do as the document says."""


def require(condition, what):
    if not condition:
        raise ProtocolError(what)


# Encodings (§1)


def b64(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def frame(*parts):
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def pad(number):
    return number.to_bytes(256, "big")


# Keys and signatures (§2)


def public_jwk(key):
    numbers = key.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))}


def from_jwk(jwk):
    x, y = (int.from_bytes(unb64(jwk[name]), "big") for name in "xy")
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def thumbprint(jwk):
    """RFC 7638: the required members in alphabetical order."""
    names = {"EC": ["crv", "kty", "x", "y"], "RSA": ["e", "kty", "n"]}[jwk["kty"]]
    return b64(sha256(compact({name: jwk[name] for name in names})))


def sign(key, header, payload):
    text = f"{b64(compact({'alg': 'ES256', **header}))}.{b64(compact(payload))}"
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def verify(jws, typ, trusted):
    """The payload of a JWS by one of the trusted keys (by thumbprint)."""
    protected, payload, signature = jws.split(".")
    header = json.loads(unb64(protected))
    require(header["alg"] == "ES256" and header["typ"] == typ, "a signature of another kind")
    require(header["kid"] in trusted, "a signature by a key that is not trusted")
    raw = unb64(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    try:
        key = from_jwk(trusted[header["kid"]])
        key.verify(encode_dss_signature(r, s), f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ProtocolError("a signature that is not the server's") from None
    return json.loads(unb64(payload))


def fetch_keys(issuer, trusted_thumbprints):
    """The published key set, accepted only under a key that is trusted already: (signing keys by thumbprint, envelope key)."""
    document = get(f"{issuer}/.well-known/mtoken-keys")
    published = {thumbprint(key): key for key in json.loads(unb64(document["payload"]))["keys"]}
    candidates = {name: published[name] for name in trusted_thumbprints if name in published}
    for signature in document["signatures"]:
        jws = f"{signature['protected']}.{document['payload']}.{signature['signature']}"
        try:
            key_set = verify(jws, "mtoken-keys+jws", candidates)
        except ProtocolError:
            continue
        require(key_set["iss"] == issuer, "a key set of another server")
        signing = {name: key for name, key in published.items() if key["use"] == "sig" and key["kty"] == "EC"}
        envelope = next(key for key in published.values() if key["use"] == "enc" and key["kty"] == "EC")
        return signing, envelope
    raise ProtocolError("the key set is signed by no key that is trusted")


# Envelope (§3): RFC 7516 with A256CBC-HS512


def encrypt(header, key, plaintext):
    protected = b64(compact(header))
    padder = padding.PKCS7(128).padder()
    iv = secrets.token_bytes(16)
    encryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()
    tag = cbc_tag(key, protected, iv, ciphertext)
    return f"{protected}..{b64(iv)}.{b64(ciphertext)}.{b64(tag)}"


def decrypt(jwe, key):
    protected, encrypted_key, *rest = jwe.split(".")
    iv, ciphertext, tag = (unb64(part) for part in rest)
    header = json.loads(unb64(protected))
    require(header["alg"] == "dir" and header["enc"] == ENC and encrypted_key == "", "an envelope of another kind")
    require(hmac.compare_digest(tag, cbc_tag(key, protected, iv, ciphertext)), "an envelope that is not the server's")
    decryptor = Cipher(algorithms.AES(key[32:]), modes.CBC(iv)).decryptor()
    unpadder = padding.PKCS7(128).unpadder()
    return header, unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()


def cbc_tag(key, protected, iv, ciphertext):
    aad = protected.encode()
    text = aad + iv + ciphertext + (len(aad) * 8).to_bytes(8, "big")
    return hmac.new(key[:32], text, hashlib.sha512).digest()[:32]


def agree(server_jwk):
    """ECDH-ES (RFC 7518 §4.6), the agreed key used directly: (content key, public ephemeral key)."""
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    shared = ephemeral.exchange(ec.ECDH(), from_jwk(server_jwk))
    other = frame(ENC, "", "") + (512).to_bytes(4, "big")
    return ConcatKDFHash(hashes.SHA256(), 64, other).derive(shared), public_jwk(ephemeral.public_key())


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def post(url, headers, body):
    request = urllib.request.Request(url, body.encode(), {"content-type": "application/jose", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers["content-type"], refused.read().decode()


# SRP (§4)


def multiplier():
    return int.from_bytes(sha256(pad(N), pad(G)), "big")


def private_exponent(state, salt, mpin):
    password = hmac.new(unb64(state["secret"]), b"mtoken/v1/mpin\0" + mpin.encode(), hashlib.sha512).digest()
    return int.from_bytes(sha256(salt, sha256(f"{state['deviceId']}:{b64(password)}".encode())), "big")


class Prover:
    """The phone's side of one handshake."""

    def __init__(self):
        self.a = int.from_bytes(secrets.token_bytes(32), "big")
        self.A = pow(G, self.a, N)

    def answer(self, state, challenge, mpin):
        """What is sent as `proof`; keeps what `serverProof` must be, and the session key."""
        B = int(challenge["serverEphemeral"], 16)
        require(B % N != 0, "a server ephemeral of zero")
        u = int.from_bytes(sha256(pad(self.A), pad(B)), "big")
        require(u != 0, "a scrambling parameter of zero")
        salt = bytes.fromhex(challenge["salt"])
        x = private_exponent(state, salt, mpin)
        self.key = sha256(pad(pow(B - multiplier() * pow(G, x, N), self.a + u * x, N)))
        group = bytes(n ^ g for n, g in zip(sha256(pad(N)), sha256(bytes([G]))))
        proof = sha256(group, sha256(state["deviceId"].encode()), salt, pad(self.A), pad(B), self.key)
        self.expected = sha256(pad(self.A), proof, self.key).hex()
        return proof.hex()

    def check(self, server_proof):
        require(hmac.compare_digest(self.expected, server_proof), "a server that does not know the verifier")


# The phone


class Phone:
    def __init__(self, path):
        self.path = path
        self.session = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.state = json.load(file)
            self.key = serialization.load_pem_private_key(self.state["key"].encode(), None)
            self.open()

    def open(self):
        """Learns the server's clock and keys; what it learns replaces what it trusted (§2)."""
        issuer = self.state["issuer"]
        about = get(f"{issuer}/.well-known/mtoken-configuration")
        require(about["issuer"] == issuer and 1 in about["versions"], "another server, or another version")
        self.clock_offset = about["time"] - time.time()
        self.signing, self.envelope_key = fetch_keys(issuer, self.state["trusted"])
        self.state["trusted"] = list(self.signing)

    def now(self):
        return int(time.time() + self.clock_offset)

    def call(self, name, body):
        """One request (§3): sealed, signed as a whole, and the reply checked against it."""
        url = f"{self.state['issuer']}/app/v1/{name}"
        jti = b64(secrets.token_bytes(16))
        jwk = public_jwk(self.key.public_key())
        request = {"htm": "POST", "htu": url, "iat": self.now(), "jti": jti, "jkt": thumbprint(jwk)}
        header = {"enc": ENC, "typ": "mtoken-request+jwe"}
        if self.session is None:
            content_key, epk = agree(self.envelope_key)
            reply_key = secrets.token_bytes(64)
            header.update(alg="ECDH-ES", kid=thumbprint(self.envelope_key), epk=epk)
            request["replyKey"] = b64(reply_key)
        else:
            content_key, reply_key = self.session["toServer"], self.session["toApp"]
            header.update(alg="dir", kid=self.session["id"])
        sealed = encrypt(header, content_key, compact({**request, "body": body}))
        claims = {"jti": jti, "htm": "POST", "htu": url, "iat": self.now(), "bh": b64(sha256(sealed.encode()))}
        headers = {}
        if self.session is not None:
            claims["ath"] = b64(sha256(self.session["token"].encode()))
            headers["authorization"] = f"DPoP {self.session['token']}"
        headers["dpop"] = sign(self.key, {"typ": "dpop+jwt", "jwk": jwk}, claims)
        status, kind, text = post(url, headers, sealed)
        require(kind.startswith("application/jose"), f"{name}: {status} {text}")
        reply_header, plaintext = decrypt(text, reply_key)
        reply = json.loads(plaintext)
        require(reply_header["typ"] == "mtoken-reply+jwe", "a reply of another kind")
        require(reply["re"] == jti and reply["htu"] == url and reply["status"] == status, "a reply to another request")
        require(status == 200, f"{name}: {json.dumps(reply['body'])}")
        return reply["body"]

    def signed(self, typ, payload):
        return sign(self.key, {"typ": typ}, payload)

    def register(self, activation, confirmation, mpin):
        """§5. The activation text brings the one key of the server that is trusted from the start."""
        issuer, _, fragment = activation.partition("/activate#")
        given = dict(urllib.parse.parse_qsl(fragment))
        self.key = ec.generate_private_key(ec.SECP256R1())
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.state = {"issuer": issuer, "trusted": [given["k"]], "key": pem.decode(), "secret": b64(secrets.token_bytes(32))}
        self.open()
        device = {"name": "Python phone", "platform": "Python", "appVersion": "1.0"}
        started = self.call(
            "registration/start",
            {"activationCode": given["c"], "profile": PROFILE, "biometric": None, "device": device},
        )
        self.state["deviceId"] = started["deviceId"]
        salt = secrets.token_bytes(32)
        verifier = pad(pow(G, private_exponent(self.state, salt, mpin), N)).hex()
        statement = {
            "iss": issuer,
            "registrationId": started["registrationId"],
            "deviceId": started["deviceId"],
            "nonce": started["nonce"],
            "jkt": thumbprint(public_jwk(self.key.public_key())),
            "biometricJkt": None,
            "profile": PROFILE,
            "salt": salt.hex(),
            "verifier": verifier,
            "iat": self.now(),
        }
        finished = self.call(
            "registration/finish",
            {
                "registrationId": started["registrationId"],
                "confirmationCode": confirmation,
                "salt": salt.hex(),
                "verifier": verifier,
                "signature": self.signed("mtoken-registration+jws", statement),
                "biometricSignature": None,
            },
        )
        self.save()
        return finished

    def save(self):
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(self.state, file)

    def unlock(self, mpin):
        """§6: proves the mPIN, believes the server only after its own proof, derives the session's keys."""
        prover = Prover()
        ephemeral = pad(prover.A).hex()
        start = {"deviceId": self.state["deviceId"], "method": "mpin", "clientEphemeral": ephemeral}
        challenge = self.call("session/start", start)
        proof = prover.answer(self.state, challenge, mpin)
        opened = self.call("session/finish", {"handshake": challenge["handshake"], "proof": proof})
        prover.check(opened["serverProof"])
        transcript = frame(
            "mpin",
            challenge["handshake"],
            self.state["deviceId"],
            ephemeral,
            challenge["serverEphemeral"],
            proof,
            opened["serverProof"],
        )
        salt = hashlib.sha512(transcript).digest()
        keys = [
            HKDF(hashes.SHA512(), 64, salt, f"mtoken/v1/{way}".encode()).derive(prover.key)
            for way in ("app-to-server", "server-to-app")
        ]
        self.session = {"id": opened["sessionId"], "token": opened["accessToken"], "toServer": keys[0], "toApp": keys[1]}

    def scan(self, scanned):
        """§7: what a code says, as a claim."""
        found = re.fullmatch(r"(.+)/([ql])/([\w-]{22})\.(\d{1,10})\.([\w-]{16})", scanned, re.ASCII)
        require(found and found[1] == self.state["issuer"], "no code of this server")
        via = {"q": "qr", "l": "link"}[found[2]]
        return {"via": via, "token": found[3], "step": int(found[4]), "tag": found[5]}

    def inbox(self):
        """§8: what waits, each of it once."""
        waiting = self.call("orders/inbox", {})["waiting"]
        require(len({one["signingId"] for one in waiting}) == len(waiting) <= 100, "an inbox that is none")
        return {"waiting": waiting}

    def approve(self, claim, mpin):
        """§8: claims, verifies what is asked, and signs the approval of exactly that."""
        claimed = self.call("orders/claim", claim)
        jws = claimed["descriptor"]
        descriptor = verify(jws, "mtoken-order+jws", self.signing)
        known = {"iss": self.state["issuer"], "orderId": claimed["orderId"], "deviceId": self.state["deviceId"]}
        for name, mine in {**known, "via": claim["via"]}.items():
            require(descriptor[name] == mine, f"an order with another {name}")
        signing = descriptor.get("signing")
        if claim["via"] == "inbox":
            require(signing and signing["id"] == claim["signingId"], "an order about something else")
        if descriptor["purpose"] == "signing":
            require(descriptor["freshProof"], "something to sign without a proof of its own")
        if signing is not None:
            require(descriptor["purpose"] == "signing", "a login with something to sign")
            require(signing["approvers"]["given"] < signing["approvers"]["needed"], "an order that has all its approvals")
        require(descriptor["exp"] > self.now(), "an order that is over")
        proof, prover = None, Prover()
        if descriptor["freshProof"]:
            start = {"orderId": claimed["orderId"], "clientEphemeral": pad(prover.A).hex()}
            challenge = self.call("orders/proof", start)
            proof = {"handshake": challenge["handshake"], "proof": prover.answer(self.state, challenge, mpin)}
        approval = {
            "aud": descriptor["iss"],
            "orderId": descriptor["orderId"],
            "deviceId": descriptor["deviceId"],
            "purpose": descriptor["purpose"],
            "decision": "approve",
            "clientId": descriptor["client"]["id"],
            "origin": descriptor["origin"],
            "challenge": descriptor["challenge"],
            "displayHash": b64(sha256(descriptor["display"]["text"].encode())),
            "descriptorHash": b64(sha256(jws.encode())),
            "factors": ["mpin"],
            "iat": self.now(),
        }
        signed = self.signed("mtoken-approval+jws", approval)
        decided = self.call("orders/decide", {"orderId": descriptor["orderId"], "approval": signed, "proof": proof})
        if proof is not None:
            prover.check(decided["serverProof"])
        warnings = [] if signing is None else signing["warnings"]
        return {**decided, "shown": descriptor["display"]["text"], "warnings": warnings}


def main(path, command, *words):
    phone = Phone(path)
    if command == "register":
        return phone.register(*words)
    *what, mpin = words
    phone.unlock(mpin)
    if command == "inbox":
        return phone.inbox()
    claim = phone.scan(*what) if command == "approve" else {"via": "inbox", "signingId": what[0]}
    return phone.approve(claim, mpin)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
