#!/usr/bin/env python3
"""Signs with a key file of the log without Rootkeep: docs/spec/log-key.md is all it rests on.

    sign_with_log_key.py < LINES > RESULTS

LINES: one JSON object per line with keystore (the file's text) and message (hex). RESULTS: one line each, "signs <public key> <signature>"
in hex or "refuses". Needs the Python package `cryptography`.
"""
import base64, binascii, json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

START = bytes.fromhex("302e020100300506032b657004220420")


def private_key(text):
    if len(text.encode("utf-8")) > 4096:
        raise ValueError("size")
    keystore = json.loads(text)
    if not isinstance(keystore, dict) or set(keystore) != {"format", "id", "key"}:
        raise ValueError("members")
    if not all(isinstance(member, str) for member in keystore.values()):
        raise ValueError("types")
    if keystore["format"] != "rootkeep-log-key/1" or keystore["id"] == "":
        raise ValueError("label or id")
    key = base64.b64decode(keystore["key"], validate=True)
    if len(key) != 48 or not key.startswith(START) or base64.b64encode(key).decode() != keystore["key"]:
        raise ValueError("key")
    return Ed25519PrivateKey.from_private_bytes(key[16:])


def main():
    for line in sys.stdin:
        row = json.loads(line)
        try:
            key = private_key(row["keystore"])
        except (ValueError, binascii.Error):
            print("refuses")
            continue
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        print("signs", public.hex(), key.sign(bytes.fromhex(row["message"])).hex())


if __name__ == "__main__":
    main()
