import { type ArgumentMetadata, Injectable, type PipeTransform } from "@nestjs/common";
import { plainToInstance } from "class-transformer";
import { type ValidationError, validate } from "class-validator";
import { type FieldError, RootkeepError } from "../kernel/errors.js";

/** Deeper JSON than this is no form of ours; a walk down a hostile body would end in an overflowing stack. */
const DEPTH_MAX = 12;
const MEMBERS_MAX = 2_000;

const UNKNOWN_MEMBER = "has a member that is not known here";
const BARE_TYPES: ReadonlySet<unknown> = new Set([Object, String, Number, Boolean, Array, Buffer]);

/**
 * Turns a body or a query into its form, or refuses it. Unknown members are refused, so that a misspelt one is not silently left out.
 * Errors name the field and a constant rule: neither a value nor the name of an unknown member is repeated (law L8).
 */
@Injectable()
export class FormPipe implements PipeTransform {
  /** @throws RootkeepError `MALFORMED` */
  async transform(value: unknown, { type, metatype }: ArgumentMetadata): Promise<unknown> {
    if (metatype === undefined || BARE_TYPES.has(metatype) || (type !== "body" && type !== "query")) return value;
    // No body at all is the empty form; what it must have is then missing by name.
    const plain = value ?? {};
    if (typeof plain !== "object" || Array.isArray(plain) || Buffer.isBuffer(plain))
      throw malformed([{ field: type, rule: "is an object" }]);
    if (!isShallow(plain)) throw malformed([{ field: type, rule: "is nested too deeply or has too many members" }]);
    const form = plainToInstance(metatype as new () => object, plain, { enableImplicitConversion: false, enableCircularCheck: false });
    const errors = await validate(form, {
      whitelist: true,
      forbidNonWhitelisted: true,
      stopAtFirstError: true,
      validationError: { target: false, value: false },
    });
    if (errors.length > 0) throw malformed(fieldsOf(errors, type));
    return form;
  }
}

function malformed(fields: readonly FieldError[]): RootkeepError {
  return new RootkeepError("MALFORMED", { fields });
}

function fieldsOf(errors: readonly ValidationError[], place: string): FieldError[] {
  const fields = errors.map(({ property, constraints = {} }) =>
    "whitelistValidation" in constraints
      ? { field: place, rule: UNKNOWN_MEMBER }
      : { field: property, rule: Object.values(constraints)[0] ?? "is not what it should be" },
  );
  // Many unknown members are one fault: their number is the caller's to choose.
  return fields.filter(({ rule }, index) => rule !== UNKNOWN_MEMBER || fields.findIndex((other) => other.rule === rule) === index);
}

/** Walks without recursion, since the depth is what is being asked. */
function isShallow(root: object): boolean {
  let level: object[] = [root];
  let members = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= DEPTH_MAX) return false;
    const children = level.flatMap((node) => Object.values(node) as unknown[]);
    members += children.length;
    if (members > MEMBERS_MAX) return false;
    level = children.filter((child): child is object => typeof child === "object" && child !== null);
  }
  return true;
}
