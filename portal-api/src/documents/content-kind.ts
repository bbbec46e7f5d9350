/** How a document's bytes are sent to a browser. */
export interface ContentKind {
  contentType: string;
  /** harmless in a page of the portal's origin; anything else is only ever saved to a file */
  isViewable: boolean;
  /** the browser's own viewer does not start in a sandbox */
  needsViewer: boolean;
}

const UNKNOWN: ContentKind = { contentType: 'application/octet-stream', isViewable: false, needsViewer: false };
const TEXT: ContentKind = { contentType: 'text/plain; charset=utf-8', isViewable: true, needsViewer: false };

const MAGIC: readonly { bytes: Buffer; kind: ContentKind }[] = [
  {
    bytes: Buffer.from('%PDF-', 'latin1'),
    kind: { contentType: 'application/pdf', isViewable: true, needsViewer: true },
  },
  { bytes: Buffer.from('ffd8ff', 'hex'), kind: { contentType: 'image/jpeg', isViewable: true, needsViewer: false } },
  {
    bytes: Buffer.from('89504e470d0a1a0a', 'hex'),
    kind: { contentType: 'image/png', isViewable: true, needsViewer: false },
  },
];

/**
 * By the bytes, whatever anybody says they are: PDF, JPEG, PNG, and text that is also said to be plain text. Everything
 * else has no type, so that no browser makes a page of it.
 * @param head beginning of the content; a character may be cut at its end
 */
export function contentKind(head: Uint8Array, declared: string): ContentKind {
  const start = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const known = MAGIC.find(({ bytes }) => start.subarray(0, bytes.length).equals(bytes));
  if (known !== undefined) {
    return known.kind;
  }
  return /^text\/plain\b/i.test(declared) && isText(start) ? TEXT : UNKNOWN;
}

/** Control characters other than those of lines and tabs. */
function isControl(byte: number): boolean {
  return (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d) || byte === 0x7f;
}

function isText(head: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
  } catch {
    return false;
  }
  return !head.some(isControl);
}
