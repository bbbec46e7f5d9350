import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { SignedOut } from '../problems/request.problems.js';
import { SESSION_COOKIE, parseHalfKey } from './half-key-cookie.js';
import type { PortalRequest } from './portal-request.js';
import type { Session } from './session.js';
import { SessionStore } from './session.store.js';

export const SESSION_STRATEGY = 'session-cookie';

/** Passport's strategy for the session: both halves must meet, and neither end have passed. */
@Injectable()
export class SessionStrategy extends PassportStrategy(Strategy, SESSION_STRATEGY) {
  constructor(private readonly store: SessionStore) {
    super();
  }

  async validate(request: PortalRequest): Promise<Session> {
    const half = parseHalfKey(request.cookies[SESSION_COOKIE]);
    const session = half && (await this.store.load(half, request.headers['x-user-act'] === '1'));
    if (session === null) {
      throw new SignedOut();
    }
    return session;
  }
}
