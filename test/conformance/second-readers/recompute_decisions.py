#!/usr/bin/env python3
"""Recomputes what Rootkeep's decisions rest on, with nothing of Rootkeep's own: the bytes and HMAC of a deciding row
(docs/spec/deciding-row.md), the hash of a request (docs/spec/request.md), the text of a statement (docs/spec/approval-statement.md)
and derived event ids (docs/spec/request.md). Standard library only.

usage: recompute_decisions.py VECTORS_DIR      prints one JSON object: the result of each vector, by file, list and name
"""
import hashlib, hmac, json, os, struct, sys


def encode(*fields):
    """docs/spec/injective-encoding.md"""
    raw = [field if isinstance(field, bytes) else field.encode("utf-8") for field in fields]
    return struct.pack(">I", len(raw)) + b"".join(struct.pack(">I", len(field)) + field for field in raw)


def canonical(value):
    """docs/spec/canonical-json.md; the vectors hold no number beyond its profile."""

    def ordered(node):
        if isinstance(node, dict):
            return {key: ordered(node[key]) for key in sorted(node, key=lambda key: key.encode("utf-16-be"))}
        return [ordered(item) for item in node] if isinstance(node, list) else node

    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":"))


def column(kind, text):  # [DR-4]
    if kind == "boolean":
        return "b1" if text == "true" else "b0"
    return {"null": "-", "string": "s" + text, "number": "n" + text, "date": "t" + text, "bytes": "x" + text}[kind]


def row_bytes(table, columns):  # [DR-2] [DR-3]
    fields = ["rk-row-1", table]
    for name, kind, text in sorted(columns, key=lambda column: column[0]):
        fields += [name, column(kind, text)]
    return encode(*fields)


def row_mac(data_key, message):  # [DR-6]: HKDF-SHA-512 (RFC 5869), one block, empty salt
    pseudo_random_key = hmac.new(b"", data_key, hashlib.sha512).digest()
    info = encode("rootkeep-records/1", "rows")
    key = hmac.new(pseudo_random_key, info + b"\x01", hashlib.sha512).digest()[:32]
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def request_text(body):  # [RQ-1] [RQ-2]
    return canonical({"format": "rk-request-1", **body})


def request_stands(text, digest):  # [RQ-3]
    is_canonical = canonical(json.loads(text)) == text
    return is_canonical and json.loads(text)["format"] == "rk-request-1" and hashlib.sha256(text.encode("utf-8")).hexdigest() == digest


def event_id(fields):  # [RQ-7]: UUID version 8 over SHA-256 of the encoding
    raw = bytearray(hashlib.sha256(encode(*fields)).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


RECIPES = {
    ("deciding-row.json", "rows"): lambda v: row_bytes(v["table"], json.loads(v["columns"])).hex(),
    ("deciding-row.json", "macs"): lambda v: row_mac(bytes.fromhex(v["dataKey"]), bytes.fromhex(v["bytes"])),
    ("request.json", "requests"): lambda v: hashlib.sha256(request_text(json.loads(v["body"])).encode("utf-8")).hexdigest(),
    ("request.json", "refused"): lambda v: "stands" if request_stands(v["text"], v["hash"]) else "refused",
    ("approval-statement.json", "statements"): lambda v: canonical({"format": "rk-statement-1", **json.loads(v["statement"])}),
    ("event-id.json", "derived"): lambda v: event_id(json.loads(v["fields"])),
}

if __name__ == "__main__":
    results = {}
    for (name, part), recipe in RECIPES.items():
        with open(os.path.join(sys.argv[1], name), encoding="utf-8") as file:
            results[name + " " + part] = {vector["name"]: recipe(vector) for vector in json.load(file)[part]}
    print(json.dumps(results))
