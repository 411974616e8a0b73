#!/usr/bin/env python3
"""Reads an export of Rootkeep's audit log after docs/spec/audit-export.md and docs/spec/audit-entry.md, with nothing of Rootkeep's own.

usage: verify_export.py DIR      prints one JSON object; exit status 0 intact, 1 tampered
"""
import base64, hashlib, json, os, re, sys

ACTS = """people.founded people.recovered person.enrol person.suspend person.restore person.leave invitation.accept invitation.confirm
authenticator.reset identity.link identity.accept authenticator.locked allowlist.grant allowlist.revoke allowlist.certify allowlist.lapsed person.team policy.change
brake.raise config.approve config.changed log.reopened log.key_rotated""".split()  # account-export.md [AC-6]
EPOCH = re.compile(r"(.+)/([1-9][0-9]{0,8})")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Bad(Exception):
    pass


def members(pairs):  # [CJ-4] keys once, by UTF-16 code units
    return dict(sorted(dict(pairs).items(), key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass")))


def canonical(raw):  # RK-JCS-1: read, write again, compare
    value = json.loads(raw.decode("utf-8", "strict"), object_pairs_hook=members, parse_float=lambda _: 1 / 0, parse_constant=lambda _: 1 / 0)
    if json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8") != raw or re.search(rb"(?<!\\)(?:\\\\)*\\u0000", raw):
        raise Bad("not canonical")
    return value


def path_of(n, width, folder="tile/entries/"):  # [AX-4]
    digits = str(n).zfill(-(-len(str(n)) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return folder + name + ("" if width == 256 else ".p/%d" % width)


def entries_of(root, first, end):
    for n in range(first // 256, -(-end // 256)):
        with open(os.path.join(root, path_of(n, min(256, end - n * 256))), "rb") as file:
            raw = file.read()
        while raw:
            size = int.from_bytes(raw[:2], "big")
            yield raw[2 : 2 + size]  # one that is cut off has another hash
            raw = raw[2 + size :]


def tree(level):  # RFC 6962: the left part is the largest power of two below the whole
    if len(level) == 1:
        return level[0]
    half = 1 << (len(level) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree(level[:half]) + tree(level[half:])).digest()


def leaves_of(root, size):  # [AX-12] every tile is made of the ones below it, and the lowest are the leaves
    lowest = None
    hashes, level = [], 0
    while level == 0 or len(hashes) >= 256:
        count = size // 256**level
        tiles = []
        for n in range(-(-count // 256)):
            with open(os.path.join(root, path_of(n, min(256, count - n * 256), "tile/%d/" % level)), "rb") as file:
                tiles.append(file.read())
        raw = b"".join(tiles)
        read = [raw[i : i + 32] for i in range(0, len(raw), 32)]
        want = [tree(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)]
        if len(read) != count or (level > 0 and read != want):
            raise Bad("hash tiles of level %d" % level)
        hashes, level = read, level + 1
        lowest = lowest or read
    return lowest


def heads_root(moves, as_of):  # account-export.md [AC-1] to [AC-6]
    heads, acts = {}, []
    for seq, stream, leaf in moves:
        if seq < as_of and stream is None:
            acts.append(bytes.fromhex(leaf))
        elif seq < as_of:
            heads[stream] = (heads.get(stream, (0,))[0] + 1, leaf)
    heads["global"] = (len(acts), tree(acts).hex() if acts else hashlib.sha256().hexdigest())
    tips = ['{"leaf":"%s","size":%d,"stream":"%s"}' % (leaf, size, stream) for stream, (size, leaf) in sorted(heads.items())]
    return len(tips), tree([hashlib.sha256(b"\0" + tip.encode()).digest() for tip in tips]).hex()


def signed_root(note):  # [AX-11] the text only: whether the log has signed it, is another reader's business
    origin, size, text = note.split("\n\n")[0].split("\n")
    return origin, int(size), base64.b64decode(text)


def is_earlier(one, other):  # audit-log.md [AL-15]
    a, b = EPOCH.fullmatch(one), EPOCH.fullmatch(other)
    return a is not None and b is not None and a[1] == b[1] and int(a[2]) < int(b[2])


def reopens(entry, ended, notes, leaves):  # audit-log.md [AL-15] to [AL-17]
    said, seq, signed = entry["details"], entry["seq"], 0
    if said["signed"] is not None:
        name, signed, text = signed_root(said["signed"])
        if not is_earlier(name, entry["log"]) or not 0 < signed <= seq or tree(leaves[:signed]) != text:
            return False
    guard = None if said["guard"] is None else signed_root(said["guard"])[1]
    lost = {"from": seq if guard is None or guard > seq else min(signed, guard), "to": guard}
    is_last = all(size <= signed for origin, size in notes if is_earlier(origin, entry["log"]))
    act = (entry["action"], entry["outcome"], said["previous"], said["lost"])
    return is_earlier(ended, entry["log"]) and is_last and act == ("log.reopened", "committed", ended, lost)


def verify(root, seen):
    with open(os.path.join(root, "manifest.json"), "rb") as file:
        manifest = canonical(file.read().rstrip(b"\n"))
    prev, time, streams, commitments = "0" * 64 if manifest["from"] == 0 else None, "", {}, {}
    moves, beat, log, notes = [], 0, None, []
    leaves = leaves_of(root, manifest["size"])
    sizes = [name[:-5] for name in os.listdir(os.path.join(root, "checkpoints"))] if os.path.isdir(os.path.join(root, "checkpoints")) else []
    for name in ["checkpoint"] + ["checkpoints/%s.note" % size for size in sizes]:  # [AX-13]
        with open(os.path.join(root, name), encoding="utf-8") as file:
            origin, size, text = signed_root(file.read())
        if origin != manifest["origin"] and not is_earlier(origin, manifest["origin"]):
            raise Bad(name + " is of another log")
        if tree(leaves[:size]) != text or (name == "checkpoint" and not size == manifest["size"] == manifest["to"]):
            raise Bad(name)
        notes.append((origin, size))
    for raw in entries_of(root, manifest["from"], manifest["to"]):
        entry = canonical(raw)
        leaf = hashlib.sha256(b"\0" + raw).hexdigest()  # [AE-3]
        if leaf != leaves[manifest["from"] + seen["entries"]].hex():
            raise Bad("another entry than the tree holds")
        if entry["v"] != 1 or entry["seq"] != manifest["from"] + seen["entries"]:
            raise Bad("version or place")
        if log not in (None, entry["log"]) and not reopens(entry, log, notes, leaves):
            raise Bad("an epoch without its beginning")
        log = entry["log"]
        if any(size == entry["seq"] + 1 and origin != log for origin, size in notes):
            raise Bad("a checkpoint of another epoch than its last entry")
        if prev not in (None, entry["prev"]) or not TIME.fullmatch(entry["time"]) or entry["time"] < time:
            raise Bad("chain or time")
        if "stream" in entry:  # [AE-13]
            want = streams.get(entry["stream"], (0, "0" * 64) if manifest["from"] == 0 else None)
            if want not in (None, (entry["sseq"], entry["sprev"])):
                raise Bad("stream")
            streams[entry["stream"]] = (entry["sseq"] + 1, leaf)
            moves.append((entry["seq"], entry["stream"], leaf))
        elif entry["outcome"] == "committed" and entry["action"] in ACTS:
            moves.append((entry["seq"], None, leaf))
        elif entry["outcome"] == "committed" and entry["action"] == "log.heartbeat" and manifest["from"] == 0:  # [AC-7], [AC-16]
            said = entry["details"]
            if not beat < said["asOf"] <= entry["seq"] or heads_root(moves, said["asOf"]) != (said["streams"], said["streamsRoot"]):
                raise Bad("heartbeat %d" % entry["seq"])
            beat = entry["seq"]
        for field, text in entry.get("details", {}).get("commitments", {}).items():
            commitments[entry["seq"], field] = text
        prev, time, seen["entries"] = leaf, entry["time"], seen["entries"] + 1
    if seen["entries"] != manifest["to"] - manifest["from"] or prev != manifest["head"] or log != manifest["origin"]:
        raise Bad("end")
    for line in open(os.path.join(root, "pii.ndjson"), "rb") if manifest["disclosures"] else []:  # [AE-14]
        opening = canonical(line.rstrip(b"\n"))
        salt = base64.urlsafe_b64decode(opening["salt"] + "==")
        data = b"rk-pii-1\0" + salt + b"\0" + opening["field"].encode() + b"\0" + opening["value"].encode()
        text = "c1:" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        if commitments.get((opening["seq"], opening["field"])) != text:
            raise Bad("opening of entry %d" % opening["seq"])
    return prev


if __name__ == "__main__":
    seen = {"entries": 0}
    try:
        print(json.dumps({"intact": True, "head": verify(sys.argv[1], seen), **seen}))
    except (Bad, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, OSError) as error:
        print(json.dumps({"intact": False, "why": type(error).__name__ + ": " + str(error), **seen}))
        sys.exit(1)
