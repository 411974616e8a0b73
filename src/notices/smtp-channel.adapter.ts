import { createTransport, type Transporter } from "nodemailer";
import type { SmtpConfig } from "../config/config.js";
import { withDeadline } from "../kernel/deadline.js";
import type { Channel } from "./channel.port.js";
import { notTaken } from "./channel-failure.js";
import type { Message } from "./message.js";

/** For one message, from connecting to the server's answer. */
const DEADLINE_MS = 15_000;

export interface SmtpOptions {
  /** Certificate authorities in PEM beside which none is trusted; those that Node trusts unless told. */
  readonly authorities?: string;
  readonly deadlineMs?: number;
}

/** One address, and nothing that a header or a list could be made of: no blank, quote, comma, bracket or control character. */
const ADDRESS = /^[^\s@"(),:;<>[\\\]\p{C}]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/u;

/**
 * E-mail by SMTP, one message for each person. The connection is encrypted and the server's certificate checked, by TLS from the start or by
 * STARTTLS that is insisted on; without it nothing is sent, but to a server on loopback. Accepted is what the server answered 250 to.
 */
export class SmtpChannel implements Channel {
  readonly name = "smtp";
  readonly isPersonal = true;

  constructor(
    private readonly config: SmtpConfig,
    private readonly options: SmtpOptions = {},
  ) {}

  async send(message: Message, address: string | null, signal: AbortSignal): Promise<void> {
    if (address === null || !ADDRESS.test(address)) throw notTaken("smtp_address");
    await withDeadline(this.options.deadlineMs ?? DEADLINE_MS, (inTime) => this.#deliver(message, address, inTime), signal);
  }

  async #deliver(message: Message, address: string, deadline: AbortSignal): Promise<void> {
    const transport = this.#transport();
    try {
      const answer = await Promise.race([transport.sendMail(this.#mail(message, address)), abortOf(deadline)]);
      if (answer.accepted.length !== 1) throw notTaken("smtp_not_accepted");
    } catch (error) {
      throw deadline.aborted ? notTaken("smtp_timed_out") : notTaken(reasonOf(error));
    } finally {
      transport.close();
    }
  }

  #mail({ id, subject, text, isPage, time, deployment }: Message, address: string) {
    const domain = this.config.from.slice(this.config.from.indexOf("@") + 1);
    return {
      from: { name: `Rootkeep ${deployment}`, address: this.config.from },
      to: { name: "", address },
      subject,
      text,
      date: new Date(time),
      // The same for every attempt, so that a mailbox can tell a repeat.
      messageId: `<${id}@${domain}>`,
      priority: isPage ? ("high" as const) : ("normal" as const),
      headers: { "Auto-Submitted": "auto-generated" },
      disableFileAccess: true,
      disableUrlAccess: true,
    };
  }

  #transport(): Transporter<{ accepted: unknown[] }> {
    const { host, port, isImplicitTls, isLoopback, user, password } = this.config;
    const { authorities, deadlineMs = DEADLINE_MS } = this.options;
    return createTransport({
      host,
      port,
      secure: isImplicitTls,
      requireTLS: !isImplicitTls && !isLoopback,
      ignoreTLS: !isImplicitTls && isLoopback,
      tls: { minVersion: "TLSv1.2", rejectUnauthorized: true, ...(authorities === undefined ? {} : { ca: authorities }) },
      connectionTimeout: deadlineMs,
      greetingTimeout: deadlineMs,
      socketTimeout: deadlineMs,
      dnsTimeout: deadlineMs,
      ...(user === null ? {} : { auth: { user, pass: password?.expose((text) => text) ?? "" } }),
    });
  }
}

async function abortOf(signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => {
    if (signal.aborted) reject(notTaken("smtp_timed_out"));
    signal.addEventListener("abort", () => reject(notTaken("smtp_timed_out")), { once: true });
  });
}

/** The library's errors quote the server's words and our addresses: only its code or the server's number is taken over. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "smtp_unknown";
  const { responseCode, code, reason } = error as { responseCode?: unknown; code?: unknown; reason?: unknown };
  if (typeof responseCode === "number" && responseCode >= 400) return `smtp_answered_${String(responseCode)}`;
  if (typeof reason === "string" && reason.startsWith("smtp_")) return reason;
  return typeof code === "string" && /^[A-Z]{1,24}$/.test(code) ? `smtp_${code}` : "smtp_unknown";
}
