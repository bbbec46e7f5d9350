import type { ChartConflict, HeartbeatConflict } from 'sync-contract/gateway-wire';

/** A call of the gateway that did not succeed. Decided by status and cause, never by a message's text. */
export abstract class GatewayFailure extends Error {
  abstract readonly logLevel: 'warn' | 'error';
  constructor(
    /** fixed word for the cause */
    readonly code: string,
    sentence: string,
  ) {
    super(sentence);
  }
}

/** The call may be repeated later, unchanged: network, time-out, rubbish, overload. Nothing is known about its effect. */
export class Transient extends GatewayFailure {
  readonly logLevel = 'warn';
}

/** Repeating the call unchanged cannot help: the gateway refused it, or is not the one this agent belongs to. */
export class Permanent extends GatewayFailure {
  readonly logLevel = 'error';
}

/** A document's bytes are refused, for good under this id: they are sent anew under another one. */
export class BlobRefused extends Permanent {
  constructor(sentence: string) {
    super('gateway-blob-refused', sentence);
  }
}

/** The claimed time lies ahead of the gateway's clock. */
export class TimeRefused extends Permanent {
  constructor(sentence: string) {
    super('gateway-time-refused', `${sentence}: the clocks of OpenEMR's database and of the DMZ differ`);
  }
}

/** The gateway is of before this call: what needs it waits until the DMZ is updated. */
export class RouteUnknown extends Permanent {
  constructor(sentence: string) {
    super('gateway-refused', sentence);
  }
}

/** The gateway holds something else than the agent thought (409). `problem` is its answer, already checked. */
export class Conflict<Problem = ChartConflict | HeartbeatConflict> extends GatewayFailure {
  readonly logLevel = 'warn';
  constructor(readonly problem: Problem) {
    super('gateway-conflict', 'the gateway holds another state than this call expects');
  }
}
