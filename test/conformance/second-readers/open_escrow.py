#!/usr/bin/env python3
"""Opens Rootkeep's secrets with the shares of the escrow quorum: no Rootkeep, no KMS, no HSM. docs/spec/escrow.md is all it rests on,
besides the form of a sealed value (open_sealed.py beside this file).

    open_escrow.py SHARE_FILE ... < ROWS > RESULTS

ROWS: one JSON object per line with deployment, data_key (id, account_id, aws_account_id, domain, use, escrow) and value as in
open_sealed.py, bytes in hex; without value the data key itself is printed. RESULTS: one line per row, "opens <hex>" or "refuses". Needs the
Python package `cryptography`. Secrets go to standard output: send it where only you read.
"""
import base64, hashlib, hmac, json, re, sys
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from open_sealed import encode, open_value

LABELS = ("recipient", "set", "share", "threshold", "data", "checksum")
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def parse_share(text):
    """[ES-3] [ES-4]"""
    form = r"rootkeep-escrow-share/1 recipient: (age1\S{58}) set: (\S{16}) share: (\d+ of \d+) threshold: (\d+) data: (\S{44}) checksum: (\S{16})"
    found = re.fullmatch(form, " ".join(text.split()))
    if found is None:
        raise ValueError("not a share")
    share = dict(zip(LABELS, found.groups()))
    body = "rootkeep-escrow-share/1\n" + "".join(f"{label}: {share[label]}\n" for label in LABELS[:-1])
    if hashlib.sha256(body.encode()).hexdigest()[:16] != share["checksum"]:
        raise ValueError("a share is damaged")
    (index, shares), threshold = map(int, share["share"].split(" of ")), int(share["threshold"])
    if not (1 <= index <= shares <= 255 and 2 <= threshold <= shares and base64.b64decode(share["data"])[32]):
        raise ValueError("a share is damaged")
    return share


def multiply(a, b):
    """In GF(2^8) with the polynomial of AES, x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def inverse(a):
    result = 1
    for _ in range(254):
        result = multiply(result, a)
    return result


def combine(shares):
    """[ES-5]: Lagrange's interpolation at 0, byte by byte."""
    first = shares[0]
    if any(share[label] != first[label] for share in shares for label in ("recipient", "set", "threshold")):
        raise ValueError("shares of two sets")
    points = [base64.b64decode(share["data"]) for share in shares]
    if len({point[32] for point in points}) != len(points):
        raise ValueError("a share is there twice")
    if len(points) < int(first["threshold"]):
        raise ValueError(f"{len(points)} shares, and {first['threshold']} are needed")
    scalar = bytearray(32)
    for point in points:
        basis = 1
        for other in points:
            if other is not point:
                basis = multiply(basis, multiply(other[32], inverse(other[32] ^ point[32])))
        for at in range(32):
            scalar[at] ^= multiply(point[at], basis)
    identity = X25519PrivateKey.from_private_bytes(bytes(scalar))
    if recipient_of(identity) != first["recipient"]:
        raise ValueError("the shares do not combine to the identity of their recipient")
    return identity


def raw(public_key):
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def recipient_of(identity):
    """Bech32 (BIP 173) of the public key, under the prefix age."""
    bits = "".join(f"{byte:08b}" for byte in raw(identity.public_key())) + "0000"
    words = [int(bits[at:at + 5], 2) for at in range(0, 260, 5)]
    prefix = [ord(letter) >> 5 for letter in "age"] + [0] + [ord(letter) & 31 for letter in "age"]
    check = 1
    for word in prefix + words + [0] * 6:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ word
        for at, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> at & 1 else 0
    check ^= 1
    return "age1" + "".join(BECH32[word] for word in words + [check >> 5 * (5 - at) & 31 for at in range(6)])


def derive(key, salt, info):
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


def unpadded(text):
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)


def open_age(identity, file):
    """The age file of one X25519 recipient and one chunk (https://c2sp.org/age)."""
    form = rb"(age-encryption\.org/v1\n-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n---) ([A-Za-z0-9+/]{43})\n(.{16})(.+)"
    found = re.fullmatch(form, file, re.DOTALL)
    if found is None:
        raise ValueError("not such a file")
    header, share, body, mac, nonce, chunk = found.groups()
    ours = raw(identity.public_key())
    secret = identity.exchange(X25519PublicKey.from_public_bytes(unpadded(share)))
    wrap_key = derive(secret, unpadded(share) + ours, b"age-encryption.org/v1/X25519")
    file_key = ChaCha20Poly1305(wrap_key).decrypt(bytes(12), unpadded(body), None)
    if not hmac.compare_digest(hmac.digest(derive(file_key, None, b"header"), header, "sha256"), unpadded(mac)):
        raise ValueError("header")
    return ChaCha20Poly1305(derive(file_key, nonce, b"payload")).decrypt(bytes(11) + b"\x01", chunk, None)


def unwrap(identity, deployment, row):
    """[ES-6] [ES-7]: what stands before the key must be what the row says, or the wrap was moved here from elsewhere."""
    plaintext = open_age(identity, bytes.fromhex(row["escrow"]))
    head = encode("rootkeep-escrow-wrap/1", deployment, row["account_id"], row["aws_account_id"], row["id"], row["domain"], row["use"])
    head = (8).to_bytes(4, "big") + head[4:] + (32).to_bytes(4, "big")
    if plaintext[:-32] != head:
        raise ValueError("the wrap is of another data key")
    return plaintext[-32:]


def main():
    shares = []
    for path in sys.argv[1:]:
        with open(path, encoding="ascii") as file:
            shares.append(parse_share(file.read()))
    try:
        identity = combine(shares)
    except (ValueError, IndexError) as error:
        raise SystemExit(f"no identity: {error}")
    for line in sys.stdin:
        row = json.loads(line)
        try:
            data_key = unwrap(identity, row["deployment"], row["data_key"])
            print("opens", (open_value(data_key, row["deployment"], row["value"]) if "value" in row else data_key).hex())
        except (ValueError, InvalidTag):
            print("refuses")


if __name__ == "__main__":
    main()
