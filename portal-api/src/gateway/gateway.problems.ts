import type { ChartState, GatewayProblemCode, Problem } from 'sync-contract/gateway-wire';

export type GatewayProblemLevel = 'debug' | 'info' | 'warn' | 'error';

/** A refusal with an answer for the agent. Code, status and log level are fixed by the class; nothing sent is repeated. */
export abstract class GatewayProblem extends Error {
  abstract readonly code: GatewayProblemCode;
  abstract readonly status: number;
  abstract readonly title: string;
  readonly level: GatewayProblemLevel = 'warn';
  readonly detail: string | undefined = undefined;
  /** further members of the problem, as gateway-wire defines them */
  readonly members: Record<string, unknown> = {};

  override get message(): string {
    return this.title;
  }

  toBody(): Problem {
    return {
      ...this.members,
      type: `urn:oe-portal:problem:${this.code}`,
      title: this.title,
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }
}

/** The two sides speak different protocol versions: update the one the detail says. */
export class VersionRefused extends GatewayProblem {
  readonly code = 'protocol-version-refused';
  readonly status = 400;
  readonly title = 'This protocol version is not accepted.';
  constructor(override readonly detail: string) {
    super();
  }
}

/** A body of another shape than gateway-wire's. Agent and gateway are of different builds, or somebody plays. */
export class WireBodyRefused extends GatewayProblem {
  readonly code = 'body-refused';
  readonly status = 400;
  readonly title = 'The request body has another shape.';
  /** @param detail paths and kinds of fault, no content */
  constructor(override readonly detail: string) {
    super();
  }
}

/** No JSON, nested deeper than `LIMITS.jsonDepth`, or an attempt on an object's prototype. */
export class WireNotJson extends GatewayProblem {
  readonly code = 'body-not-json';
  readonly status = 400;
  readonly title = 'The request body is not acceptable JSON.';
}

/** More than `LIMITS.gatewayRequestBytes`. The agent splits its batches before. */
export class WireTooLarge extends GatewayProblem {
  readonly code = 'body-too-large';
  readonly status = 413;
  readonly title = 'The request body is too large.';
}

/** Another content type than JSON. */
export class WireNotSupported extends GatewayProblem {
  readonly code = 'content-type-refused';
  readonly status = 415;
  readonly title = 'Request bodies are application/json.';
}

/** Only the routes of gateway-wire exist. */
export class RouteUnknown extends GatewayProblem {
  readonly code = 'not-found';
  readonly status = 404;
  readonly title = 'There is no such route.';
  override readonly level = 'info';
}

/** A client certificate of the right CA with another name. Never normal. */
export class AgentUnknown extends GatewayProblem {
  readonly code = 'agent-unknown';
  readonly status = 403;
  readonly title = 'This certificate is not the agent’s.';
}

/**
 * The inside has revoked this certificate, for good. Normal for the command that did it; else somebody uses a key that
 * was taken. The agent needs a new key and certificate.
 */
export class AgentRevoked extends GatewayProblem {
  readonly code = 'agent-revoked';
  readonly status = 403;
  readonly title = 'This certificate was revoked.';
}

/** Signature, signer, site or shape of a signed statement is wrong. An honest agent hands over its keys first. */
export class StatementNotAccepted extends GatewayProblem {
  readonly code = 'statement-refused';
  readonly status = 422;
  readonly title = 'A signed statement is refused.';
  constructor(override readonly detail: string) {
    super();
  }
}

/** The sections of a batch are not the ones its manifest names. */
export class SectionRefused extends GatewayProblem {
  readonly code = 'section-refused';
  readonly status = 422;
  readonly title = 'A section does not match the manifest.';
  constructor(override readonly detail: string) {
    super();
  }
}

/** A blob's chunks are not those it was begun with, or its id is another blob's. The agent begins anew under a new id. */
export class BlobRefused extends GatewayProblem {
  readonly code = 'blob-refused';
  readonly status = 422;
  readonly title = 'A blob is refused.';
  constructor(override readonly detail: string) {
    super();
  }
}

/** Leaves, bucket roots and root of a heartbeat do not fit together. */
export class HeartbeatRefused extends GatewayProblem {
  readonly code = 'heartbeat-refused';
  readonly status = 422;
  readonly title = 'The heartbeat’s tree does not add up.';
  constructor(override readonly detail: string) {
    super();
  }
}

/**
 * The heartbeat's T lies ahead of this gateway's clock: one of the clocks of DMZ and inside is wrong, and once the DMZ's
 * has passed it T would look current. Set the clock; the inside forgets the time and claims a later one.
 */
export class HeartbeatFromTheFuture extends GatewayProblem {
  readonly code = 'heartbeat-ahead';
  readonly status = 422;
  readonly title = 'The heartbeat’s time lies ahead of the clock here.';
}

/** The manifest is not newer than the stored one, or names bytes that nobody has. The agent reads the state again. */
export class ChartNotAccepted extends GatewayProblem {
  readonly code = 'chart-conflict';
  readonly status = 409;
  readonly title = 'The gateway holds another state of this chart.';
  override readonly level = 'info';
  override readonly members: Record<string, unknown>;
  constructor(chart: ChartState, missing: string[]) {
    super();
    this.members = { chart, missing };
  }
}

/** Buckets are missing, or the heartbeat is not newer than the stored one (then none is missing). */
export class HeartbeatNotAccepted extends GatewayProblem {
  readonly code: 'heartbeat-buckets-missing' | 'heartbeat-not-newer';
  readonly status = 409;
  readonly title = 'The gateway cannot take this heartbeat.';
  override readonly level = 'info';
  override readonly members: Record<string, unknown>;
  constructor(missing: number[], held: { era: number; seq: number } | null) {
    super();
    this.code = missing.length > 0 ? 'heartbeat-buckets-missing' : 'heartbeat-not-newer';
    this.members = { missing, held };
  }
}

/** An invite id or look-up value is taken by another invite. */
export class InviteNotAccepted extends GatewayProblem {
  readonly code = 'invite-conflict';
  readonly status = 409;
  readonly title = 'Another invite has this id or code.';
}

/** A later version of the portal does this; the formats have room for it already. */
export class NotSupportedYet extends GatewayProblem {
  readonly code = 'not-supported-yet';
  readonly status = 501;
  readonly title = 'This is not supported yet.';
  constructor(override readonly detail: string) {
    super();
  }
}

/** The disk of the DMZ's database is full; nothing of the call was kept. Free some space there; the agent tries again. */
export class GatewayOutOfRoom extends GatewayProblem {
  readonly code = 'no-room';
  readonly status = 507;
  readonly title = 'The disk of the DMZ’s database is full.';
  override readonly level = 'error';
}

/** The database is away or the gateway has a fault: the log line of the same request says where. Worth a retry. */
export class GatewayFailed extends GatewayProblem {
  readonly code = 'unexpected';
  readonly status = 500;
  readonly title = 'The gateway could not do this.';
  override readonly level = 'error';
}
