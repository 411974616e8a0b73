import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { canonicalBytes, canonicalJson } from "../audit/canonical-json.js";
import { certificateText, type DestructionCertificate, parseCertificate } from "../audit/destruction-certificate.js";
import { finalityOf } from "../audit/destruction-finality.js";
import { certificateGuide } from "../audit/destruction-guide.js";
import { certificatePage } from "../audit/destruction-page.js";
import { parseEntry } from "../audit/entry.js";
import { pathPart } from "./api-client.js";
import type { Command } from "./command.js";
import { writeWhole } from "./export-files.js";
import { LocalError } from "./failure.js";

/** `rootkeep account certificate`: what the owner of an account is given in the end. */
export const CERTIFICATE_COMMAND: Command = {
  words: ["account", "certificate"],
  summary: "Shows the certificate of destruction of an account, or writes it with all that is needed to check it without us.",
  positionals: ["ACCOUNT"],
  options: {
    out: { kind: "text", value: "DIR", meaning: "write certificate, page, entries, proofs and key into this directory" },
  },
  notes: "Then: rootkeep audit verify-certificate DIR, or the commands in its README.md",
  async run(call) {
    const account = call.given.positional("ACCOUNT");
    const { members } = await (await call.client()).get(`/v1/accounts/${pathPart(account)}/destruction`);
    const certificate = certificateIn(members);
    const { body, entries } = certificate;
    const out = call.given.text("out");
    if (out !== undefined) await writeBundle(out, certificate);
    const { isFinal, since, sentence } = finalityOf(
      body,
      entries.map(({ bytes }) => parseEntry(bytes)),
    );
    const facts = { account: body.account.id, awsId: body.account.awsId, destroyedAt: body.destroyedAt, keys: body.keys.length };
    call.say(`${body.account.awsId} (${body.account.id}) was destroyed at ${body.destroyedAt}. ${sentence}`, {
      ...facts,
      versions: body.versions.length,
      isFinal,
      since,
      ...(out === undefined ? { certificate: members } : { directory: out }),
    });
    return undefined;
  },
};

function certificateIn(members: Readonly<Record<string, unknown>>): DestructionCertificate {
  try {
    return parseCertificate(Buffer.from(canonicalJson(members), "utf8"));
  } catch (error) {
    throw new LocalError(`the service sent no certificate: it ${error instanceof Error ? error.message : "cannot be read"}`);
  }
}

/** The receipt bundle. What stands beside certificate.json repeats parts of it, for tools that are not ours. */
async function writeBundle(directory: string, certificate: DestructionCertificate): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const place = (name: string, content: Uint8Array | string) => writeWhole(join(directory, name), content);
  for (const { seq, bytes, proof } of certificate.entries) {
    await place(`entries/${String(seq)}.json`, bytes);
    await place(`entries/${String(seq)}.tlog-proof`, proof);
  }
  await place("body.json", canonicalBytes(certificate.body));
  await place("log.vkey", certificate.keys);
  await place("certificate.html", certificatePage(certificate));
  await place("README.md", certificateGuide(certificate));
  await place("certificate.json", certificateText(certificate));
}
