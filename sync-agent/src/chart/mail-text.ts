import { compile, type FormatCallback } from 'html-to-text';
import { z } from 'zod';

/** Controls, and the bidirectional overrides and isolates that make a line read as another. Tab and newline stay. */
const UNSAFE = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069\uFEFF\uFFFE\uFFFF]/gu;
const HAS_MARKUP = /<[a-z!/]/i;
const WEB_LINK = /^(?:https?:\/\/|mailto:|tel:)/i;

const Attributes = z.object({ href: z.string().optional() });

/** A link's words, and where it goes when that says more; other schemes are not repeated at all. */
const safeAnchor: FormatCallback = (element, walk, builder) => {
  walk(element.children, builder);
  const { href } = Attributes.parse(element.attribs ?? {});
  if (href !== undefined && WEB_LINK.test(href.trim())) {
    const target = href.trim().replace(/^(?:mailto|tel):/i, '');
    builder.addInline(` (${target})`, { noWordTransform: true });
  }
};

const SKIPPED = [
  'script',
  'style',
  'head',
  'title',
  'template',
  'iframe',
  'object',
  'embed',
  'svg',
  'math',
  'noscript',
  'img',
];

/**
 * Plain text of a mail written in OpenEMR's rich-text editor: paragraphs, line breaks and lists keep their lines,
 * everything that could run or load is dropped, entities are resolved. The result is text, not markup: `<b>` that
 * the writer typed stays the three characters, and whoever shows it must show it as text.
 */
export function mailText(html: string): string {
  const text = HAS_MARKUP.test(html) ? fromMarkup(html) : fromPlainText(html);
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll('\r', '\n')
    .replace(UNSAFE, '')
    .toWellFormed()
    .replaceAll('\u00a0', ' ')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

function converter(preserveNewlines: boolean): (html: string) => string {
  return compile({
    wordwrap: false,
    preserveNewlines,
    limits: { maxInputLength: 2_000_000, maxDepth: 200 },
    formatters: { safeAnchor },
    selectors: [
      ...SKIPPED.map((selector) => ({ selector, format: 'skip' })),
      { selector: 'a', format: 'safeAnchor' },
      { selector: 'p', options: { leadingLineBreaks: 2, trailingLineBreaks: 2 } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
      { selector: 'table', format: 'block' },
      { selector: 'tr', format: 'block', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
      ...['td', 'th'].map((selector) => ({ selector, format: 'inlineSurround', options: { suffix: ' ' } })),
    ],
  });
}

// Made once: that takes far longer than any message.
const fromMarkup = converter(false);
const fromPlainText = converter(true);
