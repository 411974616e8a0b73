// Looks at an event with the eyes of the OCSF schema: the classes and objects of release 1.5.0 that we use, taken from the schema's repository.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

interface Attribute {
  readonly type: string;
  readonly requirement: "required" | "recommended" | "optional";
  readonly is_array?: true;
  /** Captions by number. */
  readonly enum?: Readonly<Record<string, string>>;
}

interface Shape {
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly at_least_one?: readonly string[];
}

interface EventClass extends Shape {
  readonly uid: number;
  readonly category_uid: number;
  readonly caption: string;
}

const path = fileURLToPath(new URL("../../../test/conformance/vectors/ocsf-1.5.0.json", import.meta.url));
const schema = JSON.parse(readFileSync(path, "utf8")) as {
  readonly version: string;
  readonly classes: Readonly<Record<string, EventClass>>;
  readonly objects: Readonly<Record<string, Shape>>;
};

type Members = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string_t: (value) => typeof value === "string" && value !== "",
  boolean_t: (value) => typeof value === "boolean",
  integer_t: Number.isSafeInteger,
  long_t: Number.isSafeInteger,
};

/** Everything that the schema finds wrong with `event`; empty for a good one. */
export function ocsfProblems(event: Members): string[] {
  const found = Object.values(schema.classes).find(({ uid }) => uid === event["class_uid"]);
  if (found === undefined) return [`class_uid ${String(event["class_uid"])} is unknown`];
  const problems = shapeProblems(found, event, found.caption);
  const expect = (name: string, value: unknown): void => {
    if (event[name] !== value) problems.push(`${name} is not ${String(value)}`);
  };
  expect("category_uid", found.category_uid);
  expect("class_name", found.caption);
  expect("type_uid", found.uid * 100 + Number(event["activity_id"]));
  expect("activity_name", found.attributes["activity_id"]?.enum?.[String(event["activity_id"])]);
  expect("severity", found.attributes["severity_id"]?.enum?.[String(event["severity_id"])]);
  if ((event["metadata"] as Members)["version"] !== schema.version) problems.push("metadata.version is another release");
  return problems;
}

function shapeProblems({ attributes, at_least_one: oneOf }: Shape, value: Members, place: string): string[] {
  const unknown = Object.keys(value).filter((name) => !(name in attributes));
  const missing = Object.keys(attributes).filter((name) => attributes[name]?.requirement === "required" && !(name in value));
  return [
    ...unknown.map((name) => `${place}.${name} is not in the schema`),
    ...missing.map((name) => `${place}.${name} is required`),
    ...(oneOf === undefined || oneOf.some((name) => name in value) ? [] : [`${place} has none of ${oneOf.join(", ")}`]),
    ...Object.entries(attributes).flatMap(([name, attribute]) =>
      value[name] === undefined ? [] : valueProblems(attribute, value[name], `${place}.${name}`),
    ),
  ];
}

function valueProblems(attribute: Attribute, value: unknown, place: string): string[] {
  if (attribute.is_array === true) {
    if (!Array.isArray(value) || value.length === 0) return [`${place} is no list`];
    return value.flatMap((item: unknown, index) => singleProblems(attribute, item, `${place}[${String(index)}]`));
  }
  return singleProblems(attribute, value, place);
}

function singleProblems({ type, enum: captions }: Attribute, value: unknown, place: string): string[] {
  if (captions !== undefined && !(String(value) in captions)) return [`${place} is not one of the schema's numbers`];
  const check = TYPES[type];
  if (check !== undefined) return check(value) ? [] : [`${place} is no ${type}`];
  if (typeof value !== "object" || value === null) return [`${place} is no object`];
  if (type === "object") return [];
  const shape = schema.objects[type];
  return shape === undefined
    ? [`${place}: what the schema asks of ${type} was not taken over`]
    : shapeProblems(shape, value as Members, place);
}
