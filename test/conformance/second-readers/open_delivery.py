#!/usr/bin/env python3
"""Opens what Rootkeep delivers to a client's key, makes the plaintexts and thumbprints, and judges keys, with nothing of Rootkeep's own
(docs/spec/delivery.md; RFC 7516, 7518 section 4.6, 7638). Needs the Python package `cryptography`.

usage: open_delivery.py VECTORS_FILE|-      prints one JSON object: the result of each vector, by list and name
"""
import base64, binascii, hashlib, json, struct, sys
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refused(Exception):
    pass


def unbase64(text, size=None):
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Refused("base64url")
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text or (size is not None and len(raw) != size):
        raise Refused("base64url")
    return raw


def plaintext(value):  # [DL-7] [DL-8]
    escaped = "".join("\\" + c if c in '"\\' else "\\u%04x" % ord(c) if ord(c) < 32 else c for c in value)
    size = len(('{"pad":"","value":"%s"}' % escaped).encode("utf-8"))
    return '{"pad":"%s","value":"%s"}' % ("0" * (-size % 512), escaped)


def public_key(jwk):  # [DL-2] [DL-3] [DL-4]
    names = {("EC", "P-256"): ("x", "y"), ("OKP", "X25519"): ("x",)}.get((jwk.get("kty"), jwk.get("crv")))
    marks = {"use": lambda v: v == "enc", "alg": lambda v: v == "ECDH-ES", "ext": lambda v: isinstance(v, bool), "key_ops": lambda v: v == []}
    if names is None or "d" in jwk:
        raise Refused("key")
    for name, value in jwk.items():
        if name not in ("kty", "crv") + names and not (name in marks and marks[name](value)):
            raise Refused("member")
    raw = [unbase64(jwk.get(name), 32) if isinstance(jwk.get(name), str) else None for name in names]
    if None in raw:
        raise Refused("coordinate")
    try:
        if jwk["kty"] == "EC":
            return ec.EllipticCurvePublicNumbers(*[int.from_bytes(part, "big") for part in raw], ec.SECP256R1()).public_key()
        key = x25519.X25519PublicKey.from_public_bytes(raw[0])
        x25519.X25519PrivateKey.generate().exchange(key)
        return key
    except ValueError:
        raise Refused("point")


def thumbprint(jwk):  # [DL-5]
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def agree(private, public):
    number = unbase64(private["d"], 32)
    if private["kty"] == "EC":
        return ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1()).exchange(ec.ECDH(), public)
    return x25519.X25519PrivateKey.from_private_bytes(number).exchange(public)


def open_jwe(private, jwe):  # [DL-6] [DL-9]
    parts = jwe.split(".")
    if len(parts) != 5 or parts[1] != "":
        raise Refused("form")
    header = json.loads(unbase64(parts[0]))
    mine = {name: part for name, part in private.items() if name != "d"}
    if set(header) != {"alg", "enc", "kid", "epk"} or (header["alg"], header["enc"], header["kid"]) != ("ECDH-ES", "A256GCM", thumbprint(mine)):
        raise Refused("header")
    if header["epk"].get("crv") != private["crv"]:
        raise Refused("curve")
    # RFC 7518, 4.6.2: one round of SHA-256 gives the 256 bits; PartyUInfo and PartyVInfo are empty.
    info = struct.pack(">I", 7) + b"A256GCM" + struct.pack(">III", 0, 0, 256)
    key = hashlib.sha256(struct.pack(">I", 1) + agree(private, public_key(header["epk"])) + info).digest()
    try:
        text = AESGCM(key).decrypt(unbase64(parts[2], 12), unbase64(parts[3]) + unbase64(parts[4], 16), parts[0].encode("ascii"))
        body = json.loads(text)
    except (InvalidTag, ValueError):
        raise Refused("ciphertext")
    if set(body) != {"pad", "value"} or not all(isinstance(part, str) for part in body.values()):
        raise Refused("plaintext")
    return body["value"]


def outcome(act):
    try:
        return act()
    except Refused:
        return "refused"


if __name__ == "__main__":
    with sys.stdin if sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    recipes = {
        "plaintexts": lambda v: hashlib.sha256(plaintext(v["value"]).encode("utf-8")).hexdigest(),
        "keys": lambda v: public_key(json.loads(v["jwk"])) and thumbprint(json.loads(v["jwk"])),
        "refusedKeys": lambda v: public_key(json.loads(v["jwk"])) and "taken",
        "deliveries": lambda v: open_jwe(json.loads(v["privateJwk"]), v["jwe"]),
        "refused": lambda v: open_jwe(json.loads(v["privateJwk"]), v["jwe"]),
    }
    print(json.dumps({part: {v["name"]: outcome(lambda: recipe(v)) for v in vectors[part]} for part, recipe in recipes.items()}))
