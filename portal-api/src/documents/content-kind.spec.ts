import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contentKind } from './content-kind.js';

const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
const kindOf = (bytes: Buffer | string, declared: string): string => {
  const { contentType, isViewable } = contentKind(Buffer.from(bytes as string), declared);
  return `${contentType}${isViewable ? '' : ' (saved)'}`;
};

describe('the type a document is sent with', () => {
  test.each<[what: string, bytes: Buffer | string, declared: string, kind: string]>([
    ['a PDF', '%PDF-1.7\n…', 'application/pdf', 'application/pdf'],
    ['a PDF that is said to be HTML', '%PDF-1.7\n', 'text/html', 'application/pdf'],
    ['a JPEG', Buffer.from('ffd8ffe000104a46', 'hex'), 'image/jpeg', 'image/jpeg'],
    ['a PNG that is said to be a JPEG', PNG, 'image/jpeg', 'image/png'],
    ['text', 'Grüße, 你好 🙂\n\t', 'text/plain', 'text/plain; charset=utf-8'],
    ['text with a charset', 'abc', 'text/plain;charset=utf-8', 'text/plain; charset=utf-8'],
    ['HTML', '<script>alert(1)</script>', 'text/html', 'application/octet-stream (saved)'],
    [
      'HTML that is said to be a PDF',
      '<script>alert(1)</script>',
      'application/pdf',
      'application/octet-stream (saved)',
    ],
    ['HTML before a PDF', '<script></script>%PDF-1.7', 'application/pdf', 'application/octet-stream (saved)'],
    ['SVG', '<svg onload="alert(1)"/>', 'image/svg+xml', 'application/octet-stream (saved)'],
    ['a GIF', 'GIF89a', 'image/gif', 'application/octet-stream (saved)'],
    ['text that is no UTF-8', Buffer.from('c328', 'hex'), 'text/plain', 'application/octet-stream (saved)'],
    ['text with a zero', 'a\0b', 'text/plain', 'application/octet-stream (saved)'],
    ['text of another type', 'a,b', 'text/csv', 'application/octet-stream (saved)'],
    ['text whose type only begins like plain', 'a', 'text/plainish', 'application/octet-stream (saved)'],
    ['nothing, of no type', '', '', 'application/octet-stream (saved)'],
  ])('is of %s', (_what, bytes, declared, kind) => {
    expect(kindOf(bytes, declared)).toBe(kind);
  });

  test('is that of text although a character is cut at the end of the first chunk', () => {
    expect(kindOf(Buffer.from('abc🙂').subarray(0, 5), 'text/plain')).toBe('text/plain; charset=utf-8');
  });

  test('is one of the short list, whatever bytes and types come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.string(), (bytes, declared) => {
        const { contentType, isViewable } = contentKind(bytes, declared);
        const list = ['application/pdf', 'image/jpeg', 'image/png', 'text/plain; charset=utf-8'];
        expect(isViewable).toBe(list.includes(contentType));
      }),
    );
  });
});
