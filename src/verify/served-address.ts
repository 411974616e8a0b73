/** Where a log or an export is served. */
export interface ServedAddress {
  /** Ends with a slash; tiles and files stand behind it. */
  readonly base: URL;
  /** Of a Rootkeep's own `/v1/audit/tlog/`: its `/v1/audit/`, where older checkpoints, the key and openings are. Null for files on a web server. */
  readonly api: URL | null;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const API_PATH = "/v1/audit/tlog/";

/** Whether what was named to be verified is an address, not a directory. */
export function isAddress(text: string): boolean {
  return /^https?:/i.test(text);
}

/**
 * The address of a served log.
 * @param hasToken whether a token is to be sent there.
 * @throws Error naming the rule that is broken; the address itself is not repeated, it may hold a password.
 */
export function parseServedAddress(text: string, hasToken: boolean): ServedAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error("the address is no http or https URL");
  const { username, password, search, hash } = url;
  if (`${username}${password}` !== "") throw new Error("the address holds a name or password; use --token-file");
  if (`${search}${hash}` !== "") throw new Error("the address has something behind its path");
  // What is read proves itself, so anybody may carry it; a token in clear is everybody's.
  if (hasToken && !isPrivate(url)) throw new Error("the address is http beyond this machine; a token is sent over https alone");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return { base: url, api: url.pathname.endsWith(API_PATH) ? new URL("..", url) : null };
}

function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || LOOPBACK.test(hostname);
}
