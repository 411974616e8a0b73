import { Injectable } from "@nestjs/common";

/** The API description that is served. It is made from the finished application, so it is put here once all routes are known. */
@Injectable()
export class ApiDocument {
  #text = "{}";

  get text(): string {
    return this.#text;
  }

  publish(text: string): void {
    this.#text = text;
  }
}
