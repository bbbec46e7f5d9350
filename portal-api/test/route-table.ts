import { RequestMethod, type INestApplicationContext } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { ModulesContainer } from '@nestjs/core';
import { PUBLIC_ROUTE } from '../src/sessions/session.decorators.js';

export interface Route {
  method: 'GET' | 'POST';
  path: string;
  isPublic: boolean;
}

/** Every handler of every controller that the application has, with what its decorators say. */
export function routeTable(app: INestApplicationContext): Route[] {
  const found: Route[] = [];
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') {
        continue;
      }
      const prototype = metatype.prototype as Record<string, object>;
      for (const name of Object.getOwnPropertyNames(prototype)) {
        const handler = prototype[name];
        const method = handler && (Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined);
        if (handler === undefined || method === undefined) {
          continue;
        }
        const parts = [
          Reflect.getMetadata(PATH_METADATA, metatype),
          Reflect.getMetadata(PATH_METADATA, handler),
        ] as string[];
        found.push({
          method: RequestMethod[method] as Route['method'],
          path: `/api/${parts.filter((part) => part !== '/').join('/')}`,
          isPublic: [handler, metatype].some((target) => Reflect.getMetadata(PUBLIC_ROUTE, target) === true),
        });
      }
    }
  }
  return found;
}
