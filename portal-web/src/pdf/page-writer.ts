import PDFDocument from 'pdfkit';
import { create, type Font } from 'fontkit';
import { TextLayout, type Line, type Painter, type Piece, type Style } from './text-layout.js';

export interface FontFiles {
  regular: Uint8Array;
  bold: Uint8Array;
}

export type Element = PDFKit.PDFStructureElement;

const MARGIN = 50;
const FOOT = 34;
const LINE = 1.32;
const RULE = '#b9bfc9';

/**
 * Writes lines onto pages, each as the content of a structure element, so that the file can be read aloud and reflowed;
 * rules and feet of pages are marked as what they are not: content.
 */
export class PageWriter {
  readonly doc: PDFKit.PDFDocument;
  readonly layout: TextLayout;
  readonly width: number;
  readonly left = MARGIN;
  y = MARGIN;
  private readonly pictures = new Map<string, unknown>();
  private readonly bottom: number;

  constructor(fonts: FontFiles, painter: Painter, info: { title: string; lang: string; now: Date }) {
    this.doc = new PDFDocument({
      size: 'LETTER',
      margin: MARGIN,
      // None of the fonts that readers bring: each is registered below.
      font: '',
      bufferPages: true,
      pdfVersion: '1.7',
      tagged: true,
      lang: info.lang,
      displayTitle: true,
      info: { Title: info.title, CreationDate: info.now, Creator: 'OpenEMR DMZ Portal' },
    });
    const coverage = { regular: coverageOf(fonts.regular), bold: coverageOf(fonts.bold) };
    this.doc.registerFont('regular', fonts.regular);
    this.doc.registerFont('bold', fonts.bold);
    this.layout = new TextLayout(
      {
        has: (codePoint, { bold }) => coverage[bold ? 'bold' : 'regular'].hasGlyphForCodePoint(codePoint),
        width: (words, style) => this.styled(style).widthOfString(words),
      },
      painter,
    );
    this.width = this.doc.page.width - 2 * MARGIN;
    this.bottom = this.doc.page.height - MARGIN - FOOT / 2;
  }

  lineHeight(style: Style): number {
    return style.size * LINE;
  }

  /** Room for the next thing, on a new page if need be. @param onNewPage draws what each page begins with */
  need(height: number, onNewPage?: () => void): void {
    if (this.y + height > this.bottom && this.y > MARGIN) {
      this.doc.addPage();
      this.y = MARGIN;
      onNewPage?.();
    }
  }

  /** Whether something of this height can stand on one page. */
  fits(height: number): boolean {
    return height <= this.bottom - MARGIN;
  }

  paragraph(words: string, style: Style, element: Element, indent = 0): void {
    for (const line of this.layout.lines(words, this.width - indent, style)) {
      this.need(this.lineHeight(style));
      this.line(line, this.left + indent, this.y, style, element);
      this.y += this.lineHeight(style);
    }
  }

  /** @param element null for what is no content */
  line(line: Line, x: number, y: number, style: Style, element: Element | null): void {
    let at = x;
    for (const piece of line) {
      if (piece.words !== '') {
        this.piece(piece, at, y, style, element);
      }
      at += piece.width;
    }
  }

  rule(y = this.y): void {
    this.artifact('Layout', () => {
      this.doc
        .moveTo(this.left, y)
        .lineTo(this.left + this.width, y)
        .lineWidth(0.5)
        .strokeColor(RULE)
        .stroke();
    });
  }

  artifact(type: 'Layout' | 'Pagination', draw: () => void): void {
    this.doc.markContent('Artifact', { type });
    draw();
    this.doc.endMarkedContent();
  }

  /** The foot of every page. @param words of one page, by its number and their count */
  feet(words: (page: number, pages: number) => readonly [string, string], style: Style): void {
    const { start, count } = this.doc.bufferedPageRange();
    const y = this.doc.page.height - MARGIN;
    for (let page = 0; page < count; page += 1) {
      this.doc.switchToPage(start + page);
      const [left, right] = words(page + 1, count);
      this.artifact('Pagination', () => {
        const [end = []] = this.layout.lines(right, this.width, style);
        const room = this.width - widthOf(end) - MARGIN / 2;
        const [begin = []] = this.layout.lines(left, room, style);
        this.line(begin, this.left, y, style, null);
        this.line(end, this.left + this.width - widthOf(end), y, style, null);
      });
    }
  }

  /** Closes the file; its bytes in the order they come. */
  async bytes(): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    const ended = new Promise((resolve, reject) => {
      this.doc.on('data', (chunk: Uint8Array) => chunks.push(chunk));
      this.doc.on('end', resolve);
      this.doc.on('error', reject);
    });
    this.doc.end();
    await ended;
    return chunks;
  }

  private piece({ words, picture }: Piece, x: number, y: number, style: Style, element: Element | null): void {
    const baseline = y + style.size * 0.95;
    if (picture === null) {
      this.marked(element, 'Span', () => {
        this.styled(style).fillColor(style.color).text(words, x, y, { lineBreak: false });
      });
      return;
    }
    // Read aloud and copied as the words that it shows.
    const span = element === null ? null : this.doc.struct('Span', { actual: words });
    this.marked(span, 'Span', () => {
      const image = this.pictures.get(picture.image) ?? this.open(picture.image);
      this.pictures.set(picture.image, image);
      this.doc.image(image as string, x, baseline - picture.ascent, { width: picture.width, height: picture.height });
    });
    if (span !== null) {
      element?.add(span);
      span.end();
    }
  }

  private open(source: string): unknown {
    return (this.doc as unknown as { openImage(source: string): unknown }).openImage(source);
  }

  private marked(element: Element | null, tag: string, draw: () => void): void {
    if (element === null) {
      draw();
      return;
    }
    const content = this.doc.markStructureContent(tag);
    draw();
    this.doc.endMarkedContent();
    element.add(content);
  }

  private styled(style: Style): PDFKit.PDFDocument {
    return this.doc.font(style.bold ? 'bold' : 'regular', style.size);
  }
}

const widthOf = (line: Line): number => line.reduce((sum, { width }) => sum + width, 0);

/** @types/fontkit asks for Node's Buffer; the library takes any bytes. */
function coverageOf(file: Uint8Array): Font {
  const font = create(file as Buffer);
  if (!('hasGlyphForCodePoint' in font)) {
    throw new Error('the font file is a collection');
  }
  return font;
}
