import { describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { AgentLog } from './agent-log.js';
import { TransientDeliveryFailure } from './deliver/delivery-failure.js';

const CANARY = 'Clemente Kreiger 1984-07-02';

function lineOf(write: (log: AgentLog) => void): string {
  const lines: string[] = [];
  write(new AgentLog('trace', { write: (line) => lines.push(line) }));
  expect(lines).toHaveLength(1);
  return lines.join('');
}

/** As TypeORM throws it: statement, parameters, the driver's error and its sentence, which quotes the value. */
function failedQuery(): QueryFailedError {
  const driver = Object.assign(new Error(`Duplicate entry '${CANARY}' for key 'x'`), {
    code: 'ER_DUP_ENTRY',
    sql: `INSERT INTO x VALUES ('${CANARY}')`,
    sqlMessage: `Duplicate entry '${CANARY}'`,
  });
  return new QueryFailedError(`INSERT INTO x VALUES ('${CANARY}')`, [CANARY], driver);
}

describe("the agent's log", () => {
  it.each([
    [
      'as the entry',
      (log: AgentLog) => {
        log.error(failedQuery(), 'deliver');
      },
    ],
    [
      'as a field',
      (log: AgentLog) => {
        log.warn({ msg: 'it failed', error: failedQuery() }, 'deliver');
      },
    ],
    [
      'deep in a field',
      (log: AgentLog) => {
        log.fatal({ msg: 'it failed', all: [{ cause: failedQuery() }] });
      },
    ],
    [
      'as a cause',
      (log: AgentLog) => {
        log.error({ error: new Error(CANARY, { cause: failedQuery() }) });
      },
    ],
  ])('holds no value of a failed query that is handed over %s', (where, write) => {
    const line = lineOf(write);
    expect(line).not.toContain('Clemente');
    expect(line).not.toContain('INSERT');
    if (where !== 'as a cause') {
      expect(line).toContain('"name":"QueryFailedError","code":"ER_DUP_ENTRY"');
    }
  });

  it('keeps sentences of our own, whose words are chosen, and no bytes', () => {
    const line = lineOf((log) => {
      log.error({ error: new TransientDeliveryFailure('the pool is missing'), bytes: Buffer.from(CANARY) }, 'deliver');
    });
    expect(JSON.parse(line)).toMatchObject({
      of: 'deliver',
      error: { name: 'TransientDeliveryFailure', code: 'delivery-transient', sentence: 'the pool is missing' },
      bytes: '[not logged]',
    });
  });
});

describe("a line of the agent's log", () => {
  const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

  it.each([
    'x\r\n{"level":"fatal","msg":"forged"}\r\n',
    '\u001b[2J\u001b]0;title\u0007',
    '\u009b31m\u0085',
    'abc\u202edcba\u2066x\u2069',
    'x\u2028y\u2029z\ufeff\u0000\u007f',
    '","level":"fatal","msg":"forged',
    '__proto__',
  ])('is one, well formed, and holds nothing that a terminal obeys: %j', (value) => {
    const line = lineOf((log) => {
      log.warn({ msg: value, reason: value, deep: [{ value }], [value]: 1 }, value);
    });
    expect(line.endsWith('\n')).toBe(true);
    expect(OBEYED.test(line.slice(0, -1))).toBe(false);
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', name: 'sync-agent', msg: value, reason: value, of: value });
    expect(({} as { forged?: unknown }).forged).toBeUndefined();
  });

  it('names its level, time and process', () => {
    expect(
      JSON.parse(
        lineOf((log) => {
          log.error({ msg: 'x', code: 'y-z' });
        }),
      ),
    ).toEqual({
      level: 'error',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      name: 'sync-agent',
      msg: 'x',
      code: 'y-z',
    });
  });

  it('cuts what is longer than any sentence of ours', () => {
    const long = 'A'.repeat(100_000);
    const line = lineOf((log) => {
      log.warn({ msg: long, reason: long, in: [{ it: long }], error: new TransientDeliveryFailure(long) }, 'deliver');
    });
    expect(line.length).toBeLessThan(5_000);
  });
});
