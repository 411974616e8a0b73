import { LocalError } from "./failure.js";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * The service's address in its one form, without a slash at the end.
 * @throws LocalError when it is no plain http(s) origin, or http beyond this machine: password, code and token would travel in clear.
 */
export function parseAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) throw new LocalError("the address is no http or https URL");
  if (url.username !== "" || url.password !== "") throw new LocalError("the address holds a name or password; take it out");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") throw new LocalError("the address has something behind host and port");
  if (url.protocol === "http:" && !LOOPBACK.test(url.hostname)) throw new LocalError("the address is http beyond this machine; use https");
  return url.origin;
}
