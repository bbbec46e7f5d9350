import { z } from 'zod';

/** Version of everything the two sides exchange. Readers accept this one and the one before it. */
export const PROTOCOL_VERSION = 3;
export const PREVIOUS_PROTOCOL_VERSION = 2;
export const ACCEPTED_PROTOCOL_VERSIONS: readonly number[] = [PREVIOUS_PROTOCOL_VERSION, PROTOCOL_VERSION];

/** Another version than the accepted ones. The message names both, so that an operator knows which side to update. */
export class ProtocolVersionRefused extends Error {
  readonly code = 'protocol-version-refused';
  constructor(readonly version: unknown) {
    super(
      `protocol version ${typeof version === 'number' ? String(version) : 'missing'} is not accepted here: ` +
        `this side speaks ${ACCEPTED_PROTOCOL_VERSIONS.join(' and ')}`,
    );
  }
}

/** @throws ProtocolVersionRefused */
export function assertProtocolVersion(version: unknown): void {
  if (typeof version !== 'number' || !ACCEPTED_PROTOCOL_VERSIONS.includes(version)) {
    throw new ProtocolVersionRefused(version);
  }
}

export const ProtocolVersion = z.int().refine((version) => ACCEPTED_PROTOCOL_VERSIONS.includes(version), {
  error: (issue) => new ProtocolVersionRefused(issue.input).message,
});
