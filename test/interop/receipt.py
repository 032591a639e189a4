"""Checks a receipt, written from docs/signing.md alone: shows that any program that knows JOSE can, without this project.

    receipt.py RECEIPT KEY-HISTORY [FILE]   the second is the document of <issuer>/.well-known/mtoken-key-history, the third what was
                                            signed where that is a document

Needs Python 3.10 and `cryptography` (Debian: python3-cryptography). Prints what was signed, by whom and when, as one JSON object; ends
with an exception where the receipt is not genuine.
"""

import hashlib
import json
import re
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

TOLERANCE = 120


def require(condition, what):
    if not condition:
        raise ValueError(what)


def unb64(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(text):
    return b64(hashlib.sha256(text.encode()).digest())


def thumbprint(jwk):
    names = ["crv", "kty", "x", "y"] if jwk["kty"] == "EC" else ["e", "kty", "n"]
    return digest(json.dumps({name: jwk[name] for name in names}, separators=(",", ":")))


def number(text):
    return int.from_bytes(unb64(text), "big")


def verify(jws, typ, jwk):
    protected, payload, signature = jws.split(".")
    require(all(b64(unb64(part)) == part for part in (protected, payload, signature)), "another spelling")
    header = json.loads(unb64(protected))
    require(header["typ"] == typ, f"not a {typ}")
    signed, raw = f"{protected}.{payload}".encode(), unb64(signature)
    if jwk["kty"] == "EC":
        require(header["alg"] == "ES256" and len(raw) == 64, "not ES256")
        key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    else:
        require(header["alg"] == "PS256", "not PS256")
        key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        key.verify(raw, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    return json.loads(unb64(payload))


def by_server(jws, typ, history):
    kid = json.loads(unb64(jws.split(".")[0]))["kid"]
    key = next(key for key in history["keys"] if key["kid"] == kid)
    require(thumbprint(key) == kid, "a key under another name")
    payload = verify(jws, typ, key)
    require(key["from"] is not None and payload["iat"] >= key["from"] - TOLERANCE, "before the key was used")
    require(key["until"] is None or payload["iat"] <= key["until"] + TOLERANCE, "after the key was replaced")
    return payload


def check(receipt, document, file=None):
    history = json.loads(unb64(document["payload"]))
    issuer = history["iss"]
    require(re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]+)?", issuer), "an issuer that is no origin")
    require(set(receipt) - {"list"} == {"format", "version", "order", "approval", "countersignature"}, "another form")
    require((receipt["format"], receipt["version"]) == ("mtoken-receipt", 1), "another format")
    order = by_server(receipt["order"], "mtoken-order+jws", history)
    counter = by_server(receipt["countersignature"], "mtoken-receipt+jws", history)
    device = counter["device"]
    approval = verify(receipt["approval"], "mtoken-approval+jws", device["jwk"])
    factor = "mpin" if counter["factor"] == "pin" else "biometric"
    expected = [
        ("issuer", issuer, order["iss"], counter["iss"], approval["aud"]),
        ("order", order["orderId"], counter["orderId"], approval["orderId"]),
        ("request", order.get("signing", {}).get("id"), counter.get("signingId", order.get("signing", {}).get("id"))),
        ("device", order["deviceId"], device["id"], approval["deviceId"]),
        ("purpose", "signing", order["purpose"], approval["purpose"]),
        ("decision", "approve", approval["decision"]),
        ("fresh proof", True, order["freshProof"]),
        ("portal", order["client"]["id"], approval["clientId"]),
        ("origin", order["origin"], approval["origin"]),
        ("challenge", order["challenge"], approval["challenge"]),
        ("description", digest(receipt["order"]), approval["descriptorHash"], counter["orderHash"]),
        ("approval", digest(receipt["approval"]), counter["approvalHash"]),
        ("text", digest(order["display"]["text"]), approval["displayHash"]),
        ("proof", [factor], approval["factors"]),
        ("mPIN alone", False, order.get("mpinOnly", False) and factor != "mpin"),
        ("status of the device", "active", device["status"]),
    ]
    for what, first, *others in expected:
        require(all(other == first for other in others), f"{what} differs")
    approved = counter["approvedAt"]
    times = [device["registeredAt"], order["iat"], counter["provedAt"], approved, counter["iat"]]
    in_order = all(later >= earlier - TOLERANCE for earlier, later in zip(times, times[1:]))
    require(in_order and approved <= order["exp"] + TOLERANCE, "times out of order")
    require(abs(approval["iat"] - approved) <= TOLERANCE, "the phone's time differs")
    payments = check_list(receipt, order["display"]["template"])
    if file is not None:
        check_file(order["display"]["template"], file)
    return {
        "text": order["display"]["text"],
        "user": counter["user"],
        "portal": order["client"]["name"],
        "reference": counter["reference"],
        "approvedAt": counter["approvedAt"],
        "payments": payments,
    }


def check_file(template, file):
    require(template["name"] == "document", "a receipt about no document")
    fields = template["fields"]
    require(len(file) == fields["size"], "a document of another length")
    require(hashlib.sha256(file).hexdigest() == fields["sha256"], "another document")


def check_list(receipt, template):
    if template["name"] != "payment-batch":
        require("list" not in receipt, "a list where none belongs")
        return []
    fields = template["fields"]
    require(digest(receipt["list"]) == fields["paymentsHash"], "another list")
    payments = json.loads(receipt["list"])
    written = json.dumps(payments, separators=(",", ":"), ensure_ascii=False)
    require(written == receipt["list"], "a list that can be read in two ways")
    require(len(payments) == fields["count"], "another number of payments")
    require(sum(payment["amount"] for payment in payments) == fields["total"], "another total")
    return payments


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf8") as receipt_file, open(sys.argv[2], encoding="utf8") as history_file:
        arguments = [json.load(receipt_file), json.load(history_file)]
    if len(sys.argv) > 3:
        with open(sys.argv[3], "rb") as signed_file:
            arguments.append(signed_file.read())
    print(json.dumps(check(*arguments)))
