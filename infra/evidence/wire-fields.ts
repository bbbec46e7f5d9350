import { z } from 'zod';
import { Cut } from 'sync-contract/cut';
import { EnvelopeHeader } from 'sync-contract/envelope';
import * as gatewayWire from 'sync-contract/gateway-wire';
import { GrantTerms } from 'sync-contract/grant';
import { Heartbeat } from 'sync-contract/heartbeat';
import { KeyStatement } from 'sync-contract/key-statement';
import { Manifest } from 'sync-contract/manifest';
import {
  SUBMISSION_PAYLOADS,
  type CcdRequestPayload,
  type EnrolmentPayload,
  type MessagePayload,
  type ReleaseWishPayload,
} from 'sync-contract/submission';

/** A field of what passes the gateway beside the content of sections. */
interface WireField {
  schema: string;
  path: string;
  /** out: from inside to the DMZ */
  direction: 'out' | 'in';
  protection: string;
}

const CLEAR = 'clear inside mutual TLS 1.3; the DMZ reads it';
const SIGNED = 'clear, signed (Ed25519) by the agent; the DMZ reads it and cannot change it unseen';
const ROOT_SIGNED = 'clear, signed (Ed25519) by the root; the DMZ reads it and cannot change it unseen';

/** Every field of every call of the gateway, of what the agent signs, and of envelopes; as the contract has them. */
export function wireFields(): WireField[] {
  const calls = Object.entries(gatewayWire).flatMap(([name, exported]) =>
    exported instanceof z.ZodType
      ? leaves(exported).map((path): WireField => ({
          schema: name,
          path,
          // What the agent asks goes out, what the gateway answers comes in.
          direction: name.endsWith('Request') ? 'out' : 'in',
          protection: CLEAR,
        }))
      : [],
  );
  const statements = Object.entries({ Cut, GrantTerms, Heartbeat, Manifest }).flatMap(([schema, type]) =>
    leaves(type).map((path): WireField => ({ schema, path, direction: 'out', protection: SIGNED })),
  );
  const keys = leaves(KeyStatement).map((path): WireField => ({
    schema: 'KeyStatement',
    path,
    direction: 'out',
    protection: ROOT_SIGNED,
  }));
  const header = leaves(EnvelopeHeader).map((path): WireField => ({
    schema: 'EnvelopeHeader',
    path,
    direction: 'in',
    protection: 'clear, authenticated by the seal of the envelope; the DMZ makes and reads it',
  }));
  return [...calls, ...statements, ...keys, ...header].sort(
    (a, b) => compare(a.schema, b.schema) || compare(a.path, b.path),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A field that a patient submits, and where its words come to rest inside. */
interface SubmittedField {
  kind: string;
  path: string;
  destinations: readonly string[];
}

/** The compiler asks for a line here when a payload gets a field. */
const DESTINATIONS: {
  message: Record<keyof MessagePayload, readonly string[]>;
  enrolment: Record<keyof EnrolmentPayload, readonly string[]>;
  'release-wish': Record<keyof ReleaseWishPayload, readonly string[]>;
  'ccd-request': Record<keyof CcdRequestPayload, readonly string[]>;
} = {
  message: {
    threadId: ['ledger thread.thread_id', 'ledger thread_mail.thread_id'],
    topic: ['onsite_mail.title', 'ledger thread.topic'],
    subject: ['onsite_mail.title', 'ledger thread.subject'],
    body: ['onsite_mail.body'],
    writtenAt: ['nowhere: the date in OpenEMR is the clinic clock at delivery'],
  },
  enrolment: {
    inviteId: ['ledger invite.invite_id (looked up)'],
    accountRef: ['ledger invite.account_ref', 'ledger account_grant.account_ref'],
    publicKey: ['ledger account_grant.public_key'],
    proof: ['nowhere: compared, then dropped'],
    dateOfBirth: ['nowhere: compared with patient_data.DOB, then dropped'],
  },
  'release-wish': {
    wish: ['ledger release_decision.kind'],
    resultId: ['ledger release_decision.resource_id'],
    wishedAt: ['nowhere: the ledger notes its own clock at delivery'],
  },
  'ccd-request': {
    from: ['ledger ccd_request.from_day'],
    to: ['ledger ccd_request.to_day'],
    requestedAt: ['nowhere: the ledger notes its own clock at delivery'],
  },
};

export function submittedFields(): SubmittedField[] {
  return Object.entries(SUBMISSION_PAYLOADS).flatMap(([kind, payload]) => {
    const destinations: Record<string, readonly string[]> = DESTINATIONS[kind as keyof typeof DESTINATIONS];
    return leaves(payload).map((path) => ({ kind, path, destinations: destinations[path] ?? [] }));
  });
}

const Node = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});

/** Paths of the leaves of a schema; an open or unknown part is a leaf. */
export function leaves(schema: z.ZodType): string[] {
  const walk = (path: string, node: unknown): string[] => {
    const { properties, items, oneOf, anyOf = oneOf } = Node.parse(node);
    if (properties !== undefined && Object.keys(properties).length > 0) {
      return Object.entries(properties).flatMap(([name, part]) => walk(path === '' ? name : `${path}.${name}`, part));
    }
    if (items !== undefined) {
      return walk(`${path}[]`, items);
    }
    return anyOf === undefined ? [path] : [...new Set(anyOf.flatMap((part) => walk(path, part)))];
  };
  const found = walk('', z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }));
  return [...new Set(found.filter((path) => path !== ''))];
}
