import { applyDecorators } from "@nestjs/common";
import { ApiProperty } from "@nestjs/swagger";
import { IsOptional, ValidateBy } from "class-validator";

/** Marks of a member of a form. */
export interface FieldMarks {
  /** May be left out, or be null. */
  readonly isOptional?: boolean;
  readonly description?: string;
  /** Carries a secret: the API description says so, and tools hide it. */
  readonly isSecret?: boolean;
}

interface Judgement {
  /** What an error says, in words that complete "the field …". A constant: never the value (law L8). */
  readonly rule: string;
  readonly isGood: (value: unknown) => boolean;
  readonly schema: Readonly<Record<string, unknown>>;
}

/**
 * A member of a form: the rule that class-validator asks, and the schema that the API description shows, from one place. Each member has
 * exactly one rule, so an error names it whole.
 */
function field(judgement: Judgement, marks: FieldMarks): PropertyDecorator {
  const { rule, isGood, schema } = judgement;
  const { isOptional = false, description, isSecret = false } = marks;
  return applyDecorators(
    ValidateBy({ name: "rule", validator: { validate: isGood, defaultMessage: () => rule } }),
    ApiProperty({
      ...schema,
      description: description ?? `The value ${rule}.`,
      required: !isOptional,
      ...(isOptional ? { nullable: true } : {}),
      ...(isSecret ? { writeOnly: true } : {}),
    }),
    ...(isOptional ? [IsOptional()] : []),
  );
}

/** Bounds of a text, in UTF-16 units. */
export interface TextBounds extends FieldMarks {
  readonly min?: number;
  readonly max: number;
  readonly pattern?: RegExp;
  /** Replaces "has … characters" where the pattern says more than the length. */
  readonly rule?: string;
  readonly format?: string;
}

/** A text. The length is looked at before the pattern, so that no pattern runs over a long text. */
export function TextField(bounds: TextBounds): PropertyDecorator {
  const { min = 1, max, pattern, format } = bounds;
  const rule = bounds.rule ?? `is a text of ${String(min)} to ${String(max)} characters`;
  const isGood = (value: unknown): boolean =>
    typeof value === "string" && value.length >= min && value.length <= max && value.isWellFormed() && (pattern?.test(value) ?? true);
  const shape = { type: "string", minLength: min, maxLength: max };
  return field({ rule, isGood, schema: { ...shape, ...(pattern && { pattern: pattern.source }), ...(format && { format }) } }, bounds);
}

/** A fresh code of the caller's own authenticator. */
export function CodeField(): PropertyDecorator {
  return TextField({
    min: 6,
    max: 6,
    pattern: /^\d{6}$/,
    rule: "is six digits",
    description: "A fresh code of your own authenticator. Each is accepted once, for anything.",
    isSecret: true,
  });
}

/** One of a few words. */
export function ChoiceField(words: readonly string[], marks: FieldMarks = {}): PropertyDecorator {
  const rule = `is one of ${words.join(", ")}`;
  return field({ rule, isGood: (value) => words.some((word) => word === value), schema: { type: "string", enum: [...words] } }, marks);
}

/** A list of different words out of a few. */
export function ChoicesField(words: readonly string[], marks: FieldMarks = {}): PropertyDecorator {
  const isGood = (value: unknown): boolean =>
    Array.isArray(value) && new Set(value).size === value.length && value.every((item) => words.some((word) => word === item));
  const schema = { type: "array", items: { type: "string", enum: [...words] }, uniqueItems: true };
  return field({ rule: `is a list of different words out of ${words.join(", ")}`, isGood, schema }, marks);
}

/** A list whose items the act itself judges. */
export function ListField(bounds: FieldMarks & { readonly max: number }): PropertyDecorator {
  const isGood = (value: unknown): boolean => Array.isArray(value) && value.length <= bounds.max;
  const schema = { type: "array", items: { type: "object", additionalProperties: true }, maxItems: bounds.max };
  return field({ rule: `is a list of at most ${String(bounds.max)} items`, isGood, schema }, bounds);
}

/** Yes or no. */
export function FlagField(marks: FieldMarks = {}): PropertyDecorator {
  return field({ rule: "is true or false", isGood: (value) => typeof value === "boolean", schema: { type: "boolean" } }, marks);
}

/** A whole number. */
export function WholeField(bounds: FieldMarks & { readonly min: number; readonly max: number }): PropertyDecorator {
  const { min, max } = bounds;
  const isGood = (value: unknown): boolean => typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
  const schema = { type: "integer", minimum: min, maximum: max };
  return field({ rule: `is a whole number from ${String(min)} to ${String(max)}`, isGood, schema }, bounds);
}

/** A JSON object whose members the act itself judges. */
export function ObjectField(marks: FieldMarks = {}): PropertyDecorator {
  const isGood = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
  return field({ rule: "is an object", isGood, schema: { type: "object", additionalProperties: true } }, marks);
}

/** A member of a reply, described for the API document. */
export function Shown(schema: Readonly<Record<string, unknown>>): PropertyDecorator {
  return ApiProperty(schema);
}

/** Schemas of the members that replies have again and again. */
export const SHOWN = {
  id: { type: "string", pattern: "^[a-z]{2,3}_[0-7][0-9a-hjkmnp-tv-z]{25}$", description: "Opaque id with a prefix of its type." },
  text: { type: "string" },
  flag: { type: "boolean" },
  count: { type: "integer", minimum: 0 },
  seq: { type: "integer", minimum: 0, description: "Position of the audit entry that tells of it." },
  time: { type: "string", format: "date-time", description: "RFC 3339, UTC." },
  object: { type: "object", additionalProperties: true },
  next: { type: "string", nullable: true, description: "Cursor of the following page for `after`; null at the end." },
} as const;
