import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type Hash,
  type KeyObject,
} from 'node:crypto';
import { SealBroken } from './aead.js';
import { canonicalBytes } from './canonical-json.js';
import { LIMITS } from './limits.js';

/** Clear fields of a blob; every chunk authenticates all of them. */
export interface BlobHeader {
  site: string;
  patientRef: string;
  blobId: string;
}

/** What the sealed bytes of a blob look like from outside. */
export interface SealedShape {
  chunks: number;
  /** all sealed bytes */
  size: number;
}

const KEY_BYTES = 32;
const PREFIX_BYTES = 7;
const TAG_BYTES = 16;
const CHUNK = LIMITS.blobChunkBytes;
/** Every sealed chunk but the last has so many bytes; the last has as many or fewer. */
export const SEALED_CHUNK_BYTES = CHUNK + TAG_BYTES;

/** Bytes that sealing adds to so many chunks. */
export function sealedOverhead(chunks: number): number {
  return chunks * TAG_BYTES;
}

/** How a content of `size` bytes looks when it is sealed: in steps of the padding, whatever the content is. */
export function sealedShape(size: number): SealedShape {
  const chunks = Math.max(1, Math.ceil(paddedSize(size) / CHUNK));
  return { chunks, size: paddedSize(size) + sealedOverhead(chunks) };
}

function paddedSize(size: number): number {
  return Math.max(1, Math.ceil(size / LIMITS.paddingStep)) * LIMITS.paddingStep;
}

/** Padded bytes in one chunk. */
function chunkSize(size: number, index: number): number {
  return Math.min(CHUNK, paddedSize(size) - index * CHUNK);
}

/**
 * A document's content in chunks of AES-256-GCM as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the nonce is a
 * prefix ‖ counter (uint32 big endian) ‖ last flag, so that no chunk opens in another place and an end that is cut off
 * is no end. Key and prefix derive from the content key. Equal content under an equal key gives equal bytes, which lets
 * a push go on where it broke off; a content key must therefore never seal two contents.
 */
export class BlobSeal {
  private readonly key: KeyObject;
  private readonly prefix: Buffer;
  private readonly aad: Buffer;
  readonly shape: SealedShape;

  /** @param size bytes of the content; it is known from the list entry, which carries the content key */
  constructor(
    contentKey: Uint8Array,
    { site, patientRef, blobId }: BlobHeader,
    private readonly size: number,
  ) {
    const derived = Buffer.from(
      hkdfSync('sha256', contentKey, Buffer.alloc(0), 'oe-portal|blob', KEY_BYTES + PREFIX_BYTES),
    );
    this.key = createSecretKey(derived.subarray(0, KEY_BYTES));
    this.prefix = derived.subarray(KEY_BYTES);
    this.aad = canonicalBytes({ site, patientRef, blobId });
    this.shape = sealedShape(size);
  }

  /**
   * Sealed chunks of the content, one after the other.
   * @param from number of the first that is wanted
   * @throws RangeError when the size of the content is not the promised one
   */
  *seal(content: Uint8Array, from = 0): Generator<Buffer> {
    if (content.length !== this.size) {
      throw new RangeError('the content has another size than the blob');
    }
    for (let index = from; index < this.shape.chunks; index += 1) {
      const plain = Buffer.alloc(chunkSize(this.size, index));
      plain.set(content.subarray(index * CHUNK, (index + 1) * CHUNK));
      const cipher = createCipheriv('aes-256-gcm', this.key, this.nonce(index));
      cipher.setAAD(this.aad);
      yield Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    }
  }

  /** Content of one chunk, without the padding. @throws SealBroken */
  openChunk(index: number, sealed: Uint8Array): Buffer {
    if (!this.has(index) || sealed.length !== chunkSize(this.size, index) + TAG_BYTES) {
      throw new SealBroken();
    }
    const plain = this.decrypt(index, sealed);
    const content = Math.min(plain.length, Math.max(0, this.size - index * CHUNK));
    const filling = plain.subarray(content);
    if (!filling.equals(Buffer.alloc(filling.length))) {
      throw new SealBroken();
    }
    return plain.subarray(0, content);
  }

  private has(index: number): boolean {
    return Number.isInteger(index) && index >= 0 && index < this.shape.chunks;
  }

  private decrypt(index: number, sealed: Uint8Array): Buffer {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, this.nonce(index), { authTagLength: TAG_BYTES });
      decipher.setAAD(this.aad);
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const head = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      return Buffer.concat([head, decipher.final()]);
    } catch {
      throw new SealBroken();
    }
  }

  private nonce(index: number): Buffer {
    const nonce = Buffer.alloc(PREFIX_BYTES + 5);
    nonce.set(this.prefix);
    nonce.writeUInt32BE(index, PREFIX_BYTES);
    nonce[PREFIX_BYTES + 4] = index === this.shape.chunks - 1 ? 1 : 0;
    return nonce;
  }
}

/** What the entry says of the sealed bytes. */
interface SealedDigest {
  sha256: string;
}

/**
 * Opens a blob chunk by chunk, holding one chunk. The last content comes out only after the hash of all sealed bytes was
 * the one of the entry and nothing followed. @throws SealBroken
 */
export async function* openBlob(
  seal: BlobSeal,
  { sha256 }: SealedDigest,
  sealedChunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const hash: Hash = createHash('sha256');
  let held: Buffer | undefined;
  let index = 0;
  for await (const sealed of sealedChunks) {
    if (held !== undefined) {
      yield held;
    }
    held = seal.openChunk(index, sealed);
    hash.update(sealed);
    index += 1;
  }
  if (held === undefined || index !== seal.shape.chunks || hash.digest('hex') !== sha256) {
    throw new SealBroken();
  }
  yield held;
}
