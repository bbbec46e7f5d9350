import { createSecretKey, type KeyObject } from 'node:crypto';
import { openAead } from 'sync-contract/aead';
import { BlobSeal, sealedOverhead } from 'sync-contract/blob';
import { canonicalBytes } from 'sync-contract/canonical-json';
import type { RecordClass } from 'sync-contract/classes';
import { openEnvelope } from 'sync-contract/envelope';
import { openGrant } from 'sync-contract/grant';
import { openOwnCopy } from 'sync-contract/own-copy';
import { decompress, deriveClassKey, openSection, sectionAad, type SectionHeader } from 'sync-contract/section';
import { unwrap } from 'portal-api/src/credentials/account-secrets';
import { accountSettingsKey } from 'portal-api/src/sessions/session';
import { READABLE_CLASSES } from 'sync-agent/src/openemr/read-chart';
import type { StoredCiphertext } from './stored-ciphertexts.js';

/** Classes that the system fills today; a candidate is tried as it stands, and as the root of what derives from it. */
const CLASSES: readonly RecordClass[] = [...READABLE_CLASSES, 'receipts'];

interface Keys {
  itself: Uint8Array;
  /** as an account's private key, by which the account's own things are sealed */
  settings: Buffer;
  classes: readonly Buffer[];
  /** what may be the key of a section, made ready once for all of them */
  ofSections: readonly { key: Uint8Array; secret: KeyObject }[];
}

function keysOf(candidate: Uint8Array): Keys {
  const classes = CLASSES.map((recordClass) => deriveClassKey(candidate, recordClass));
  return {
    itself: candidate,
    settings: accountSettingsKey(candidate),
    classes,
    ofSections: [candidate, ...classes].map((key) => ({ key, secret: createSecretKey(key) })),
  };
}

type Opening = { keys: readonly Uint8Array[]; open: (key: Uint8Array) => Uint8Array | Promise<Uint8Array> };

/** The portal's own code for this kind of thing, and which keys it would come with. */
function openingOf(ciphertext: StoredCiphertext, { itself, settings, classes, ofSections }: Keys): Opening {
  switch (ciphertext.kind) {
    case 'section': {
      const aad = aadOf(ciphertext.header);
      return {
        keys: ofSections.filter(({ secret }) => fits(secret, ciphertext.sealed, aad)).map(({ key }) => key),
        open: (key) => decompress(openSection(key, ciphertext.header, ciphertext.sealed)),
      };
    }
    case 'own-copy':
      return {
        keys: [itself, settings, ...classes],
        open: (key) => json(openOwnCopy(key, ciphertext.header, ciphertext.sealed)),
      };
    case 'document': {
      const { header, chunks, size, n, sealed } = ciphertext;
      // How much of it is padding only the entry tells; to open it takes none of that.
      return {
        keys: [itself, ...classes],
        open: (key) => new BlobSeal(key, header, size - sealedOverhead(chunks)).openChunk(n, sealed),
      };
    }
    case 'grant':
      return { keys: [itself], open: (key) => openGrant(ciphertext.grant, key) };
    case 'envelope':
      return {
        keys: [itself],
        open: async (key) => json(await openEnvelope(ciphertext.envelope, ciphertext.site, key)),
      };
    case 'account':
      return {
        keys: [itself, settings],
        open: (key) => unwrap(key, ciphertext.accountRef, ciphertext.thing, ciphertext.wrapped),
      };
    case 'half-key':
      return {
        keys: [itself],
        open: (key) =>
          openAead(key, ciphertext.sealed, canonicalBytes({ use: ciphertext.use, idHash: ciphertext.idHash })),
      };
  }
}

/** Sections are most of all seals: what each authenticates is put together once, not for every key. */
const aads = new WeakMap<SectionHeader, Buffer>();

function aadOf(header: SectionHeader): Buffer {
  const aad = aads.get(header) ?? sectionAad(header);
  aads.set(header, aad);
  return aad;
}

function fits(secret: KeyObject, sealed: Uint8Array, aad: Buffer): boolean {
  try {
    openAead(secret, sealed, aad);
    return true;
  } catch {
    return false;
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** What the first fitting key opens. A seal that does not open is the expected case. */
function attempt({ keys, open }: Opening): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  for (const key of keys) {
    try {
      const opened = open(key);
      return opened instanceof Promise ? opened.catch(() => undefined) : opened;
    } catch {
      // not this key
    }
  }
  return undefined;
}

/** A candidate for a key, as workers get it too. */
export interface Candidate {
  place: string;
  bytes: Uint8Array;
}

/** Something that opened. */
export interface Opened extends Candidate {
  kind: StoredCiphertext['kind'];
}

/** Each candidate against each ciphertext, with the system's own code. */
export async function tryKeys(
  candidates: readonly Candidate[],
  ciphertexts: readonly StoredCiphertext[],
): Promise<{ tries: number; opened: Opened[] }> {
  const result: { tries: number; opened: Opened[] } = { tries: 0, opened: [] };
  // Nearly every attempt throws, and nobody reads where.
  const traces = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  for (const { place, bytes } of candidates) {
    const keys = keysOf(bytes);
    const outcomes = await Promise.all(ciphertexts.map(async (ciphertext) => attempt(openingOf(ciphertext, keys))));
    result.tries += outcomes.length;
    for (const [number, ciphertext] of ciphertexts.entries()) {
      const opened = outcomes[number];
      if (opened !== undefined) {
        const name = `${ciphertext.place}, with the key from ${place}`;
        result.opened.push({ kind: ciphertext.kind, place: name, bytes: opened });
      }
    }
  }
  Error.stackTraceLimit = traces;
  return result;
}
