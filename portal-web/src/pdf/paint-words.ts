import type { Painter, Picture, Style } from './text-layout.js';

/** Dots for each point: sharp on paper. */
const SCALE = 4;
const QUALITY = 0.95;
const FAMILY = 'system-ui, sans-serif';

/**
 * The browser draws what the embedded font cannot: every script, direction and sign that this device can show. What the
 * device cannot show either is a box, as on its pages.
 */
export class CanvasPainter implements Painter {
  private readonly canvas = document.createElement('canvas');
  private readonly painted = new Map<string, Picture>();

  width(words: string, style: Style): number {
    return this.prepared(style, 1).measureText(words).width;
  }

  paint(words: string, style: Style, direction: 'ltr' | 'rtl'): Picture {
    const key = JSON.stringify([words, style, direction]);
    const known = this.painted.get(key) ?? this.draw(words, style, direction);
    this.painted.set(key, known);
    return known;
  }

  private draw(words: string, style: Style, direction: 'ltr' | 'rtl'): Picture {
    const {
      width,
      fontBoundingBoxAscent: ascent,
      fontBoundingBoxDescent: descent,
    } = this.prepared(style, SCALE).measureText(words);
    this.canvas.width = Math.max(1, Math.ceil(width));
    this.canvas.height = Math.max(1, Math.ceil(ascent + descent));
    // A new size takes the settings with it.
    const context = this.prepared(style, SCALE);
    context.fillStyle = '#ffffff';
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.fillStyle = style.color;
    context.textAlign = 'left';
    context.direction = direction;
    context.fillText(words, 0, ascent);
    return {
      // A JPEG goes into the file as it is. To take a PNG apart the library starts a worker, which the policy forbids.
      image: this.canvas.toDataURL('image/jpeg', QUALITY),
      width: this.canvas.width / SCALE,
      height: this.canvas.height / SCALE,
      ascent: ascent / SCALE,
    };
  }

  private prepared(style: Style, scale: number): CanvasRenderingContext2D {
    const context = this.canvas.getContext('2d');
    if (context === null) {
      throw new Error('this browser draws no pictures');
    }
    context.font = `${style.bold ? 'bold ' : ''}${String(style.size * scale)}px ${FAMILY}`;
    context.fillStyle = style.color;
    return context;
  }
}
