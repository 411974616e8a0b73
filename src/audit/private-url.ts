const LOOPBACK_HOSTS = ["127.0.0.1", "[::1]", "localhost"];

/** True for a URL whose traffic nobody on the network reads or changes: https, or http that does not leave this host. */
export function isPrivateUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK_HOSTS.includes(url.hostname));
}
