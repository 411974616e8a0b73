/** The part of the framework's reply that a controller touches: headers, and nothing else of it. */
export interface HeaderReply {
  header(name: string, value: string): unknown;
}
