import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contentDisposition, fileName } from './file-name.js';

describe('the name a document is saved under', () => {
  test.each([
    ['school-form.pdf', 'school-form.pdf'],
    ['Überweisung Dr. Müller.pdf', 'Überweisung Dr. Müller.pdf'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['C:\\Users\\x\\y.exe', 'C__Users_x_y.exe'],
    ['.htaccess', 'htaccess'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a\r\nSet-Cookie: x=1.txt', 'aSet-Cookie_ x=1.txt'],
    ['', 'document'],
    ['...', 'document'],
    ['\u0000\u200B', 'document'],
  ])('of %j is %j', (title, name) => {
    expect(fileName(title)).toBe(name);
  });

  test.each([
    ['school-form.pdf', 'inline; filename="school-form.pdf"'],
    ['Müller (1).pdf', 'inline; filename="M_ller (1).pdf"; filename*=UTF-8\'\'M%C3%BCller%20%281%29.pdf'],
    ['100%.txt', 'inline; filename="100_.txt"; filename*=UTF-8\'\'100%25.txt'],
  ])('%j is told to the browser as %j', (name, header) => {
    expect(contentDisposition('inline', name)).toBe(header);
  });

  test('is never empty, never long, and has no folder, control character or hidden start', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (title) => {
        const name = fileName(title);
        expect([...name].length).toBeLessThanOrEqual(120);
        expect(name).toMatch(/^[^./\\\p{Cc}\p{Cf}][^/\\\p{Cc}\p{Cf}]*$/u);
      }),
    );
  });
});
