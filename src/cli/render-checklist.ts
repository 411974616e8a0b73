import type { Answer } from "./answer.js";
import { printable, renderTable } from "./output.js";

/** A checklist for a person: how each step stands, and of those that can be done now what to do. */
export function renderChecklist(checklist: Answer): string {
  const steps = checklist.list("steps");
  const next = checklist.members["next"];
  const open = Array.isArray(next) ? steps.filter((step) => (next as readonly unknown[]).includes(step.text("step"))) : [];
  const head = [
    `${checklist.text("title")}: ${checklist.text("state")}; the account ${checklist.text("accountId")} is ${checklist.text("accountState")}`,
    ...(checklist.textOrNull("finalAt") === null
      ? []
      : [`closed at ${checklist.textOrNull("closedAt") ?? "-"}; AWS reopens it until ${checklist.textOrNull("finalAt") ?? "-"}`]),
  ];
  const table = renderTable(
    ["step", "stands", "by", "attested by", "title"],
    steps.map((step) => {
      const evidence = step.members["evidence"] === null ? null : step.object("evidence");
      return [step.text("step"), standing(step), evidence?.members["claimedBy"], evidence?.members["attestedBy"], step.text("title")];
    }),
  );
  return [...head.map((line) => `${printable(line)}\n`), table, ...open.map(renderStep)].join("");
}

function standing(step: Answer): string {
  const waitsFor = step.members["waitsFor"];
  const names = Array.isArray(waitsFor) ? (waitsFor as readonly string[]).join(" ") : "";
  return names === "" ? step.text("standing") : `${step.text("standing")} ${names}`;
}

function renderStep(step: Answer): string {
  const accepted = step.list("accepts").map((one) => {
    const names = one.members["names"];
    return Array.isArray(names) && names.length > 0 ? `${one.text("kind")} (${(names as readonly string[]).join(", ")})` : one.text("kind");
  });
  const purposes = step.members["purposes"];
  const opened = Array.isArray(purposes) && purposes.length > 0 ? [`  opens under: ${(purposes as readonly string[]).join(", ")}`] : [];
  const lines = [
    "",
    `${step.text("step")}  ${step.text("title")}`,
    `  ${step.text("instruction")}`,
    ...opened,
    `  evidence: ${accepted.join("; ")}`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}
