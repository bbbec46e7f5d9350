import { TLSSocket } from 'node:tls';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { GatewayConfig } from '../gateway-config.js';
import { AgentUnknown } from './gateway.problems.js';

/** Whether a connection carries a verified certificate with the agent's name. */
export function isAgent(socket: unknown, commonName: string): boolean {
  if (!(socket instanceof TLSSocket) || !socket.authorized) {
    return false;
  }
  return socket.getPeerX509Certificate()?.toLegacyObject().subject.CN === commonName;
}

/** Second lock behind the one at the connection: no route answers anybody but the agent. */
@Injectable()
export class AgentGuard implements CanActivate {
  constructor(private readonly config: GatewayConfig) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!isAgent(request.raw.socket, this.config.agentCommonName)) {
      throw new AgentUnknown();
    }
    return true;
  }
}
