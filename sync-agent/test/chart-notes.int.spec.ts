import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResultSetHeader } from 'mysql2/promise';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { ResourcesContent, type Resource } from 'sync-contract/section-content';
import { z } from 'zod';
import { ChartUnderTest } from './chart-under-test.js';

const PID = 5001;
const OTHER = 5002;

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart_notes');
  await loadGoldenRows(chart.clinic);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});

const insert = async (table: string, row: Record<string, unknown>): Promise<number> => {
  const [{ insertId }] = await chart.clinic.query<ResultSetHeader>('INSERT INTO ?? SET ?', [table, row]);
  return insertId;
};
const form = (formdir: string, form_id: number, given: Record<string, unknown> = {}): Promise<number> =>
  insert('forms', { formdir, form_id, form_name: formdir, pid: PID, encounter: 20_001, deleted: 0, ...given });

let nextForm = 700_000;
/** A note in a form of its own, beyond every recorded date. */
const note = async (given: Record<string, unknown>, formGiven: Record<string, unknown> = {}): Promise<number> => {
  nextForm += 1;
  await form('clinical_notes', nextForm, formGiven);
  return insert('form_clinical_notes', {
    ...{ form_id: nextForm, pid: PID, date: '2030-01-01', activity: 1, user: 'drgreene', clinical_notes_category: '' },
    ...given,
  });
};
const soap = async (given: Record<string, unknown>, formGiven: Record<string, unknown> = {}): Promise<void> => {
  const id = await insert('form_soap', {
    ...{ pid: PID, date: '2030-01-02 10:00:00', activity: 1, user: 'drgreene' },
    ...given,
  });
  await form('soap', id, formGiven);
};

const sectionOf = async (
  recordClass: 'notes' | 'reports',
  pid = PID,
): Promise<{ written: Resource[]; resources: Resource[]; skipped: number }> => {
  const found = (await chart.render(pid)).find(({ name }) => name === recordClass);
  const { resources } = ResourcesContent.parse(found?.content);
  const types = ['DocumentReference', 'DiagnosticReport'];
  const written = resources.filter(({ resourceType }) => types.includes(resourceType));
  return { written, resources, skipped: found?.skipped ?? 0 };
};

const Attachment = z.object({ contentType: z.literal('text/plain'), data: z.base64() });
const Note = z.object({ content: z.tuple([z.object({ attachment: Attachment })]) });
const Report = z.object({ presentedForm: z.tuple([Attachment]) });
const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
const wordsOf = (resource: Resource): string =>
  decoded(
    resource.resourceType === 'DiagnosticReport'
      ? Report.parse(resource).presentedForm[0].data
      : Note.parse(resource).content[0].attachment.data,
  );

describe('clinical notes', () => {
  it('carry their words byte for byte as plain text, with type, author, day and visit', async () => {
    const words = 'Line one – é, 🩺\n<script>alert("x")</script>\n\tindented';
    await note({
      description: words,
      code: 'LOINC:11506-3',
      codetext: 'Progress Note',
      clinical_notes_type: 'progress_note',
    });
    const [first] = (await sectionOf('notes')).written;
    expect(first).toMatchObject({
      status: 'current',
      type: {
        coding: [{ system: 'http://loinc.org', code: '11506-3', display: 'Progress Note' }],
        text: 'Progress Note',
      },
      author: [{ display: 'Hannah M Greene, MD' }],
      context: { period: { start: '2030-01-01' }, encounter: [{ reference: expect.stringMatching(/^Encounter\//) }] },
    });
    expect(first).not.toHaveProperty('date');
    expect(first === undefined ? '' : wordsOf(first)).toBe(words);
  });

  it('of every type of OpenEMR’s list have the type’s words and code, whichever column keeps it', async () => {
    const [types] = await chart.clinic.query(
      "SELECT option_id AS id, title FROM list_options WHERE list_id = 'Clinical_Note_Type' ORDER BY option_id",
    );
    const known = z.array(z.object({ id: z.string(), title: z.string() })).parse(types);
    expect(known.length).toBeGreaterThan(10);
    for (const { id } of known) {
      await note({ description: `a ${id}`, clinical_notes_type: id, date: '2031-01-01' });
    }
    const { written } = await sectionOf('notes');
    for (const { id, title } of known) {
      const shown = written.find((each) => wordsOf(each) === `a ${id}`);
      expect(shown?.['type']).toMatchObject({ coding: [{ system: 'http://loinc.org', display: title }], text: title });
    }
  });

  it('of a type, code, author or date that nobody knows are shown all the same', async () => {
    await note({
      description: 'odd',
      clinical_notes_type: 'no-such-type',
      code: 'LOCAL:7',
      user: 'nobody',
      date: '0000-00-00',
    });
    await note({ description: 'bare', clinical_notes_type: null, code: null, user: null, date: null });
    const { written } = await sectionOf('notes');
    const [odd, bare] = ['odd', 'bare'].map((words) => written.find((each) => wordsOf(each) === words));
    expect(odd).toMatchObject({
      type: { coding: [{ code: 'LOCAL:7' }], text: 'no-such-type' },
      author: [{ display: 'Riverbend Clinic (synthetic)' }],
    });
    expect(bare).toMatchObject({ type: { text: 'Clinical note' } });
    expect(JSON.stringify([odd, bare])).not.toContain('period');
    expect([written.at(-1), written.at(-2)]).toEqual(expect.arrayContaining([odd, bare]));
  });

  it('that were deleted, replaced, moved or are another patient’s are not shown; empty ones are counted', async () => {
    const before = await sectionOf('notes');
    await note({ description: 'of a deleted form' }, { deleted: 1 });
    await note({ description: 'replaced', activity: 0 });
    await note({ description: 'of another patient', pid: OTHER });
    await insert('form_clinical_notes', { form_id: 4_711_000, pid: PID, activity: 1, description: 'without a form' });
    await note({ description: '' });
    await note({ description: null });
    const after = await sectionOf('notes');
    expect(after.written).toEqual(before.written);
    expect(after.skipped).toBe(before.skipped + 2);
    expect(JSON.stringify((await sectionOf('notes', OTHER)).written)).not.toContain(
      Buffer.from('of another patient').toString('base64'),
    );
  });
});

describe('SOAP notes', () => {
  it('are notes with their four parts, those that were filled', async () => {
    await soap({ date: '2032-01-01 10:00:00', subjective: 'Feels <b>well</b> 🙂', plan: 'Return\nin 6 months' });
    const [first] = (await sectionOf('notes')).written;
    expect(first).toMatchObject({ type: { text: 'SOAP note' }, date: '2032-01-01T10:00:00+00:00' });
    expect(first === undefined ? '' : wordsOf(first)).toBe(
      'Subjective\nFeels <b>well</b> 🙂\n\nPlan\nReturn\nin 6 months',
    );
  });

  it('that were deleted, taken back, are another patient’s or say nothing are not shown', async () => {
    const before = await sectionOf('notes');
    await soap({ plan: 'deleted' }, { deleted: 1 });
    await soap({ plan: 'taken back', activity: 0 });
    await soap({ plan: 'another patient’s', pid: OTHER });
    await soap({ plan: '' });
    const after = await sectionOf('notes');
    expect(after.written).toEqual(before.written);
    expect(after.skipped).toBe(before.skipped + 1);
  });
});

describe('narrative reports', () => {
  it('are clinical notes with a category, and no notes any more', async () => {
    await note({
      ...{
        description: 'No fracture. <img src=x onerror=x()>',
        date: '2033-01-01',
        clinical_notes_category: 'radiology',
      },
      ...{
        code: 'LOINC:18748-4',
        codetext: 'Diagnostic imaging study',
        clinical_notes_type: 'diagnostic_imaging_narrative',
      },
    });
    const { written, resources } = await sectionOf('reports');
    expect(written[0]).toMatchObject({
      resourceType: 'DiagnosticReport',
      status: 'final',
      category: [{ coding: [{ system: 'http://loinc.org', code: 'LP29684-5' }], text: 'Radiology' }],
      code: { coding: [{ code: '18748-4' }], text: 'Diagnostic imaging study' },
      effectiveDateTime: '2033-01-01',
    });
    expect(written[0] === undefined ? '' : wordsOf(written[0])).toBe('No fracture. <img src=x onerror=x()>');
    expect(resources.some(({ resourceType }) => resourceType === 'Practitioner')).toBe(true);
    expect((await sectionOf('notes')).written.map(wordsOf)).not.toContain('No fracture. <img src=x onerror=x()>');
  });

  it('of a practice’s own category keep its word', async () => {
    await note({ description: 'own', date: '2034-01-01', clinical_notes_category: 'sleep lab' });
    expect((await sectionOf('reports')).written[0]).toMatchObject({
      category: [{ text: 'sleep lab' }],
      code: { text: 'Report' },
    });
  });

  it('are none of the results: what answers an order is shown once, with the results', async () => {
    const sections = await chart.render(5010);
    const inSections = (prefix: string): string[] =>
      sections
        .filter(({ name }) => name.startsWith(prefix))
        .flatMap(({ content }) => ResourcesContent.safeParse(content).data?.resources ?? [])
        .filter(({ resourceType }) => resourceType === 'DiagnosticReport')
        .map(({ id }) => id);
    const [results, reports] = [inSections('results/'), inSections('reports')];
    expect(results.length).toBeGreaterThan(0);
    expect(results.filter((id) => reports.includes(id))).toEqual([]);
  });
});
