import type { Severity } from "./ocsf-actions.js";
import type { StreamRecord } from "./stream-record.js";

/** "log audit" (RFC 5424 §6.2.1). */
const FACILITY = 13;
/** Syslog severities: 6 informational, 5 notice, 4 warning, 3 error, 2 critical. */
const SEVERITIES: Readonly<Record<Severity, number>> = { 1: 6, 2: 5, 3: 4, 4: 3, 5: 2 };
const NIL = "-";
/** 32473 is the enterprise number for examples (RFC 5612): we have none of our own, and a name without one is IANA's to give. */
const SD_ID = "rootkeep@32473";

/**
 * `record` as a message of RFC 5424, framed by octet counting (RFC 6587 §3.4.1, RFC 5425 §4.3). The message is UTF-8 without a byte-order
 * mark, which JSON does not allow. Structured data: `seq` and `leaf` of an entry, `marker` of a marker [LS-10].
 * @param host this machine's name; what is no printable ASCII text is left out.
 */
export function syslogFrame({ severity, time, action, seq, leaf, line }: StreamRecord, host: string): Buffer {
  const priority = FACILITY * 8 + SEVERITIES[severity];
  const hostname = /^[!-~]{1,255}$/.test(host) ? host : NIL;
  const data = seq === null ? `marker="${action}"` : `seq="${String(seq)}" leaf="${leaf ?? ""}"`;
  const header = `<${String(priority)}>1 ${time} ${hostname} rootkeep ${NIL} ${action.slice(0, 32)} [${SD_ID} ${data}] `;
  const message = Buffer.from(header + line, "utf8");
  return Buffer.concat([Buffer.from(`${String(message.length)} `), message]);
}
