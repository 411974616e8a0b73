import type { FieldError } from "../kernel/errors.js";
import { LIMITS } from "../kernel/limits.js";

/** Name and e-mail of a person who is to be enrolled. */
export interface PersonForm {
  readonly name: string;
  readonly email: string;
}

const EMAIL = /^[^\s@"(),:;<>[\\\]\p{C}]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})+$/u;

/** The rules that `form` breaks; empty if it stands. */
export function checkPersonForm(form: PersonForm): FieldError[] {
  const errors: FieldError[] = [];
  if (!/^[^\p{C}]{2,}$/u.test(form.name) || form.name.length > LIMITS.nameCharsMax || form.name !== form.name.trim()) {
    errors.push({ field: "name", rule: "is 2 to 120 printable characters, without blanks around" });
  }
  if (form.email.length > LIMITS.emailCharsMax || !EMAIL.test(form.email)) errors.push({ field: "email", rule: "is an e-mail address" });
  return errors;
}
