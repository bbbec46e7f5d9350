import { crc32, deflateSync } from 'node:zlib';
import type { NewDocument } from './clinic-documents.js';

const LABEL = 'OpenEMR SIMULATOR - synthetic document, no real person';

export const SAMPLE_KINDS = ['pdf', 'image', 'text'] as const;
export type SampleKind = (typeof SAMPLE_KINDS)[number];

/** A small document that says what it is. @param text ASCII */
export function sampleDocument(kind: SampleKind, text: string): Omit<NewDocument, 'pid'> {
  switch (kind) {
    case 'pdf':
      return {
        name: 'visit-summary.pdf',
        mimetype: 'application/pdf',
        category: 'Medical Record',
        bytes: pdfOf([LABEL, text]),
      };
    case 'image':
      return { name: 'scan.png', mimetype: 'image/png', category: 'Patient Information', bytes: stripes() };
    case 'text':
      return {
        name: 'outside-lab.txt',
        mimetype: 'text/plain',
        category: 'Lab Report',
        bytes: Buffer.from(`${LABEL}\n\n${text}\n`),
      };
  }
}

/** One page of lines in Helvetica. */
function pdfOf(lines: readonly string[]): Buffer {
  const shown = lines.map((line) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj 0 -24 Td`).join(' ');
  const content = `BT /F1 14 Tf 60 760 Td ${shown} ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${String(content.length)} >>\nstream\n${content}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${String(index + 1)} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 ${String(objects.length + 1)}\n0000000000 65535 f \n${offsets.join('')}`;
  const trailer = `trailer\n<< /Size ${String(objects.length + 1)} /Root 1 0 R >>\nstartxref\n${String(file.length)}\n%%EOF\n`;
  return Buffer.from(file + table + trailer, 'latin1');
}

const WIDTH = 320;
const HEIGHT = 200;

/** A PNG of grey stripes (ISO/IEC 15948), with the label in its text chunk. */
function stripes(): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const lines = Array.from({ length: HEIGHT }, (_, y) =>
    Buffer.from([0, ...Array<number>(WIDTH).fill(y % 40 < 20 ? 90 : 220)]),
  );
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    pngChunk('tEXt', Buffer.from(`Comment\0${LABEL}`, 'latin1')),
    pngChunk('IDAT', deflateSync(Buffer.concat(lines))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(named.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  chunk.set(named, 4);
  chunk.writeUInt32BE(crc32(named), named.length + 4);
  return chunk;
}
