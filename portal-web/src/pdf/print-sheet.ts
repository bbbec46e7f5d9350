import { text } from '../text.js';
import { PageWriter, type Element, type FontFiles } from './page-writer.js';
import type { RecordSheet } from './record-sheet.js';
import type { Block } from './sheet.js';
import type { Line, Painter, Style } from './text-layout.js';

const INK = '#16202e';
const SOFT = '#4a5568';
const TITLE: Style = { size: 20, bold: true, color: INK };
const PART: Style = { size: 14, bold: true, color: INK };
const HEADING: Style = { size: 10.5, bold: true, color: INK };
const BODY: Style = { size: 9, bold: false, color: INK };
const STRONG: Style = { size: 9, bold: true, color: INK };
const LABEL: Style = { size: 8.5, bold: true, color: SOFT };
const FOOT: Style = { size: 8, bold: false, color: SOFT };

const PAD = 4;
const GAP = 10;
const FACT_SHARE = 0.28;

export interface PrintOptions {
  lang: string;
  now: Date;
  /** throws when the person has cancelled; also lets the page answer meanwhile */
  pause: (done: number, total: number) => Promise<void>;
}

/** The bytes of a tagged PDF. */
export async function printSheet(
  sheet: RecordSheet,
  fonts: FontFiles,
  painter: Painter,
  options: PrintOptions,
): Promise<Uint8Array[]> {
  const writer = new PageWriter(fonts, painter, { title: sheet.title, lang: options.lang, now: options.now });
  const root = writer.doc.struct('Document');
  writer.doc.addStructure(root);
  const printer = new BlockPrinter(writer, root);
  printer.head(sheet);
  const total = sheet.parts.reduce((sum, { blocks }) => sum + blocks.length, 0);
  let done = 0;
  for (const { title, blocks } of sheet.parts) {
    printer.part(title);
    for (const block of blocks) {
      await printer.block(block, () => options.pause(done, total));
      done += 1;
    }
  }
  root.end();
  const left = [sheet.title, sheet.patient].filter((part) => part !== '').join(' · ');
  writer.feet((page, pages) => [left, text.download.pdfText.page(page, pages)], FOOT);
  await options.pause(total, total);
  return writer.bytes();
}

class BlockPrinter {
  constructor(
    private readonly writer: PageWriter,
    private readonly root: Element,
  ) {}

  head({ title, head, notices }: RecordSheet): void {
    this.words('H1', title, TITLE);
    this.writer.y += GAP / 2;
    for (const notice of notices) {
      this.words('P', notice, BODY);
    }
    this.writer.y += GAP / 2;
    for (const row of head) {
      if (row[1] !== '') {
        this.fact(this.root, row);
      }
    }
  }

  part(title: string): void {
    this.writer.need(90);
    this.writer.y += GAP * 1.6;
    this.writer.doc.outline.addItem(title);
    this.words('H2', title, PART);
    this.writer.y += 2;
    this.writer.rule();
    this.writer.y += GAP / 2;
  }

  /** @param pause after each row, so that thousands of them do not hold up the page */
  async block(block: Block, pause: () => Promise<void>): Promise<void> {
    switch (block.kind) {
      case 'heading':
        this.writer.need(60);
        this.writer.y += GAP / 2;
        this.words('H3', block.words, HEADING);
        break;
      case 'notice':
        this.words('P', block.words, STRONG);
        break;
      case 'paragraph':
        this.words('P', block.words, BODY);
        this.writer.y += PAD;
        break;
      case 'facts':
        for (const row of block.rows) {
          this.fact(this.root, row);
        }
        this.writer.y += PAD;
        break;
      case 'table':
        await this.table(block.columns, block.rows, pause);
        break;
    }
    await pause();
  }

  private words(type: string, words: string, style: Style): void {
    const element = this.child(this.root, type);
    this.writer.paragraph(words, style, element);
    element.end();
  }

  /** A label and its value, as a paragraph of two parts. */
  private fact(parent: Element, [label, value]: readonly [string, string]): void {
    const element = this.child(parent, 'P');
    this.row(
      [
        { words: label, style: LABEL, x: this.writer.left, width: this.writer.width * FACT_SHARE, element },
        {
          words: value,
          style: BODY,
          x: this.writer.left + this.writer.width * FACT_SHARE,
          width: this.writer.width * (1 - FACT_SHARE),
          element,
        },
      ],
      0,
    );
    element.end();
  }

  private async table(
    columns: readonly { label: string; share: number }[],
    rows: readonly (readonly string[])[],
    pause: () => Promise<void>,
  ): Promise<void> {
    const table = this.child(this.root, 'Table');
    const places = columns.map(({ share }, index) => ({
      x: this.writer.left + this.writer.width * columns.slice(0, index).reduce((sum, before) => sum + before.share, 0),
      width: this.writer.width * share - 2 * PAD,
    }));
    const labels = columns.map(({ label }, index) => ({ words: label, style: LABEL, ...placeAt(places, index) }));
    const head = this.child(table, 'TR');
    this.writer.need(60);
    this.row(
      labels.map((label) => ({ ...label, element: this.child(head, 'TH', { scope: 'Column' }) })),
      PAD / 2,
    );
    head.end();
    // On a further page the labels are repeated for the eye only.
    const again = (): void => {
      this.writer.artifact('Pagination', () => {
        this.row(
          labels.map((label) => ({ ...label, element: null })),
          PAD / 2,
        );
      });
    };
    for (const row of rows) {
      const line = this.child(table, 'TR');
      const cells = row.map((words, index) => ({
        words,
        style: index === 0 ? STRONG : BODY,
        ...placeAt(places, index),
        element: index === 0 ? this.child(line, 'TH', { scope: 'Row' }) : this.child(line, 'TD'),
      }));
      this.row(cells, PAD, again);
      line.end();
      await pause();
    }
    table.end();
    this.writer.y += PAD;
  }

  /** Cells side by side, with a rule above when padded. A row that does not fit goes to the next page, a huge one is split. */
  private row(cells: readonly Cell[], padding: number, onNewPage?: () => void): void {
    const { writer } = this;
    const laid = cells.map((cell) => ({ ...cell, lines: writer.layout.lines(cell.words, cell.width, cell.style) }));
    const height = Math.max(...laid.map(({ lines, style }) => lines.length * writer.lineHeight(style)));
    writer.need(writer.fits(height) ? height + padding : writer.lineHeight(BODY) * 3, onNewPage);
    if (onNewPage !== undefined) {
      writer.rule();
    }
    writer.y += padding / 2;
    const longest = Math.max(...laid.map(({ lines }) => lines.length));
    const step = Math.max(...laid.map(({ style }) => writer.lineHeight(style)));
    for (let at = 0; at < longest; at += 1) {
      writer.need(step, onNewPage);
      for (const { lines, x, style, element } of laid) {
        const line: Line | undefined = lines[at];
        if (line !== undefined) {
          writer.line(line, x, writer.y, style, element);
        }
      }
      writer.y += step;
    }
    writer.y += padding / 2;
  }

  private child(parent: Element, type: string, options: Record<string, string> = {}): Element {
    const element = this.writer.doc.struct(type, options);
    parent.add(element);
    return element;
  }
}

interface Cell {
  words: string;
  style: Style;
  x: number;
  width: number;
  /** null for what is no content */
  element: Element | null;
}

function placeAt(places: readonly { x: number; width: number }[], index: number): { x: number; width: number } {
  const place = places[index];
  if (place === undefined) {
    throw new Error('a row has more cells than the table has columns');
  }
  return place;
}
