import { crossings, PROCESSES, type Origin, type Process, type ProcessName } from '../zones/zones.js';
import { table, type EvidencePart } from './evidence-part.js';

const NAMES = Object.keys(PROCESSES) as ProcessName[];
const process = (name: ProcessName): Process => PROCESSES[name];

/** Processes, what they listen on, and every connection there is, from the one description that everything is made of. */
export function zonesPart(): EvidencePart {
  const crossing = crossings();
  const inwards = crossing.filter(({ to }) => process(to).zone === 'inside');
  const fromDmz = crossing.filter(({ from }) => from === 'dmz');
  const outward = NAMES.filter((name) => process(name).zone === 'dmz').flatMap((name) =>
    process(name).opens.filter((to) => process(to as ProcessName).zone !== 'dmz'),
  );
  const holds = inwards.length === 0 && fromDmz.length === 0 && outward.length === 0;
  return {
    name: '01-zones-and-flows',
    title: 'Zones and flows',
    finding: `${String(crossing.length)} crossings are declared (${crossing.map(crossingText).join('; ')}); ${
      holds ? 'none leads inside, and the DMZ opens none' : 'one leads inside or is opened by the DMZ'
    }.`,
    holds,
    command: 'npm run evidence -- --without-drills   # from infra/zones/zones.ts',
    text: [
      'The declaration. That a firewall made from it holds is shown by the isolation test.',
      '',
      '```mermaid',
      mermaid(),
      '```',
      '',
      '## Listeners',
      '',
      table(
        ['process', 'zone', 'port', 'for', 'reached from'],
        NAMES.flatMap((name) =>
          process(name).listens.map(({ port, purpose, from }) => [name, process(name).zone, port, purpose, from]),
        ),
      ),
      '',
      '## Connections that a process opens',
      '',
      table(
        ['process', 'zone', 'opens', 'account'],
        NAMES.map((name) => [
          name,
          process(name).zone,
          process(name).opens.join(', ') || 'none',
          process(name).account,
        ]),
      ),
    ].join('\n'),
    data: { processes: PROCESSES, crossings: crossing },
  };
}

const crossingText = ({ from, to, port }: ReturnType<typeof crossings>[number]): string =>
  `${from} → ${to}:${String(port)}`;

function mermaid(): string {
  const id = (name: string): string => name.replaceAll('-', '_');
  const zone = (title: Origin): string[] => [
    `  subgraph ${title}`,
    ...NAMES.filter((name) => process(name).zone === title).map((name) => `    ${id(name)}["${name}"]`),
    '  end',
  ];
  return [
    'flowchart LR',
    '  internet(("internet"))',
    ...zone('dmz'),
    ...zone('inside'),
    ...NAMES.flatMap((name) => process(name).opens.map((to) => `  ${id(name)} --> ${id(to)}`)),
    ...crossings()
      .filter(({ from }) => from === 'internet')
      .map(({ to, port }) => `  internet ==>|${String(port)}| ${id(to)}`),
  ].join('\n');
}
