import { z } from 'zod';
import type { RenderedSection } from 'sync-agent/src/chart/render-chart';

/** A field of a section, and every value that stands there. */
export interface SectionField {
  section: string;
  path: string;
  values: string[];
}

const ResourceList = z.object({ resources: z.array(z.looseObject({ resourceType: z.string() })) });
/** Parts of a list that are told apart, because different columns stand in them. */
const Slice = z.object({ url: z.string() }).transform(({ url }) => url.split('/').at(-1) ?? url);
const NameUse = z.object({ use: z.enum(['official', 'usual', 'maiden', 'old']) }).transform(({ use }) => use);
const TelecomSystem = z.object({ system: z.enum(['phone', 'email']) }).transform(({ system }) => system);
const SLICED = [
  ['extension', Slice],
  ['.name', NameUse],
  ['.telecom', TelecomSystem],
] as const;

/** `results/2026` and `results/2020` are one kind of section. */
export function kindOfSection(name: string): string {
  return name.replace(/^(results|vitals)\/.+/, '$1/<year>').replace(/^messages\/.+/, 'messages/<thread>');
}

/** Every leaf of the sections, by section and path; lists are entered, their positions forgotten. */
export function fieldsOf(sections: readonly RenderedSection[]): Map<string, SectionField> {
  const fields = new Map<string, SectionField>();
  const add = (section: string, path: string, value: unknown): void => {
    const key = `${section} ${path}`;
    const field = fields.get(key) ?? { section, path, values: [] };
    field.values.push(JSON.stringify(value));
    fields.set(key, field);
  };
  const walk = (section: string, path: string, value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) {
        walk(section, `${path}[${sliceOf(path, item)}]`, item);
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, part] of Object.entries(value)) {
        walk(section, path === '' ? name : `${path}.${name}`, part);
      }
    } else {
      add(section, path, value);
    }
  };
  for (const { name, content } of sections) {
    const section = kindOfSection(name);
    const list = ResourceList.safeParse(content).data;
    if (list === undefined) {
      walk(section, '', content);
    } else {
      for (const { resourceType, ...rest } of list.resources) {
        walk(section, resourceType, rest);
      }
    }
  }
  for (const field of fields.values()) {
    field.values.sort();
  }
  return fields;
}

function sliceOf(path: string, item: unknown): string {
  const kind = SLICED.find(([end]) => path.endsWith(end))?.[1];
  return kind?.safeParse(item).data ?? '';
}

/** What there is of each kind of resource, message and thread: whether something came or went. */
export function countsOf(sections: readonly RenderedSection[]): string {
  const counts = sections.flatMap(({ name, content }) => {
    const list = ResourceList.safeParse(content).data;
    const things =
      list?.resources.map(({ resourceType }) => resourceType) ??
      Object.values(content).flatMap((part) => (Array.isArray(part) ? part.map(() => 'item') : []));
    return things.map((thing) => `${kindOfSection(name)} ${thing}`);
  });
  return counts.sort().join('\n');
}
