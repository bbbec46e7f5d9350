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
  paint(words: string, style: Style): Picture;
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
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\u200f\u202b\u202e\u2067]/u;

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

  /** One word, cut where it is wider than a line. */
  private place(word: string, written: boolean, lines: LineFiller, style: Style): void {
    const measure = (words: string): number => (written ? this.writer : this.painter).width(words, style);
    if (measure(word) <= lines.width) {
      lines.add(this.piece(word, written, style));
      return;
    }
    let part = '';
    let glued = false;
    for (const { segment } of GRAPHEMES.segment(word)) {
      if (part !== '' && measure(part + segment) > lines.width) {
        lines.add(this.piece(part, written, style), glued);
        part = '';
        glued = true;
      }
      part += segment;
    }
    lines.add(this.piece(part, written, style), glued);
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
    return (
      !RIGHT_TO_LEFT.test(word) && [...word].every((character) => this.writer.has(character.codePointAt(0) ?? 0, style))
    );
  }

  private piece(words: string, written: boolean, style: Style): Piece {
    const picture = written ? null : this.painter.paint(words, style);
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
