import { describe, expect, it } from '@jest/globals';
import { mailText } from './mail-text.js';

describe('text of a mail', () => {
  it('keeps paragraphs, line breaks and lists as lines', () => {
    expect(mailText('<p>Dear Ardith,</p><p>line one<br>line two</p><ul><li>bread</li><li>milk</li></ul>')).toBe(
      'Dear Ardith,\n\nline one\nline two\n\n * bread\n * milk',
    );
    expect(mailText('<div>one</div><div>two</div>')).toBe('one\ntwo');
    expect(mailText('<table><tr><td>A1c</td><td>5.6</td></tr><tr><td>LDL</td><td>99</td></tr></table>')).toBe(
      'A1c 5.6\nLDL 99',
    );
    expect(mailText('<h2>Results</h2><p>are in</p>')).toMatch(/^Results\n+are in$/);
  });

  it('keeps the lines of a body that is plain text', () => {
    expect(mailText('one\r\ntwo\n\nthree & four')).toBe('one\ntwo\n\nthree & four');
  });

  it('resolves entities once: what was typed as markup is shown as typed', () => {
    expect(mailText('<p>&lt;b&gt;5 &lt; 6 &amp;amp; &quot;so&quot; &#039;on&#039;&lt;/b&gt;</p>')).toBe(
      '<b>5 < 6 &amp; "so" \'on\'</b>',
    );
  });

  it.each([
    '<script>steal()</script>',
    '<SCRIPT SRC="https://evil.example/x.js"></SCRIPT>',
    '<style>body{background:url(https://evil.example)}</style>',
    '<img src="https://evil.example/p.gif" alt="steal()" onerror="steal()">',
    '<svg onload="steal()"><text>steal()</text></svg>',
    '<iframe srcdoc="steal()">steal()</iframe>',
    '<object data="https://evil.example">steal()</object>',
    '<math><mtext>steal()</mtext></math>',
    '<template>steal()</template>',
    '<!-- steal() -->',
    '<noscript>steal()</noscript>',
  ])('drops what could run or load: %s', (html) => {
    const text = mailText(`<p>before</p>${html}<p>after</p>`);
    expect(text).toMatch(/^before\s+after$/);
  });

  it('repeats the target of web links only', () => {
    expect(mailText('<a href="https://clinic.example/map">our map</a>')).toBe('our map (https://clinic.example/map)');
    expect(mailText('<a href="javascript:steal()">our map</a>')).toBe('our map');
    expect(mailText('<a href=" JaVaScRiPt:steal()">our map</a>')).toBe('our map');
    expect(mailText('<a href="data:text/html,steal()">our map</a>')).toBe('our map');
    expect(mailText('<a href="mailto:desk@clinic.example">write us</a>')).toBe('write us (desk@clinic.example)');
  });

  it('drops controls and bidirectional overrides and keeps right-to-left writing', () => {
    expect(mailText('<p>a\u0000b\u0007c\u202Egnp.exe\u2066d\uFEFF</p>')).toBe('abcgnp.exed');
    expect(mailText('<p>&#8238;evil&#0;&#x202E;</p>')).not.toMatch(/[\u202E\u0000]/);
    expect(mailText('<p>שלום\u200F</p>')).toBe('שלום\u200F');
    expect(mailText('<p>\uD800x</p>').isWellFormed()).toBe(true);
  });

  it('survives markup that is broken, deep or long', () => {
    expect(mailText('<p><b>open <i>never closed')).toBe('open never closed');
    expect(mailText('a < b and c > d')).toBe('a < b and c > d');
    const deep = `${'<div>'.repeat(20_000)}x${'</div>'.repeat(20_000)}`;
    expect(() => mailText(deep)).not.toThrow();
    expect(mailText(`<p>${'word '.repeat(200_000)}</p>`).length).toBeGreaterThan(900_000);
  });
});
