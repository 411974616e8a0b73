import { canonicalJson } from "../audit/canonical-json.js";
import type { Id } from "../kernel/ids.js";
import type { PurposeKind } from "./purpose.js";

/** A version that a grant lets its holder open. */
export interface GrantedVersion {
  readonly secretId: Id<"secret">;
  readonly versionId: Id<"version">;
  readonly kind: PurposeKind;
  /** Who opens it; absent in a grant of before there were holders per kind, whose one holder opens all. */
  readonly holder?: Id<"person">;
  /** Staged to succeed the current one; absent for the current one. */
  readonly isCandidate?: true;
}

/** Which of the two versions of a kind that a grant may open. */
export const WHICH_VERSION = ["current", "candidate"] as const;
export type WhichVersion = (typeof WHICH_VERSION)[number];

/** True if `version` is the one that is meant. */
export function isWhich({ isCandidate }: Pick<GrantedVersion, "isCandidate">, which: WhichVersion): boolean {
  return (isCandidate === true) === (which === "candidate");
}

/** How often each version was opened under a grant. */
export type Openings = Readonly<Record<string, number>>;

/** Canonical JSON of `versions`, as the grant's row holds it. */
export function versionsText(versions: readonly GrantedVersion[]): string {
  return canonicalJson(versions);
}

/** Reads what {@link versionsText} wrote; the row's HMAC vouches for the form. */
export function parseVersions(text: string): readonly GrantedVersion[] {
  return JSON.parse(text) as readonly GrantedVersion[];
}

/** Canonical JSON of `openings`, as the grant's row holds it. */
export function openingsText(openings: Openings): string {
  return canonicalJson(openings);
}

/** Reads what {@link openingsText} wrote; the row's HMAC vouches for the form. */
export function parseOpenings(text: string): Openings {
  return JSON.parse(text) as Openings;
}

/** Who may open something under a grant: the holder of each version, which unless it names another is the grant's. */
export function holdersOfGrant({ holderId, versions }: { readonly holderId: Id<"person">; readonly versions: string }): Id<"person">[] {
  return parseVersions(versions).map(({ holder }) => holder ?? holderId);
}
