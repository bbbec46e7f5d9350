/** Size in points. */
export interface Style {
  size: number;
  bold: boolean;
  color: string;
}

/** Words as the browser draws them, for what the embedded font cannot write. */
export interface Picture {
  /** as `data:` URI */
  image: string;
  /** points; the line of writing is `ascent` below its top */
  width: number;
  height: number;
  ascent: number;
}

/** Draws words with the fonts of the device. */
export interface Painter {
  width(words: string, style: Style): number;
  /** @param direction of the paragraph that the words are a line of */
  paint(words: string, style: Style, direction: 'ltr' | 'rtl'): Picture;
}

/** The embedded font. */
export interface Writer {
  has(codePoint: number, style: Style): boolean;
  width(words: string, style: Style): number;
}

/** Part of a line: written with the embedded font, or a picture of its words. */
export interface Piece {
  words: string;
  width: number;
  picture: Picture | null;
}
export type Line = Piece[];

/** Scripts that run from right to left; the library that writes the file puts their words in the wrong order. */
const RTL_SCRIPTS = String.raw`\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u200f\u202b\u202e\u2067`;
const RIGHT_TO_LEFT = new RegExp(`[${RTL_SCRIPTS}]`, 'u');
/** The first letter says which way a paragraph runs. */
const FIRST_LETTER = new RegExp(`(?<rtl>[${RTL_SCRIPTS}])|\\p{L}`, 'u');

/** Breaks words into lines. Words that the embedded font cannot write stand together in one picture where they fit. */
export class TextLayout {
  constructor(
    private readonly writer: Writer,
    private readonly painter: Painter,
  ) {}

  lines(words: string, width: number, style: Style): Line[] {
    return plain(words)
      .split('\n')
      .flatMap((paragraph) => this.paragraph(paragraph, width, style));
  }

  private paragraph(paragraph: string, width: number, style: Style): Line[] {
    if (RIGHT_TO_LEFT.test(paragraph)) {
      return this.paintedLines(paragraph, width, style);
    }
    const lines = new LineFiller(width, this.writer.width(' ', style));
    for (const { words, written } of this.runs(paragraph, style)) {
      const whole = words.join(' ');
      if (written || this.painter.width(whole, style) > width) {
        for (const word of words) {
          this.place(word, written, lines, style);
        }
      } else {
        lines.add(this.piece(whole, written, style));
      }
    }
    return lines.all();
  }

  /** Whole lines as pictures: only the browser puts words of both directions in their order. */
  private paintedLines(paragraph: string, width: number, style: Style): Line[] {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (this.painter.width(longer, style) <= width) {
        line = longer;
        continue;
      }
      const [first = '', ...rest] = this.cut(word, width, (words) => this.painter.width(words, style));
      lines.push(...[line, first, ...rest].slice(line === '' ? 1 : 0, -1));
      line = rest.at(-1) ?? first;
    }
    const direction = FIRST_LETTER.exec(paragraph)?.groups?.['rtl'] === undefined ? 'ltr' : 'rtl';
    return [...lines, line].map((words) => {
      const picture = this.painter.paint(words, style, direction);
      return [{ words, width: picture.width, picture }];
    });
  }

  /** One word, cut where it is wider than a line. */
  private place(word: string, written: boolean, lines: LineFiller, style: Style): void {
    const measure = (words: string): number => (written ? this.writer : this.painter).width(words, style);
    if (measure(word) <= lines.width) {
      lines.add(this.piece(word, written, style));
      return;
    }
    this.cut(word, lines.width, measure).forEach((part, place) => {
      lines.add(this.piece(part, written, style), place > 0);
    });
  }

  /** Parts of a word that fit, at least one. */
  private cut(word: string, width: number, measure: (words: string) => number): string[] {
    const parts: string[] = [];
    let part = '';
    for (const { segment } of GRAPHEMES.segment(word)) {
      if (part !== '' && measure(part + segment) > width) {
        parts.push(part);
        part = '';
      }
      part += segment;
    }
    return [...parts, part];
  }

  /** Words of the same kind, in order. */
  private runs(paragraph: string, style: Style): { words: string[]; written: boolean }[] {
    const runs: { words: string[]; written: boolean }[] = [];
    for (const word of paragraph.split(' ')) {
      const written = this.isWritten(word, style);
      const last = runs.at(-1);
      if (last?.written === written) {
        last.words.push(word);
      } else {
        runs.push({ words: [word], written });
      }
    }
    return runs;
  }

  private isWritten(word: string, style: Style): boolean {
    return [...word].every((character) => this.writer.has(character.codePointAt(0) ?? 0, style));
  }

  private piece(words: string, written: boolean, style: Style): Piece {
    const picture = written ? null : this.painter.paint(words, style, 'ltr');
    return { words, width: picture?.width ?? this.writer.width(words, style), picture };
  }
}

const GRAPHEMES = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** Without what no paper shows: broken characters, control characters, tabs. */
function plain(words: string): string {
  return words
    .toWellFormed()
    .normalize('NFC')
    .replace(/\r\n?/g, '\n')
    .replace(/\t/g, '    ')
    .replace(/(?!\n)\p{Cc}|\u{feff}/gu, '');
}

/** Fills lines from left to right; written neighbours become one piece. */
class LineFiller {
  private readonly lines: Line[] = [];
  private line: Line = [];
  private used = 0;

  constructor(
    readonly width: number,
    private readonly space: number,
  ) {}

  /** @param glued follows without a space: the rest of a word that was cut */
  add(piece: Piece, glued = false): void {
    const gap = this.line.length === 0 || glued ? 0 : this.space;
    if (this.line.length > 0 && this.used + gap + piece.width > this.width) {
      this.lines.push(this.line);
      this.line = [];
      this.used = 0;
      this.add(piece);
      return;
    }
    const last = this.line.at(-1);
    if (last !== undefined && last.picture === null && piece.picture === null) {
      last.words += gap === 0 ? piece.words : ` ${piece.words}`;
      last.width += gap + piece.width;
    } else {
      // A space before or after a picture is written, so that it is there when the text is copied.
      if (gap > 0 && last !== undefined) {
        if (last.picture === null) {
          last.words += ' ';
          last.width += gap;
        } else {
          this.line.push({ words: ' ', width: gap, picture: null });
        }
      }
      this.line.push({ ...piece });
    }
    this.used += gap + piece.width;
  }

  all(): Line[] {
    return [...this.lines, this.line];
  }
}
