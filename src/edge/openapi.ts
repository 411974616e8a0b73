import type { INestApplication } from "@nestjs/common";
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from "@nestjs/swagger";
import { ERRORS } from "../kernel/errors.js";
import { type Operation, type OperationRule, ruleOf } from "../kernel/operations.js";
import { PROBLEM_MEDIA_TYPE } from "../wire/problem.js";
import { type DeclaredRoute, declaredRoutes } from "./route-check.js";

type Json = Record<string, unknown>;

const BEARER = "session";

/**
 * The OpenAPI 3.1 description of `app`, the same for the same build: nothing of it depends on the order of modules, the configuration or
 * the time. What every operation shares (errors, security, idempotency) is written here, from the closed tables.
 */
export function buildOpenApi(app: INestApplication, version: string): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion("3.1.0")
    .setTitle("Rootkeep")
    .setDescription("Vault for the root credentials of AWS accounts. Errors are problem documents (RFC 9457) with a stable code.")
    .setVersion(version)
    .setLicense("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")
    .addBearerAuth({ type: "http", scheme: "bearer", description: "Token of a session (POST /v1/sessions)." }, BEARER)
    .build();
  const document = SwaggerModule.createDocument(app, options, {
    operationIdFactory: (controller, method) => `${controller}.${method}`,
    autoTagControllers: false,
  });
  const routes = declaredRoutes(app);
  const components = document.components ?? {};
  for (const item of Object.values(document.paths)) {
    for (const description of Object.values(item as Record<string, Json>)) describe(description, routes, components.schemas ?? {});
  }
  const schemas = { ...components.schemas, Problem: PROBLEM_SCHEMA };
  return {
    openapi: document.openapi,
    info: document.info,
    paths: sorted(document.paths),
    components: { ...components, schemas: sorted(schemas), responses: { Problem: PROBLEM_RESPONSE } },
  };
}

/** The document as it is checked in and served. */
export function openApiText(document: OpenAPIObject): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function describe(description: Json, routes: readonly DeclaredRoute[], schemas: Json): void {
  const route = routes.find(({ controller, method }) => description["operationId"] === `${controller}.${method}`);
  if (route === undefined) return;
  const operation = route.operation as Operation;
  const rule = ruleOf(operation);
  const isOnly = routes.filter((other) => other.operation === operation).length === 1;
  description["operationId"] = isOnly ? operation : `${operation}.${route.method}`;
  description["x-operation"] = operation;
  description["x-access"] = rule.access;
  description["summary"] = summaryOf(operation, rule);
  description["security"] = rule.access === "anyone" ? [] : [{ [BEARER]: [] }];
  const parameters = ((description["parameters"] as Json[] | undefined) ?? []).map(withoutNull);
  description["parameters"] = route.verb === "POST" ? [...parameters, idempotencyKey(rule)] : parameters;
  const { requestBody } = description;
  if (isWhollyOptional(requestBody, schemas)) description["requestBody"] = { ...(requestBody as Json), required: false };
  const responses = description["responses"] as Json;
  for (const status of refusalsOf(rule)) responses[status] ??= { $ref: "#/components/responses/Problem" };
}

/** A parameter that may be left out is not null: a query has no such value. */
function withoutNull(parameter: Json): Json {
  const schema = parameter["schema"] as { type?: unknown; enum?: unknown[] } | undefined;
  if (schema === undefined || !Array.isArray(schema.type)) return parameter;
  const words = schema.enum === undefined ? {} : { enum: schema.enum.filter((word) => word !== null) };
  return { ...parameter, schema: { ...schema, type: (schema.type as unknown[])[0], ...words } };
}

/** True for a body whose form demands no member: then the body itself may be left out. */
function isWhollyOptional(requestBody: unknown, schemas: Json): boolean {
  const reference = (requestBody as { content?: Record<string, { schema?: { $ref?: string } }> } | undefined)?.content?.["application/json"]
    ?.schema?.$ref;
  if (reference === undefined) return false;
  return (schemas[reference.replace("#/components/schemas/", "")] as Json | undefined)?.["required"] === undefined;
}

function summaryOf(operation: Operation, rule: OperationRule): string {
  const who = typeof rule.access === "string" ? { anyone: "anyone", person: "any signed-in person" }[rule.access] : rule.access.join(", ");
  const marks = [rule.stepUp ? "takes a fresh second factor" : "", rule.releases ? "releases a secret, once" : ""].filter(
    (mark) => mark !== "",
  );
  return [`${operation}: for ${who}`, ...marks].join("; ");
}

function refusalsOf(rule: OperationRule): string[] {
  return [...(rule.access === "anyone" ? [] : ["401", "403"]), "default"];
}

function idempotencyKey(rule: OperationRule): Json {
  return {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    schema: { type: "string", minLength: 1, maxLength: 128 },
    description: rule.releases
      ? "A repeat with the same key is refused with ALREADY_RELEASED: no answer is kept."
      : "A repeat with the same key and body within a day is not run again: it answers the same status and {id}, with Idempotency-Replayed.",
  };
}

const PROBLEM_SCHEMA = {
  type: "object",
  required: ["type", "title", "status", "detail", "instance", "code", "requestId", "errors"],
  properties: {
    type: { type: "string", format: "uri" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string", format: "uri" },
    code: { type: "string", enum: Object.keys(ERRORS) },
    requestId: { type: "string", format: "uuid" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "rule"],
        properties: { field: { type: "string" }, rule: { type: "string" }, line: { type: "integer" } },
      },
    },
    retryAfterSeconds: { type: "number" },
  },
  additionalProperties: true,
};

const PROBLEM_RESPONSE = {
  description: "Refused or failed; `code` says how, and its row in docs/spec/errors.md whether to try again.",
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
};

function sorted<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1))) as T;
}
