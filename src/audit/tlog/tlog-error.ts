/** Bytes from outside that are malformed or do not prove what they should. The message names the fault, never the content. */
export class TlogError extends Error {}
