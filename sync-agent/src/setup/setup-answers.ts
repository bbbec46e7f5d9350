import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';

const name = z.string().regex(/^[A-Za-z0-9_]{1,64}$/, 'must be a database name of letters, digits and _');
const https = z.url({ protocol: /^https$/, error: 'must be an https address' });

/** What only the clinic knows. Each answer is a flag of `setup`; on a terminal the missing ones are asked. */
export const QUESTIONS = {
  openemrVersion: { flag: '--openemr-version', asks: "OpenEMR's version, as its About page says it" },
  openemrUrl: { flag: '--openemr-url', asks: "OpenEMR's address, as its Site Address says it" },
  openemrCa: { flag: '--openemr-ca', asks: "file with the CA of OpenEMR's web certificate" },
  databaseHost: {
    flag: '--database-host',
    asks: "name or address of OpenEMR's database server, as its certificate has it",
  },
  databasePort: { flag: '--database-port', asks: 'its port', otherwise: '3306' },
  databaseCa: { flag: '--database-ca', asks: "file with the CA of the database server's certificate" },
  openemrDatabase: { flag: '--openemr-database', asks: "name of OpenEMR's database", otherwise: 'openemr' },
  ledgerDatabase: {
    flag: '--ledger-database',
    asks: 'name of the new database for the ledger',
    otherwise: 'portal_ledger',
  },
  feed: {
    flag: '--feed',
    asks: 'how changes are noticed: binlog (at once; its account can read the changes of the whole server) or polling (later)',
    otherwise: 'binlog',
  },
  agentHost: { flag: '--agent-host', asks: "the agent's address as the database server sees it" },
  gatewayUrl: { flag: '--gateway-url', asks: "the DMZ host's inside-facing address, https://…:8443" },
  portalOrigin: { flag: '--portal-origin', asks: 'what patients will type, https://…' },
  pool: { flag: '--pool', asks: 'OpenEMR user who receives messages of the portal' },
} as const satisfies Record<string, { flag: string; asks: string; otherwise?: string }>;

export const SetupAnswers = z.object({
  openemrVersion: z.string().min(1),
  openemrUrl: https,
  openemrCa: z.string().min(1),
  databaseHost: z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/, 'must be a host name or address'),
  databasePort: z.coerce.number().pipe(z.int().min(1).max(65_535)),
  databaseCa: z.string().min(1),
  openemrDatabase: name,
  ledgerDatabase: name,
  feed: z.enum(['binlog', 'polling'], 'must be binlog or polling'),
  agentHost: z
    .string()
    .regex(/^[A-Za-z0-9.:-]{1,60}$/, 'must be one address, without %, so that the accounts exist for the agent only'),
  gatewayUrl: https,
  portalOrigin: https,
  pool: z.string().regex(/^[^\s'"]{1,255}$/, 'must be the name of an OpenEMR user'),
});
export type SetupAnswers = z.infer<typeof SetupAnswers>;
export type GivenAnswers = Partial<Record<keyof typeof QUESTIONS, string>>;

/** An answer is missing or is not what it has to be; the sentences name the flags. */
export class AnswersRefused extends Error {
  readonly code = 'setup-answers-refused';
}

/** Asks on a terminal for what was not given as a flag; elsewhere only defaults are filled in. @throws AnswersRefused */
export async function completeAnswers(given: GivenAnswers, onTerminal: boolean): Promise<SetupAnswers> {
  const answers: Record<string, string | undefined> = { ...given };
  const terminal = onTerminal ? createInterface({ input: stdin, output: stdout }) : undefined;
  try {
    for (const [key, question] of Object.entries(QUESTIONS)) {
      const otherwise = 'otherwise' in question ? question.otherwise : undefined;
      const hint = otherwise === undefined ? '' : ` [${otherwise}]`;
      const typed = answers[key] ?? (await terminal?.question(`${question.asks}${hint}: `))?.trim();
      answers[key] = typed === undefined || typed === '' ? otherwise : typed;
    }
  } finally {
    terminal?.close();
  }
  const parsed = SetupAnswers.safeParse(answers);
  if (!parsed.success) {
    throw new AnswersRefused(parsed.error.issues.map(sentence).join('\n'));
  }
  return parsed.data;
}

function sentence(issue: z.core.$ZodIssue): string {
  const question = QUESTIONS[issue.path[0] as keyof typeof QUESTIONS];
  const missing = issue.code === 'invalid_type';
  return `${question.flag} ${missing ? `is missing: ${question.asks}` : issue.message}`;
}
