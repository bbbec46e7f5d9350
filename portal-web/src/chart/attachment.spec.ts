import { describe, expect, it } from '@jest/globals';
import { attachmentText, withoutTags } from './attachment.js';

const attachment = (contentType: string, text: string): Parameters<typeof attachmentText>[0] => ({
  title: undefined,
  contentType,
  data: Buffer.from(text, 'utf8').toString('base64'),
  bytes: undefined,
});

describe('the text of a note', () => {
  it('is what was written, characters of four bytes and markup among it', () => {
    const text = 'Line one 😀 – é ñ\r\n<script>alert(1)</script>';
    expect(attachmentText(attachment('text/plain; charset=utf-8', text))).toBe(text.replace('\r\n', '\n'));
  });

  it('can be looked at in part without a broken character at its end', () => {
    const part = attachmentText(attachment('text/plain', '😀'.repeat(100)), 10) ?? '';
    expect(part).toMatch(/^(😀)+$/u);
    expect(part.length).toBeLessThan(12);
  });

  it('loses the tags of HTML and what runs in it', () => {
    expect(
      withoutTags(
        '<style>p{}</style><p>Fever &amp; cough &lt;3 days&#33;</p><script>alert("x")</script><ul><li>Rest</li><li>Tea</li></ul><img src=x onerror=alert(1)>',
      ),
    ).toBe('Fever & cough <3 days!\n• Rest\n• Tea');
  });

  it('is not there for other files, broken base64 and nothing at all', () => {
    expect(attachmentText(attachment('application/pdf', '%PDF'))).toBeNull();
    expect(attachmentText({ ...attachment('text/plain', ''), data: '***' })).toBeNull();
    expect(attachmentText({ ...attachment('text/plain', ''), data: undefined })).toBeNull();
  });
});
