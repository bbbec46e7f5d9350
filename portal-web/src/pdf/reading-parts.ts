import { attachmentText } from '../chart/attachment.js';
import { negated, readAccount, signOf, type AccountLine } from '../chart/billing.js';
import { isObject } from '../chart/fhir.js';
import { readLabReports, type LabReport, type LabValue } from '../chart/lab-report.js';
import type { Amount, BillingContent, ThreadContent } from '../chart/section-content.js';
import { byMoment, readingWords, readVitals } from '../chart/vital.js';
import { otherAuthors, readNotes, readReports, type Written } from '../chart/written.js';
import { text } from '../text.js';
import { facts, lines, type Block, type SheetTools } from './sheet.js';

const words = text.download.pdfText;

/** Each report with its values below it. */
export function resultBlocks(resources: unknown[], tools: SheetTools): Block[] {
  return readLabReports(resources, tools.number).flatMap((report) => reportBlocks(report, tools));
}

function reportBlocks(report: LabReport, tools: SheetTools): Block[] {
  const said = text.results;
  const day = report.collectedAt ?? report.reportedAt;
  const title = report.title === '' ? said.unnamed : report.title;
  return [
    { kind: 'heading', words: day === undefined ? title : `${title}, ${tools.dates.day(day)}` },
    facts(
      ['', said.status(report.status)],
      [
        said.collected,
        report.collectedAt === undefined ? null : tools.dates.moment(report.collectedAt, { zone: true }),
      ],
      [said.reported, report.reportedAt === undefined ? null : tools.dates.moment(report.reportedAt, { zone: true })],
      [
        said.laboratory,
        report.laboratory === null ? null : [report.laboratory.name, ...report.laboratory.address].join(', '),
      ],
      [said.orderedBy, report.orderedBy],
      [said.specimen, report.specimen],
      [said.noteHeading, report.notes.join('\n')],
    ),
    ...(report.withdrawn.length === 0
      ? []
      : [{ kind: 'notice', words: words.withdrawn(report.withdrawn.length) } as const]),
    ...(report.values.length === 0 ? [] : [valueTable(report, report.values)]),
  ];
}

function valueTable(report: LabReport, values: readonly LabValue[]): Block {
  const said = text.results;
  return {
    kind: 'table',
    columns: [
      { label: words.test, share: 0.34 },
      { label: words.value, share: 0.2 },
      { label: said.range, share: 0.16 },
      { label: words.notes, share: 0.3 },
    ],
    rows: values.map((value) => [
      value.test === '' ? text.record.unnamed : value.test,
      [value.value, value.unit ?? ''].filter((part) => part !== '').join(' '),
      value.range ?? said.noRange,
      lines(
        ['', value.flag === null ? value.flagText : said.flag(value.flag)],
        ['', value.status === report.status ? null : said.status(value.status)],
        [said.comment, value.comments],
      ),
    ]),
  };
}

export function vitalBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const said = text.vitals;
  const moments = byMoment(readVitals(resources, said.part));
  return [
    {
      kind: 'table',
      columns: [
        { label: words.columns.when, share: 0.3 },
        { label: words.columns.details, share: 0.7 },
      ],
      rows: moments.map(({ at, readings, recorded }) => [
        at === undefined ? text.record.noDate : tools.dates.moment(at, { zone: true }),
        lines(
          ...readings.flatMap((reading) => [
            [
              said.kind(reading.kind, reading.name),
              // In the units of the record: a paper cannot be switched.
              [
                readingWords(reading, null, tools.number),
                reading.flag ?? '',
                reading.withdrawn ? text.record.withdrawn : '',
              ]
                .filter((part) => part !== '')
                .join(', '),
            ] as const,
            [text.record.note, reading.notes] as const,
          ]),
          tools.recorded(recorded),
        ),
      ]),
    },
  ];
}

export const noteBlocks = (resources: unknown[], tools: SheetTools): Block[] =>
  writtenBlocks(readNotes(resources), tools);
export const otherReportBlocks = (resources: unknown[], tools: SheetTools): Block[] =>
  writtenBlocks(readReports(resources), tools);

function writtenBlocks(all: readonly Written[], tools: SheetTools): Block[] {
  const said = text.notes;
  return all.flatMap((written): Block[] => {
    const day = written.at ?? written.issuedAt;
    const title = written.name === '' ? text.record.unnamed : written.name;
    return [
      { kind: 'heading', words: day === undefined ? title : `${title}, ${tools.dates.day(day)}` },
      facts(
        ['', written.withdrawn ? text.record.withdrawn : written.current ? null : said.replaced],
        ['', said.status(written.status)],
        tools.recorded(written.recorded),
        [said.author, otherAuthors(written)],
        [said.category, written.category],
        [said.conclusion, written.conclusion],
        [text.record.note, written.notes],
      ),
      ...written.attachments.map(
        (attachment) =>
          ({
            kind: 'paragraph',
            words: attachmentText(attachment) ?? said.unreadable(attachment.title ?? attachment.contentType),
          }) as const,
      ),
    ];
  });
}

export function threadBlocks(content: unknown, tools: SheetTools): Block[] {
  if (!isThread(content)) {
    return [];
  }
  const said = text.messages;
  const messages = content.messages.filter(({ sentAt }) => tools.isWithin(sentAt));
  return messages.length === 0
    ? []
    : [
        { kind: 'heading', words: content.subject === '' ? said.noSubject : content.subject },
        {
          kind: 'table',
          columns: [
            { label: words.columns.when, share: 0.2 },
            { label: words.who, share: 0.2 },
            { label: words.message, share: 0.6 },
          ],
          rows: messages.map(({ from, senderName, sentAt, body }) => [
            tools.dates.moment(sentAt, { zone: true }),
            senderName === '' ? (from === 'patient' ? said.you : said.practice) : senderName,
            body,
          ]),
        },
      ];
}

function isThread(content: unknown): content is ThreadContent {
  return isObject(content) && Array.isArray(content['messages']);
}

/** The account is the one of now, whatever days were chosen; visits are those of the days. */
export function billingBlocks(content: unknown, tools: SheetTools): Block[] {
  if (!isAccount(content)) {
    return [];
  }
  const said = text.billing;
  const { currency } = content;
  const money = (amount: Amount): string => tools.money(amount, currency);
  const { balance, withInsurance, statements } = readAccount(content);
  const sign = signOf(balance);
  return [
    { kind: 'paragraph', words: said.balanceIs(sign, money(sign < 0 ? negated(balance) : balance)) },
    ...(withInsurance === null
      ? []
      : [{ kind: 'paragraph', words: said.withInsurance(money(withInsurance)) } as const]),
    ...statements
      .filter(({ date }) => tools.isWithin(date))
      .flatMap((statement): Block[] => [
        {
          kind: 'heading',
          words: statement.date === undefined ? said.visitUndated : said.visitOn(tools.dates.day(statement.date)),
        },
        {
          kind: 'table',
          columns: [
            { label: said.columns.what, share: 0.75 },
            { label: said.columns.amount, share: 0.25 },
          ],
          rows: [
            ...statement.charges.map(({ text: what, code, units, amount }) => [
              lines(
                ['', what],
                ['', code === null ? null : said.code(code)],
                ['', units > 1 ? said.units(units) : null],
              ),
              money(amount),
            ]),
            ...statement.lines.map((line) => [lineWords(line, tools), money(line.amount)]),
            [said.stillOpen, money(statement.open)],
            [said.due(signOf(statement.due)), money(statement.due)],
          ],
        },
      ]),
  ];
}

function lineWords({ kind, date, method }: AccountLine, tools: SheetTools): string {
  const when = date === null ? '' : tools.dates.day(date);
  return [text.billing.lines[kind], method, when].filter((part) => part !== '').join(', ');
}

function isAccount(content: unknown): content is BillingContent {
  return isObject(content) && Array.isArray(content['statements']);
}
