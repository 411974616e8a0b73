import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from "@nestjs/common";
import { catchError, from, mergeMap, type Observable, throwError } from "rxjs";
import type { EdgeRequest } from "./edge-request.js";
import { Refusals } from "./refusals.service.js";

/** Has refusals of use cases written down before the caller hears of them. What the guard refuses, the guard tells. */
@Injectable()
export class RefusalInterceptor implements NestInterceptor {
  constructor(private readonly refusals: Refusals) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<EdgeRequest>();
    return next
      .handle()
      .pipe(catchError((error: unknown) => from(this.refusals.record(request, error)).pipe(mergeMap(() => throwError(() => error)))));
  }
}
