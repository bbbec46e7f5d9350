import { list, nested, number, string } from './fhir.js';
import type { Json } from './fhir.js';

/** A text or file that a note or report carries. */
export interface Attachment {
  title: string | undefined;
  contentType: string;
  /** base64; undefined when the file is not in the section */
  data: string | undefined;
  bytes: number | undefined;
}

export function attachmentsOf(resource: Json): Attachment[] {
  const attachments = [...nested(resource, 'content', 'attachment'), ...list(resource, 'presentedForm')];
  return attachments.map((attachment) => ({
    title: string(attachment, 'title'),
    contentType: string(attachment, 'contentType') ?? '',
    data: string(attachment, 'data'),
    bytes: number(attachment, 'size'),
  }));
}

/**
 * What a person can read of an attachment, as plain text: text as it is, HTML without its tags. Null for files of other
 * kinds and for what is not there. `most` limits how many bytes are looked at.
 */
export function attachmentText({ contentType, data }: Attachment, most = Number.POSITIVE_INFINITY): string | null {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (data === undefined || !(type === '' || type.startsWith('text/') || type.endsWith('xhtml+xml'))) {
    return null;
  }
  const text = decodeBase64(data, most);
  return text === null ? null : /html/.test(type) ? withoutTags(text) : text.replaceAll('\r\n', '\n').trim();
}

function decodeBase64(data: string, most: number): string | null {
  const plain = data.replace(/\s+/g, '');
  // A multiple of four characters is a whole number of bytes.
  const part = Number.isFinite(most) ? plain.slice(0, Math.ceil(most / 3) * 4) : plain;
  try {
    const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
    // A character that was cut in two at the end is left out.
    return new TextDecoder('utf-8').decode(bytes, { stream: part.length < plain.length });
  } catch {
    return null;
  }
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** The words of an HTML text. The answer is shown as text only, so what looks like a tag in it does nothing. */
export function withoutTags(html: string): string {
  return html
    .replace(/<(script|style|head)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/\s+/g, ' ')
    .replace(/<(br|hr)\b[^>]*>|<\/(p|div|li|h[1-6]|tr|table|section)\s*>/gi, '\n')
    .replace(/<li\b[^>]*>/gi, '• ')
    .replace(/<[a-z/!][^>]*>/gi, '')
    .replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, name: string) => entity(name) ?? whole)
    .replace(/ *\n */g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

function entity(name: string): string | undefined {
  if (!name.startsWith('#')) {
    return ENTITIES[name.toLowerCase()];
  }
  const point = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return Number.isInteger(point) && point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}
