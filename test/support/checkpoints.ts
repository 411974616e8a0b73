import type { PublishedCheckpoint } from "../../src/audit/anchor.port.js";
import { formatCheckpoint } from "../../src/audit/tlog/checkpoint.js";
import { formatNote, signNote } from "../../src/audit/tlog/note.js";
import { consistencyProof } from "../../src/audit/tlog/proof-plan.js";
import type { NoteSigner } from "./tlog-keys.js";
import { MemoryTree, naiveRoot } from "./tlog-tree.js";

/** The checkpoint of the log over these leaf hashes, signed by each of `signers`; the first one's name is the origin. */
export async function checkpointOf(
  leaves: readonly Buffer[],
  ...signers: readonly [NoteSigner, ...NoteSigner[]]
): Promise<PublishedCheckpoint> {
  const origin = signers[0].key.name;
  const size = leaves.length;
  const root = naiveRoot(leaves);
  const text = formatCheckpoint({ origin, size, root, extensions: [] });
  const signatures = await Promise.all(signers.map(({ key, sign }) => signNote(text, key, sign)));
  const tree = new MemoryTree(leaves);
  return {
    origin,
    size,
    root,
    note: formatNote({ text, signatures }).toString("utf8"),
    consistencyProof: (oldSize) => consistencyProof(oldSize, size, tree.read),
  };
}
