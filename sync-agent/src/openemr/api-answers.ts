import { z } from 'zod';
import { API_FAILURES, OpenEmrPermanent, OpenEmrTransient } from './api-failures.js';
import type { ApiAnswer } from './api-connection.js';

/** What OpenEMR's own answers look like, as far as they are believed; whatever else is in them is dropped. */
export const OAuthError = z.object({ error: z.string().regex(/^[a-z_]{1,40}$/) });

export const TokenAnswer = z.object({
  access_token: z.string().min(1).max(16_384),
  token_type: z.literal('Bearer'),
  expires_in: z.number().int().positive(),
  scope: z.string().max(16_384),
});

export const RegistrationAnswer = z.object({
  client_id: z.string().regex(/^[\w-]{10,80}$/),
  scope: z.string().max(16_384),
});

export const SmartConfiguration = z.object({
  token_endpoint: z.url({ protocol: /^https$/ }),
  grant_types_supported: z.array(z.string()).max(20),
});

export const CapabilityStatement = z.object({
  resourceType: z.literal('CapabilityStatement'),
  fhirVersion: z.string().regex(/^[\w.-]{1,20}$/),
  software: z.object({ name: z.string().max(100), version: z.string().max(40).optional() }),
});

/** A DocumentReference of one document, whose bytes are a `Binary`. */
export const DocRefAnswer = z.object({
  resourceType: z.literal('Bundle'),
  entry: z.tuple([
    z.object({
      resource: z.object({
        resourceType: z.literal('DocumentReference'),
        subject: z.object({ reference: z.string().max(200) }).optional(),
        content: z.tuple([
          z.object({
            attachment: z.object({ url: z.string().regex(/\/Binary\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) }),
          }),
        ]),
      }),
    }),
  ]),
});

/** The answer's JSON in the shape the call has. @throws OpenEmrTransient; it repeats nothing of the answer */
export function readJson<T>(what: string, schema: z.ZodType<T>, { bytes }: ApiAnswer): T {
  const parsed = schema.safeParse(jsonOf(bytes));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OpenEmrTransient(
      API_FAILURES.answer,
      `OpenEMR's answer about ${what} is not one (${issue?.path.join('.') ?? ''} ${issue?.code ?? ''}): ` +
        'check that OPENEMR_URL is the address of OpenEMR itself',
    );
  }
  return parsed.data;
}

export function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** Any answer that is not what the call has to answer. 408, 429 and 5xx pass; a redirect and the rest need a person. */
export function refusedAnswer(what: string, { status }: ApiAnswer): OpenEmrTransient | OpenEmrPermanent {
  if (status >= 500 || status === 408 || status === 429) {
    return new OpenEmrTransient(
      API_FAILURES.unavailable,
      `OpenEMR answered ${what} with ${String(status)}; it is tried again`,
    );
  }
  if (status >= 300 && status < 400) {
    return new OpenEmrPermanent(
      API_FAILURES.redirect,
      `OpenEMR sends ${what} to another address: set OPENEMR_URL to the address that answers itself`,
    );
  }
  return new OpenEmrPermanent(API_FAILURES.refused, `OpenEMR refused ${what} with ${String(status)}`);
}
