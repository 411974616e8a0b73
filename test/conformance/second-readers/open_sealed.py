#!/usr/bin/env python3
"""Opens Rootkeep's sealed values without Rootkeep: docs/spec/sealed-value.md and docs/spec/root-key-wrap.md are all it rests on.

    open_sealed.py ROOT_KEY_FILE < ROWS > RESULTS

ROWS: one JSON object per line with deployment, data_key (id, account_id, aws_account_id, domain, wrapped) and value (account_id,
aws_account_id, secret_id, kind, version, version_id, data_key_id, person_id, sealed), bytes in hex. RESULTS: one line per row, "opens
<hex>" or "refuses". Needs the Python package `cryptography`. Secrets go to standard output: send it where only you read.
"""
import base64, hmac, json, struct, sys
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def encode(*fields):
    """docs/spec/injective-encoding.md: the count, then each field behind its length, all as unsigned 32-bit big-endian numbers."""
    raw = [field.encode("utf-8") for field in fields]
    return struct.pack(">I", len(raw)) + b"".join(struct.pack(">I", len(field)) + field for field in raw)


def unwrap(keystore, deployment, row):
    wrapped = bytes.fromhex(row["wrapped"])
    if len(wrapped) != 61 or wrapped[0] != 1:
        raise ValueError("wrap layout")
    context = encode(keystore["format"], keystore["id"], "rootkeep", deployment, row["account_id"], row["aws_account_id"],
                     row["id"], row["domain"])
    return AESGCM(base64.b64decode(keystore["key"])).decrypt(wrapped[1:13], wrapped[13:], context)


def padded_size(kind, size):
    if kind != "mail-body":
        return (size // 256 + 1) * 256
    bucket = 1024
    while bucket < size + 1:
        bucket *= 2
    return bucket


def open_value(data_key, deployment, row):
    sealed = bytes.fromhex(row["sealed"])
    if len(sealed) < 94 or sealed[0] != 1:
        raise ValueError("layout")
    salt, commitment, nonce = sealed[1:33], sealed[33:65], sealed[65:77]
    keys = HKDF(algorithm=SHA512(), length=64, salt=salt, info=encode("rk1", "keys", row["data_key_id"])).derive(data_key)
    if not hmac.compare_digest(keys[32:], commitment):
        raise ValueError("commitment")
    associated = encode("rk1", deployment, row["account_id"], row["aws_account_id"], row["secret_id"], row["kind"],
                        str(row["version"]), row["version_id"], row["data_key_id"], row["person_id"])
    padded = AESGCM(keys[:32]).decrypt(nonce, sealed[77:], associated)
    plaintext = padded.rstrip(b"\0")
    if not plaintext.endswith(b"\x80") or padded_size(row["kind"], len(plaintext) - 1) != len(padded):
        raise ValueError("padding")
    return plaintext[:-1]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        keystore = json.load(file)
    if keystore.get("format") != "rootkeep-file-root-key/1":
        raise SystemExit("not a root key file of Rootkeep")
    for line in sys.stdin:
        row = json.loads(line)
        try:
            data_key = unwrap(keystore, row["deployment"], row["data_key"])
            print("opens", open_value(data_key, row["deployment"], row["value"]).hex())
        except (ValueError, InvalidTag):
            print("refuses")


if __name__ == "__main__":
    main()
