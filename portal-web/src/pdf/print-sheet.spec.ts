import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { getDocument, type PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { ccdEntry, documentsWith } from '../../test/fixture-ccd.js';
import { fixtureSections } from '../../test/fixture-chart.js';
import { DateFormats } from '../chart/dates.js';
import type { GatheredChart } from '../chart/gathered-chart.js';
import { writersIn } from '../chart/provenance.js';
import { printSheet } from './print-sheet.js';
import { recordSheet, type RecordSheet, type SheetFrame } from './record-sheet.js';
import type { Painter } from './text-layout.js';

const NOW = new Date('2026-11-22T15:00:00Z');
const font = (name: string): Promise<Buffer> =>
  readFile(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`));
const fonts = { regular: await font('DejaVuSansCondensed'), bold: await font('DejaVuSansCondensed-Bold') };
const dates = new DateFormats('en-US', 'America/New_York');

/** FAKE: the browser's part, which the browser tests have. One black dot for everything. */
class DotPainter implements Painter {
  readonly painted: string[] = [];
  readonly directions: string[] = [];
  width = (words: string): number => words.length * 6;
  paint: Painter['paint'] = (words, _style, direction) => {
    this.painted.push(words);
    this.directions.push(direction);
    return { image: `data:image/png;base64,${DOT}`, width: this.width(words), height: 10, ascent: 8 };
  };
}

const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function frame(changes: Partial<SheetFrame> = {}): SheetFrame {
  return {
    dates,
    number: String,
    yesNo: (value) => (value ? 'Yes' : 'No'),
    money: (value, currency) => new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(value),
    timing: ({ at, words }) => (at === undefined ? words : dates.day(at)),
    recorded: (recorded) => ['Recorded by', writersIn(recorded, 'Alder Lane Family Practice')],
    range: { from: null, to: null },
    practiceName: 'Alder Lane Family Practice',
    now: NOW,
    ...changes,
  };
}

function chart(changes: Partial<GatheredChart> = {}): GatheredChart {
  const sections = new Map(Object.entries(fixtureSections(NOW.getTime())));
  return {
    sections,
    asOf: new Date(NOW.getTime() - 5_000).toISOString(),
    freshness: 'current',
    frozen: false,
    ...changes,
  };
}

async function print(sheet: RecordSheet, painter = new DotPainter()): Promise<Buffer> {
  const chunks = await printSheet(sheet, fonts, painter, { lang: 'en-US', now: NOW, pause: () => Promise.resolve() });
  return Buffer.concat(chunks);
}

async function opened(pdf: Buffer): Promise<PDFDocumentProxy> {
  return getDocument({ data: new Uint8Array(pdf), verbosity: 0 }).promise;
}

async function textOf(document: PDFDocumentProxy): Promise<string[]> {
  return Promise.all(
    Array.from({ length: document.numPages }, async (_, page) => {
      const { items } = await (await document.getPage(page + 1)).getTextContent();
      return items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? '\n' : ''}` : '')).join('');
    }),
  );
}

const said = (pages: string[]): string => pages.join(' ').replace(/\s+/g, ' ');

interface Node {
  role?: string;
  children?: Node[];
}

function roles(node: Node): string[] {
  return [node.role ?? '', ...(node.children ?? []).flatMap(roles)];
}

const sheetOf = (parts: RecordSheet['parts'], patient = ''): RecordSheet => ({
  ...{ title: 'Health record', patient, head: [], notices: [], parts },
});

describe('the printed record', () => {
  it('says everything that the pages say of each part, with who, whose, how current and the number of each page', async () => {
    const document = await opened(await print(recordSheet(chart(), frame())));
    const pages = await textOf(document);
    const all = said(pages);
    for (const words of [
      'Rosalind',
      'Okafor-Lindqvist',
      'April 23, 1980',
      'Alder Lane Family Practice',
      'Up to date as of Nov 22, 2026',
      'Penicillin',
      'High blood pressure',
      'Recorded by: Dr. Nora Greene, Alder Lane Family Practice',
      'Lisinopril 10 mg oral tablet',
      'Take 1 tablet by mouth every morning',
      'Tdap',
      'Electrocardiogram',
      'Cardiac pacemaker',
      'Riverside Reference Laboratory, 1200 Mill Street',
      'Please repeat the potassium within two weeks.',
      'Chest X-ray',
      'Blood pressure',
      'Walk 30 minutes',
      'PHQ-2',
      'Former smoker',
      'What we agreed',
      'Thank you, that helps.',
      'Commonwealth Mutual',
      '$1,135.50',
    ]) {
      expect(all).toContain(words);
    }
    expect(document.numPages).toBeGreaterThan(5);
    pages.forEach((page, place) => {
      expect(page).toContain(`Page ${String(place + 1)} of ${String(document.numPages)}`);
    });
    expect((await document.getMetadata()).info).toMatchObject({ Title: 'Health record', Language: 'en-US' });
  });

  it('lists the C-CDA of the chart by what it is, for which days and whether it is there', () => {
    const entry = ccdEntry('2026-11-20T15:00:00Z', { from: '2025-01-01', to: null });
    const listed = (state: 'held' | 'waiting', range = frame().range): string => {
      const documents = documentsWith({ entry, state });
      const sheet = recordSheet(chart({ sections: new Map([['documents', documents]]) }), frame({ range }));
      return JSON.stringify(sheet.parts);
    };
    for (const words of ['Clinical summary (C-CDA)', 'From Jan 1, 2025 on', 'Nov 20, 2026']) {
      expect(listed('held')).toContain(words);
    }
    expect(listed('held')).not.toMatch(/being made|\.xml/);
    expect(listed('waiting')).toContain('Was being made when the clinic was last heard.');
    expect(listed('held', { from: '2025-01-01', to: '2025-12-31' })).not.toContain('C-CDA');
  });

  it('is tagged: headings, paragraphs and tables with named columns and rows stand in the order of reading', async () => {
    const pdf = await print(recordSheet(chart(), frame()));
    expect(pdf.includes('/Marked true')).toBe(true);
    const document = await opened(pdf);
    const found = new Set<string>();
    for (let page = 1; page <= document.numPages; page += 1) {
      roles((await (await document.getPage(page)).getStructTree()) as Node).forEach((role) => found.add(role));
    }
    for (const role of ['Document', 'H1', 'H2', 'H3', 'P', 'Table', 'TR', 'TH', 'TD']) {
      expect([role, found.has(role)]).toEqual([role, true]);
    }
    expect((await document.getOutline()).map(({ title }) => title)).toEqual(
      expect.arrayContaining(['Allergies', 'Medications', 'Test results', 'Messages']),
    );
  });

  it('writes Latin, Greek and Cyrillic letters with signs as text, and anything else as a picture with its words', async () => {
    const painter = new DotPainter();
    const names = ['Łukasz Ångström', 'Nguyễn Thị Ánh', 'Ωμέγα', 'Дмитрий Щербаков', '≥ 5 ½ → ☐'];
    const others = ['王小明', 'محمد علي', 'אברהם כהן', 'राम कुमार', '한지민', '🫀'];
    const pdf = await print(
      sheetOf([
        { title: 'Names', blocks: [{ kind: 'facts', rows: [...names, ...others].map((name) => ['is', name]) }] },
      ]),
      painter,
    );
    const text = said(await textOf(await opened(pdf)));
    for (const name of names) {
      expect(text).toContain(name);
    }
    expect(painter.painted).toEqual(others);
    for (const words of others) {
      const utf16 = Buffer.from(`\ufeff${words}`, 'utf16le').swap16();
      expect([words, pdf.includes(utf16) || pdf.toString('latin1').includes(escaped(utf16))]).toEqual([words, true]);
    }
  });

  it('paints each line of a paragraph with words from right to left as one picture, in the direction it runs', async () => {
    const painter = new DotPainter();
    const arabic = Array.from({ length: 40 }, (_, place) => (place % 3 === 0 ? `${String(place)} mg` : 'دواء')).join(
      ' ',
    );
    const blocks = [`الجرعة ${arabic}`, `Dose ${arabic}`, 'א'.repeat(200)].map(
      (words) => ({ kind: 'paragraph', words }) as const,
    );
    await print(sheetOf([{ title: 'Notes', blocks }]), painter);
    const second = painter.painted.findIndex((line) => line.startsWith('Dose'));
    const third = painter.painted.findIndex((line) => line.startsWith('א'));
    expect(second).toBeGreaterThan(1);
    expect(painter.painted.slice(0, second).join(' ')).toBe(blocks[0]?.words);
    expect(painter.painted.slice(second, third).join(' ')).toBe(blocks[1]?.words);
    expect(painter.painted.slice(third).join('')).toBe(blocks[2]?.words);
    expect(new Set(painter.directions.slice(0, second))).toEqual(new Set(['rtl']));
    expect(new Set(painter.directions.slice(second, third))).toEqual(new Set(['ltr']));
    expect(new Set(painter.directions.slice(third))).toEqual(new Set(['rtl']));
  });

  it('says measured values in the units of the record, unrounded, and of an account what is shared with it', () => {
    const weight = {
      resourceType: 'Observation',
      id: 'w',
      code: { coding: [{ code: '29463-7' }] },
      effectiveDateTime: '2026-05-01T10:00:00Z',
      valueQuantity: { value: 70.125, unit: 'kg', code: 'kg' },
    };
    const sections = new Map([['vitals', { resources: [weight] }]]);
    const sheet = JSON.stringify(recordSheet(chart({ sections }), frame()));
    expect(sheet).toContain('Weight: 70.125 kg');
    expect(sheet).toContain('Everything shared with this account.');
  });

  it('of some days counts the fills of a prescription that lie outside of them', () => {
    const fill = (id: string, whenHandedOver: string): object => ({
      resourceType: 'MedicationDispense',
      id,
      status: 'completed',
      whenHandedOver,
      authorizingPrescription: [{ reference: 'MedicationRequest/m' }],
    });
    const request = {
      resourceType: 'MedicationRequest',
      id: 'm',
      status: 'active',
      medicationCodeableConcept: { text: 'Lisinopril' },
      authoredOn: '2026-01-01',
      dispenseRequest: { numberOfRepeatsAllowed: 5 },
    };
    const resources = [request, fill('1', '2026-01-02'), fill('2', '2026-02-02'), fill('3', '2026-03-02')];
    const sections = new Map([['medications', { resources }]]);
    const of = (range: SheetFrame['range']): unknown => recordSheet(chart({ sections }), frame({ range })).parts;
    expect(of({ from: '2026-02-15', to: null })).toEqual(of({ from: null, to: null }));
    expect(of({ from: '2026-02-15', to: '2026-02-20' })).toEqual(of({ from: null, to: null }));
  });

  it('of old, frozen and withdrawn things says so, and never calls such a part empty', () => {
    const sections = new Map<string, unknown>([
      ['allergies', { resources: [] }],
      [
        'notes',
        {
          resources: [{ resourceType: 'DocumentReference', id: 'gone', meta: { security: [{ code: 'REDACTED' }] } }],
          skipped: 2,
        },
      ],
    ]);
    const whole = (changes: Partial<GatheredChart>): string =>
      JSON.stringify(recordSheet(chart({ sections, ...changes }), frame()));
    expect(whole({})).toMatch(
      /Your record has no allergies.*1 entry has been withdrawn.*2 more entries cannot be shown/,
    );
    expect(whole({})).toContain('Not shared with this account, or not sent by your clinic: You, Health problems');
    const hour = new Date(NOW.getTime() - 3_600_000).toISOString();
    for (const [changes, words] of [
      [{ freshness: 'red' }, 'Out of date. Not updated since Nov 22, 2026, 9:59'],
      [{ asOf: hour }, 'Out of date. Not updated since Nov 22, 2026, 9:00'],
      [{ asOf: null }, 'No update from your clinic has arrived yet'],
      [{ frozen: true }, 'Your clinic is checking this record. It is shown as of'],
    ] as const) {
      expect(whole(changes)).toContain(words);
      expect(whole(changes)).not.toContain('Your record has no');
      expect(whole(changes)).not.toContain('Up to date');
    }
  });

  it('of some days says which, and of parts without anything in them only that', async () => {
    const range = { from: '2001-01-01', to: '2001-12-31' };
    const sheet = recordSheet(chart(), frame({ range }));
    const text = said(await textOf(await opened(await print(sheet))));
    expect(text).toContain('Only what was from Jan 1, 2001 to Dec 31, 2001.');
    expect(text).toContain('Entries without a date');
    expect(text).toContain('Nothing from the days chosen.');
    expect(text).not.toContain('Basic metabolic panel');
    expect(text).not.toContain('Thank you, that helps.');
    expect(text).not.toContain('Your record has no');
  });

  it('breaks rows longer than a page, words wider than a column and thousands of rows over pages, losing none', async () => {
    const columns = [
      { label: 'Name', share: 0.3 },
      { label: 'Text', share: 0.7 },
    ];
    const long = Array.from({ length: 400 }, (_, line) => `line ${String(line)}.`).join('\n');
    const rows = [
      ['long', long],
      ['wide', 'x'.repeat(3_000)],
      ...Array.from({ length: 3_000 }, (_, row) => [`row ${String(row)}.`, 'value']),
    ];
    const document = await opened(await print(sheetOf([{ title: 'All', blocks: [{ kind: 'table', columns, rows }] }])));
    const pages = await textOf(document);
    const all = said(pages);
    for (const words of [...Array(400).keys()].map((line) => `line ${String(line)}.`)) {
      expect(all).toContain(words);
    }
    expect((all.match(/row \d+\./g) ?? []).length).toBe(3_000);
    expect(all.split('x').length - 1).toBeGreaterThanOrEqual(3_000);
    for (const page of pages) {
      expect(page).toContain('Name');
    }
  });

  it('stops at once when the person cancels', async () => {
    const stop = new AbortController();
    let rows = 0;
    const pause = (): Promise<void> => {
      rows += 1;
      if (rows === 20) {
        stop.abort();
      }
      stop.signal.throwIfAborted();
      return Promise.resolve();
    };
    const printing = printSheet(recordSheet(chart(), frame()), fonts, new DotPainter(), {
      lang: 'en-US',
      now: NOW,
      pause,
    });
    await expect(printing).rejects.toThrow(/abort/i);
    expect(rows).toBe(20);
  });
});

/** As a PDF string has it. */
function escaped(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\\()\n\r\t\b\f]/g, (character) => ESCAPES[character] ?? `\\${character}`);
}

const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };
