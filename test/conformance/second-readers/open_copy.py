#!/usr/bin/env python3
"""Opens copies of Rootkeep's second store: no Rootkeep, no database. docs/spec/second-store.md is all it rests on, besides the form of a
sealed value (open_sealed.py beside this file) and of the escrow (open_escrow.py).

    open_copy.py ROOT_KEY_FILE COPY ...            with a local keystore
    open_copy.py --escrow SHARE,SHARE,... COPY ... with shares of the escrow quorum

One line per copy: "<version id> <kind> <number> opens <hex>", or "<file> refuses". Needs the Python package `cryptography`. Secrets go to
standard output: send it where only you read. The mark is not looked at: its key lies in the database. That a copy opens says that whoever
made it had the root key, or the quorum's recipient, in hand.
"""
import base64, json, sys
from cryptography.exceptions import InvalidTag
import open_escrow
from open_sealed import open_value, unwrap

BODY = {"account", "dataKey", "deployment", "format", "mac", "sealed", "secret", "version"}
MEMBERS = {
    "account": {"awsId", "id", "partition"},
    "dataKey": {"domain", "id", "rootKey", "version", "wrapped"},
    "escrow": {"recipient", "wrapped"},
    "secret": {"id", "kind"},
    "version": {"id", "number"},
}


def parse(raw):
    """[SC-2]: canonical JSON of exactly these members."""
    copy = json.loads(raw.decode("utf-8"))
    if not isinstance(copy, dict) or json.dumps(copy, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8") != raw:
        raise ValueError("not canonical")
    if copy.get("format") != "rootkeep-sealed-copy/1" or set(copy) - {"escrow"} != BODY:
        raise ValueError("another format")
    for name, members in MEMBERS.items():
        if name in copy and set(copy[name]) != members:
            raise ValueError("another format")
    return copy


def hexed(text):
    return base64.b64decode(text, validate=True).hex()


def open_copy(copy, data_key_of):
    """[SC-6]: the facts that wrap and value are bound to stand in the copy; wrong ones do not open."""
    account, key = copy["account"], copy["dataKey"]
    row = {"id": key["id"], "account_id": account["id"], "aws_account_id": account["awsId"], "domain": key["domain"], "use": "seal",
           "wrapped": hexed(key["wrapped"]), "escrow": hexed(copy["escrow"]["wrapped"]) if "escrow" in copy else ""}
    value = {"account_id": account["id"], "aws_account_id": account["awsId"], "secret_id": copy["secret"]["id"],
             "kind": copy["secret"]["kind"], "version": copy["version"]["number"], "version_id": copy["version"]["id"],
             "data_key_id": key["id"], "person_id": "", "sealed": hexed(copy["sealed"])}
    return open_value(data_key_of(copy["deployment"], row), copy["deployment"], value)


def main():
    if sys.argv[1] == "--escrow":
        files = sys.argv[3:]
        shares = []
        for path in sys.argv[2].split(","):
            with open(path, encoding="ascii") as file:
                shares.append(open_escrow.parse_share(file.read()))
        identity = open_escrow.combine(shares)
        data_key_of = lambda deployment, row: open_escrow.unwrap(identity, deployment, row)
    else:
        files = sys.argv[2:]
        with open(sys.argv[1], encoding="utf-8") as file:
            keystore = json.load(file)
        data_key_of = lambda deployment, row: unwrap(keystore, deployment, row)
    for path in files:
        with open(path, "rb") as file:
            raw = file.read()
        try:
            copy = parse(raw)
            plaintext = open_copy(copy, data_key_of)
            print(copy["version"]["id"], copy["secret"]["kind"], copy["version"]["number"], "opens", plaintext.hex())
        except (ValueError, TypeError, KeyError, InvalidTag):
            print(path, "refuses")


if __name__ == "__main__":
    main()
