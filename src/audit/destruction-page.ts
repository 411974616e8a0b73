import { destructionHash } from "./destruction.js";
import type { DestructionCertificate } from "./destruction-certificate.js";
import { finalityOf } from "./destruction-finality.js";
import { parseEntry } from "./entry.js";

/** The certificate as a page for people, made from its JSON alone: plain HTML, no script, nothing fetched [DC-10]. */
export function certificatePage(certificate: DestructionCertificate): string {
  const { body, entries } = certificate;
  const parsed = entries.map(({ bytes }) => parseEntry(bytes));
  const { isFinal, sentence } = finalityOf(body, parsed);
  const facts = [
    ["Account", `AWS account ${body.account.awsId} (${body.account.partition}), ${body.account.id}`],
    ["Destroyed", body.destroyedAt],
    ["Asked for by", body.askedBy],
    ["Approved by", body.approvedBy.join(", ")],
    ["Request", `${body.request.id}, hash ${body.request.hash}`],
    ["Deployment and log", `${body.deployment}, ${body.log}`],
    ["Hash of this certificate's body", destructionHash(body)],
  ];
  const keys = body.keys.map((key) => [
    key.id,
    key.domain,
    String(key.version),
    `${key.rootKey.kind}, SHA-256 of its URI ${key.rootKey.uriSha256}`,
    key.isEscrowed ? "yes" : "no",
  ]);
  const versions = body.versions.map(({ id, kind, number, state, dataKeyId, sealedSha256 }) => [
    id,
    kind,
    String(number),
    state,
    dataKeyId,
    sealedSha256,
  ]);
  const logged = parsed.map((entry) => [String(entry.seq), entry.time, entry.action, entry.actor.id ?? entry.actor.type]);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Certificate of destruction</title>
<style>body{font:16px/1.5 serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}</style>
</head>
<body>
<h1>Certificate of destruction</h1>
<p><strong>${isFinal ? "Final." : "Provisional."}</strong> ${text(sentence)}</p>
${table(null, facts)}
<h2>Data keys destroyed</h2>
${table(["data key", "domain", "version", "root key that wrapped it", "escrowed"], keys)}
<h2>Sealed values destroyed</h2>
${table(["version", "kind", "number", "state before", "data key", "SHA-256 of the sealed value"], versions)}
<h2>Entries of the log</h2>
${table(["entry", "time", "action", "by"], logged)}
<p>This page proves nothing by itself. What proves it is certificate.json beside it: README.md says how to check that without us.</p>
</body>
</html>
`;
}

function table(heads: readonly string[] | null, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${text(cell)}</${tag}>`).join("")}</tr>`;
  return ["<table>", ...(heads === null ? [] : [line(heads, "th")]), ...rows.map((row) => line(row, "td")), "</table>"].join("\n");
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
