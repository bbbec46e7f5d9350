import type { IconName } from '../../components/icon-paths.js';
import { readAllergies } from '../../chart/allergy.js';
import { readAssessments } from '../../chart/assessment.js';
import { negated, signOf } from '../../chart/billing.js';
import { readCarePlans, readCareTeams, readGoals } from '../../chart/care.js';
import { readCoverages } from '../../chart/coverage.js';
import { readDevices } from '../../chart/device.js';
import { readDocuments } from '../../chart/documents.js';
import { readEncounters } from '../../chart/encounter.js';
import { readImmunizations } from '../../chart/immunization.js';
import { readMedications } from '../../chart/medication.js';
import { readPractice } from '../../chart/practice-info.js';
import { readProblems } from '../../chart/problem.js';
import { readProcedures } from '../../chart/procedure.js';
import { readSocialHistory } from '../../chart/social-history.js';
import { readNotes, readReports } from '../../chart/written.js';
import { withdrawnIds } from '../../chart/fhir.js';
import { skippedIn } from '../../chart/gathered-chart.js';
import type { ResourcePart, ResourcesContent, ResultYearsContent } from '../../chart/section-content.js';
import { chart } from '../../state/chart.svelte.js';
import { practice } from '../../state/practice.svelte.js';
import type { Section } from '../../state/section.svelte.js';
import { text } from '../../text.js';

/** One line of the overview of the record. */
export interface RecordPart {
  /** the section's name in the chart's status */
  name: string;
  href: string;
  label: string;
  icon: IconName;
  section: () => Section<unknown>;
  /** one line on what is in it; null while it is not there */
  summary: () => string | null;
}

const words = text.record;

const ofResources =
  (section: () => Section<ResourcesContent>, say: (resources: unknown[]) => string) => (): string | null => {
    const content = section().content;
    const withdrawn = withdrawnIds(content).length;
    return content === null
      ? null
      : withSkipped(`${say(content.resources)}${withdrawn === 0 ? '' : `, ${words.recalledToo(withdrawn)}`}`, content);
  };

/** A part of which something cannot be shown is not called empty. */
function withSkipped(said: string, content: unknown): string {
  const skipped = skippedIn(content);
  if (skipped === 0) {
    return said;
  }
  return said === words.noneRecorded ? words.skippedToo(skipped) : `${said}, ${words.skippedToo(skipped)}`;
}

/** How many are current, and the newest of them. */
function activeAndNewest(entries: readonly { current: boolean }[], newest?: string): string {
  const current = entries.filter((entry) => entry.current).length;
  return withNewest(entries.length === 0 ? words.noneRecorded : words.active(current), newest);
}

function countAndNewest(entries: readonly { current: boolean }[], newest?: string): string {
  const current = entries.filter((entry) => entry.current).length;
  return withNewest(current === 0 ? words.noneRecorded : words.onRecord(current), newest);
}

function withNewest(said: string, newest: string | undefined): string {
  return newest === undefined ? said : `${said}, ${words.newest(practice.dates.day(newest))}`;
}

const yearSummary = (section: () => Section<ResultYearsContent>, say: (n: number) => string) => (): string | null => {
  const content = section().content;
  if (content === null) {
    return null;
  }
  const all = content.years.reduce((sum, { count }) => sum + count, 0);
  const waiting = content.wish?.waiting.length ?? 0;
  const shown = all === 0 ? null : withNewest(say(all), content.years[0]?.newest ?? undefined);
  const said = [shown, waiting === 0 ? null : text.releaseWish.waitingShort(waiting)].filter((part) => part !== null);
  return withSkipped(said.length === 0 ? words.noneRecorded : said.join('; '), content);
};

function part(name: ResourcePart, label: string, icon: IconName, say: (resources: unknown[]) => string): RecordPart {
  const section = (): Section<ResourcesContent> => chart.part(name);
  return { name, href: `#/record/${name}`, label, icon, section, summary: ofResources(section, say) };
}

export const RECORD_GROUPS: readonly { heading: string; parts: readonly RecordPart[] }[] = [
  {
    heading: words.groups.everyday,
    parts: [
      {
        name: 'medications',
        href: '#/medications',
        label: text.medications.title,
        icon: 'pill',
        section: () => chart.medications(),
        summary: ofResources(
          () => chart.medications(),
          (resources) =>
            activeAndNewest(
              readMedications(resources, practice.number).map((medication) => ({ current: medication.active })),
            ),
        ),
      },
      {
        name: 'results',
        href: '#/results',
        label: text.results.title,
        icon: 'flask',
        section: () => chart.resultYears(),
        summary: yearSummary(
          () => chart.resultYears(),
          (n) => words.reports(n),
        ),
      },
      {
        name: 'vitals',
        href: '#/record/vitals',
        label: text.vitals.title,
        icon: 'pulse',
        section: () => chart.vitalYears(),
        summary: yearSummary(
          () => chart.vitalYears(),
          (n) => text.vitals.measurings(n),
        ),
      },
      part('problems', text.problems.title, 'list', (resources) => activeAndNewest(readProblems(resources))),
      part('allergies', text.allergies.title, 'shield', (resources) => activeAndNewest(readAllergies(resources))),
      part('immunizations', text.immunizations.title, 'syringe', (resources) => {
        const all = readImmunizations(resources, practice.number);
        return countAndNewest(all, all.find(({ current }) => current)?.given.at);
      }),
    ],
  },
  {
    heading: words.groups.care,
    parts: [
      part('procedures', text.procedures.title, 'cross', (resources) => {
        const all = readProcedures(resources);
        return countAndNewest(all, all.find(({ current }) => current)?.performed.at);
      }),
      part('devices', text.devices.title, 'device', (resources) => countAndNewest(readDevices(resources))),
      part('care-team', text.careTeam.title, 'people', (resources) => {
        const members = readCareTeams(resources).flatMap((team) => (team.current ? team.members : []));
        return members.length === 0 ? words.noneRecorded : text.careTeam.members(members.length);
      }),
      part('care-plan', text.carePlan.plans, 'clipboard', (resources) => activeAndNewest(readCarePlans(resources))),
      {
        ...part('goals', text.carePlan.goals, 'target', (resources) => activeAndNewest(readGoals(resources))),
        href: '#/record/care-plan',
      },
      part('assessments', text.assessments.title, 'check', (resources) => {
        const all = readAssessments(resources, practice.number, practice.yesNo);
        return countAndNewest(all, all.find(({ current }) => current)?.at);
      }),
      part('social-history', text.socialHistory.title, 'leaf', (resources) =>
        countAndNewest(readSocialHistory(resources, practice.number, practice.yesNo)),
      ),
    ],
  },
  {
    heading: words.groups.reading,
    parts: [
      {
        ...part('encounters', text.visits.title, 'calendar', (resources) => {
          const all = readEncounters(resources);
          return countAndNewest(all, all.find(({ current }) => current)?.start);
        }),
        href: '#/visits',
      },
      part('notes', text.notes.title, 'file', (resources) => {
        const all = readNotes(resources);
        return countAndNewest(all, all.find(({ current }) => current)?.at);
      }),
      part('reports', text.reports.title, 'scan', (resources) => {
        const all = readReports(resources);
        return countAndNewest(all, all.find(({ current }) => current)?.at);
      }),
      {
        name: 'documents',
        href: '#/record/documents',
        label: text.documents.title,
        icon: 'file',
        section: () => chart.documents(),
        summary: () => {
          const { content } = chart.documents();
          if (content === null) {
            return null;
          }
          const all = readDocuments(content.resources, content.contents);
          const said = all.length === 0 ? words.noneRecorded : withNewest(words.onRecord(all.length), all[0]?.date);
          return withSkipped(said, content);
        },
      },
    ],
  },
  {
    heading: words.groups.other,
    parts: [
      part('coverage', text.coverage.title, 'card', (resources) =>
        activeAndNewest(readCoverages(resources, practice.money)),
      ),
      {
        name: 'billing',
        href: '#/record/billing',
        label: text.billing.title,
        icon: 'bill',
        section: () => chart.billing(),
        summary: () => {
          const section = chart.billing();
          if (section.content === null) {
            return null;
          }
          const { balance, currency } = section.content;
          const sign = signOf(balance);
          return sign === 0 && chart.freshness(section) === 'red'
            ? words.unknownNow
            : text.billing.balanceIs(sign, practice.money(sign < 0 ? negated(balance) : balance, currency));
        },
      },
      part('practice', text.practice.title, 'clinic', (resources) => {
        const { sites } = readPractice(resources);
        return sites[0]?.name ?? text.practice.none;
      }),
    ],
  },
];
