import type { INestApplicationContext } from "@nestjs/common";
import { RequestMethod } from "@nestjs/common";
import { METHOD_METADATA, PATH_METADATA } from "@nestjs/common/constants.js";
import { MetadataScanner, ModulesContainer } from "@nestjs/core";
import { isOperation, OPERATION_NAMES, type Operation, ruleOf } from "../kernel/operations.js";
import { OPERATION_KEY } from "../wire/operation.decorator.js";

/** A route as a controller declares it. */
export interface DeclaredRoute {
  readonly controller: string;
  readonly method: string;
  /** `GET`, `POST` and so on. */
  readonly verb: string;
  /** As Fastify has it, `/v1/requests/:id`. */
  readonly path: string;
  readonly operation: unknown;
}

/** A route as it was registered with Fastify. */
export interface RegisteredRoute {
  readonly verb: string;
  readonly path: string;
}

/** Every route of every controller, in the order of path and verb. */
export function declaredRoutes(app: INestApplicationContext): DeclaredRoute[] {
  const scanner = new MetadataScanner();
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  const routes = controllers.flatMap(({ metatype }) => {
    const type = metatype as (new (...parts: never[]) => object) | null;
    if (type === null) return [];
    return scanner.getAllMethodNames(type.prototype as object).flatMap((name) => routesOf(type, name));
  });
  return routes.sort((one, other) => (`${one.path} ${one.verb}` < `${other.path} ${other.verb}` ? -1 : 1));
}

function routesOf(type: new (...parts: never[]) => object, name: string): DeclaredRoute[] {
  const method = (type.prototype as Record<string, unknown>)[name] as object;
  const paths = Reflect.getMetadata(PATH_METADATA, method) as string | string[] | undefined;
  if (paths === undefined) return [];
  const prefixes = Reflect.getMetadata(PATH_METADATA, type) as string | string[];
  const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod];
  const operation: unknown = Reflect.getMetadata(OPERATION_KEY, method);
  return [prefixes]
    .flat()
    .flatMap((prefix) =>
      [paths].flat().map((path) => ({ controller: type.name, method: name, verb, path: joined(prefix, path), operation })),
    );
}

function joined(...parts: readonly string[]): string {
  return `/${parts
    .map((part) => part.replace(/^\/+|\/+$/g, ""))
    .filter((part) => part !== "")
    .join("/")}`;
}

/**
 * Refuses to boot unless every route has an operation of the closed list and every operation a route (design §9). A route that Fastify
 * knows and no controller declares (a plugin's) is refused too: the guard would never see it.
 * @throws Error that lists everything that is wrong.
 */
export function assertRoutesHaveOperations(app: INestApplicationContext, registered: readonly RegisteredRoute[] = []): void {
  const declared = declaredRoutes(app);
  const faults = [
    ...declared
      .filter(({ operation }) => !isOperation(operation))
      .map(({ verb, path, controller, method }) => `${verb} ${path} (${controller}.${method}) has no operation of the list`),
    ...doubles(declared).map((route) => `${route} is declared twice`),
    ...registered
      .filter(({ verb, path }) => !declared.some((route) => route.verb === verb && route.path === path))
      .map(({ verb, path }) => `${verb} ${path} is no controller's`),
    ...unanswered(declared).map((operation) => `operation ${operation} has no route`),
  ];
  if (faults.length > 0) throw new Error(`The routes do not stand:\n${faults.map((fault) => `  ${fault}.`).join("\n")}`);
}

function doubles(declared: readonly DeclaredRoute[]): string[] {
  const names = declared.map(({ verb, path }) => `${verb} ${path}`);
  return names.filter((name, index) => names.indexOf(name) !== index);
}

function unanswered(declared: readonly DeclaredRoute[]): Operation[] {
  const answered = new Set(declared.map(({ operation }) => operation));
  return OPERATION_NAMES.filter((operation) => {
    // A guarded act that releases nothing happens by the approval of its request and has no route of its own.
    const { guarded, releases } = ruleOf(operation);
    return !answered.has(operation) && !(guarded && !releases);
  });
}
