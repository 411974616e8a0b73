import { FACT_NAMES, type Facts, TOPICS, type Topic } from "./notice.js";

/** A notice as channels send it. Every character of it is a constant of ours or passed {@link FACT}. */
export interface Message {
  /** The same for every attempt to deliver it to the same recipient. */
  readonly id: string;
  readonly topic: Topic;
  readonly isPage: boolean;
  readonly subject: string;
  readonly text: string;
  readonly facts: Facts;
  readonly link: string | null;
  readonly deployment: string;
  /** RFC 3339, UTC. */
  readonly time: string;
}

/** Where messages come from. */
export interface MessageOrigin {
  readonly deployment: string;
  /** Where people reach the service, without a slash at the end; null where no link is to be sent. */
  readonly publicUrl: string | null;
}

/**
 * What a fact may look like: ids, slugs, numbers, times. No blank, no line break, no `<`, `@`, `*`, quote or bracket: there is no way to write a
 * header, a mention, a link or markup in it, whoever wrote the row that it comes from.
 */
const FACT = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
const WITHHELD = "(withheld)";
const REQUEST = /^req_[0-9a-z]{26}$/;

/** `value` as it may leave the house, or a word that says that it may not. */
export function shownFact(value: unknown): string {
  return typeof value === "string" && FACT.test(value) ? value : WITHHELD;
}

const FOOT = "This message holds no secret and no code. Rootkeep sends neither by message, and never asks for one.";

/** The message of a notice. @param id names the delivery. */
export function composeMessage(
  id: string,
  notice: { readonly topic: Topic; readonly facts: Facts; readonly time: string },
  { deployment, publicUrl }: MessageOrigin,
): Message {
  const { subject, says, isPage } = TOPICS[notice.topic];
  const facts: Record<string, string> = {};
  for (const name of FACT_NAMES) {
    const value = notice.facts[name];
    if (value !== undefined) facts[name] = shownFact(value);
  }
  const request = facts["request"];
  const isLinked = request !== undefined && REQUEST.test(request);
  const link = publicUrl !== null && isLinked ? `${publicUrl}/v1/requests/${request}` : null;
  const lines = [
    says,
    "",
    ...Object.entries(facts).map(([name, value]) => `${`${name}:`.padEnd(13)} ${value}`),
    "",
    ...(link === null ? [] : [link]),
    ...(isLinked ? [`rootkeep request show ${request}`, ""] : []),
    FOOT,
  ];
  const text = `${lines.join("\n")}\n`;
  return {
    id,
    topic: notice.topic,
    isPage,
    subject: `[Rootkeep ${deployment}] ${isPage ? "PAGE: " : ""}${subject}`,
    text,
    facts,
    link,
    deployment,
    time: notice.time,
  };
}
