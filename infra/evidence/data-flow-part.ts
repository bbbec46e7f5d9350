import { dataFlowText, REVIEWED_FILE, reviewedDataFlow, type DataFlow } from './data-flow.js';
import { table, type EvidencePart } from './evidence-part.js';
import { SUBMISSION_TERMS, DMZ_TABLES } from './retention.js';

/** The list as generated, compared with the one that a person reviewed. */
export function dataFlowPart(flow: DataFlow): EvidencePart {
  const reviewed = dataFlowText(flow) === reviewedDataFlow();
  return {
    name: '02-data-flow',
    title: 'Data flow, field by field',
    finding: `${String(flow.sections.length)} fields go out in sealed sections, ${String(
      flow.submissions.length,
    )} come in sealed, ${String(flow.wire.length)} pass readable for the DMZ; the list ${
      reviewed ? 'is the reviewed one' : `differs from ${REVIEWED_FILE}`
    }.`,
    holds: reviewed,
    command: 'npm test -- unit   # infra/evidence/data-flow.spec.ts; after a review: npm run evidence -- --review',
    text: [
      'Which column feeds a field is found by changing one column after the other and rendering again with the programs',
      'that run in production. A field that no change reaches always says the same; its words are given.',
      '',
      '## Out, in sections',
      '',
      table(
        ['class', 'purpose', 'in the DMZ', 'protected by', 'kept there'],
        Object.entries(flow.classes).map(([name, terms]) => [
          name,
          terms.purpose,
          terms.dmzTable,
          terms.protection,
          terms.retention,
        ]),
      ),
      '',
      table(
        ['section', 'field', 'from'],
        flow.sections.map(({ section, path, sources, fixed }) => [
          section,
          `\`${path}\``,
          fixed === undefined ? sources.join(', ') : `always ${fixed.join(' or ')}`,
        ]),
      ),
      '',
      '## In, in envelopes',
      '',
      `Typed by the person, ${SUBMISSION_TERMS.protection}. In the DMZ: ${SUBMISSION_TERMS.dmzTable}, ${
        DMZ_TABLES['outbox']?.retention ?? ''
      }.`,
      '',
      table(
        ['kind', 'field', 'comes to rest in'],
        flow.submissions.map(({ kind, path, destinations }) => [kind, `\`${path}\``, destinations.join(', ')]),
      ),
      '',
      '## Readable for the DMZ',
      '',
      table(
        ['message', 'field', 'direction', 'protection'],
        flow.wire.map(({ schema, path, direction, protection }) => [schema, `\`${path}\``, direction, protection]),
      ),
      '',
      "## Columns that the reader's account may read and no field shows",
      '',
      table(
        ['column', 'why'],
        flow.unshown.map(({ column, why }) => [column, why]),
      ),
    ].join('\n'),
    data: flow,
  };
}
