import { BINLOG_SETTINGS } from '../openemr/binlog-facts.js';
import type { FeedConfig } from '../config.js';
import type { ServerFacts } from '../openemr/server-facts.js';
import { checkEnd } from './check-certificates.js';
import { clockDifference } from './clock-difference.js';
import { finding, type Finding } from './finding.js';

/** first MariaDB with binlog_row_metadata and BINLOG MONITOR */
const OLDEST = [10, 5, 2];
const RETENTION = 2 * 86_400;
const SKEW = 5_000;

/** Kind, version and settings of OpenEMR's database server, all findings at once; of the binlog only when it is read. */
export function checkServer(facts: ServerFacts, feed: FeedConfig['kind'], now: Date): Finding[] {
  return [
    ...checkKind(facts),
    ...(feed === 'binlog' ? checkBinlog(facts) : []),
    ...checkDurability(facts, feed),
    ...checkServerClock(facts),
    ...(facts.certificateEnd === null
      ? []
      : checkEnd("the certificate of OpenEMR's database server", facts.certificateEnd, now)),
  ];
}

function checkKind({ version }: ServerFacts): Finding[] {
  if (!/mariadb/i.test(version)) {
    const other = finding(
      'server-not-mariadb',
      `OpenEMR's database server is no MariaDB (version ${version}), and the agent was never tried with it`,
      "move OpenEMR's database to MariaDB 10.6 or newer",
    );
    return [other];
  }
  const numbers = version.split(/[.-]/).map(Number);
  const at = OLDEST.findIndex((wanted, index) => wanted !== numbers[index]);
  return at >= 0 && (numbers[at] ?? 0) < (OLDEST[at] ?? 0)
    ? [
        finding(
          'server-too-old',
          `OpenEMR's database server is MariaDB ${version}`,
          'update it to 10.5.2 or newer, best 10.6 or newer',
        ),
      ]
    : [];
}

const BINLOG_CODES = {
  binlog_format: 'binlog-format',
  binlog_row_metadata: 'binlog-row-metadata',
  binlog_row_image: 'binlog-row-image',
} as const;

function checkBinlog({ variable, version }: ServerFacts): Finding[] {
  if (!isOn(variable('log_bin'))) {
    const off = finding(
      'binlog-off',
      "OpenEMR's database server writes no binary log",
      'set log_bin in its configuration and restart it',
    );
    return [off];
  }
  const found: Finding[] = [];
  for (const name of ['binlog_format', 'binlog_row_metadata', 'binlog_row_image'] as const) {
    const [wanted, is] = [BINLOG_SETTINGS[name], variable(name)];
    // Another kind of server may not have the variable at all; that is said already.
    if (is !== wanted && (is !== undefined || /mariadb/i.test(version))) {
      found.push(
        finding(
          BINLOG_CODES[name],
          `OpenEMR's database server runs with ${name}=${is ?? 'nothing'}`,
          `set ${name}=${wanted} in its configuration and restart it`,
        ),
      );
    }
  }
  const kept =
    Number(variable('binlog_expire_logs_seconds') ?? 0) || Number(variable('expire_logs_days') ?? 0) * 86_400;
  if (kept > 0 && kept < RETENTION) {
    found.push(
      finding(
        'binlog-retention-short',
        `OpenEMR's database server keeps its binary log for ${String(Math.round(kept / 3_600))} hours only`,
        'set binlog_expire_logs_seconds to two days or more, so that a weekend without the agent costs no complete pass',
      ),
    );
  }
  return found;
}

function checkDurability({ variable }: ServerFacts, feed: FeedConfig['kind']): Finding[] {
  const found: Finding[] = [];
  if (variable('innodb_flush_log_at_trx_commit') !== '1') {
    found.push(
      finding(
        'flush-not-durable',
        `a power cut may take back what OpenEMR's database server has committed (innodb_flush_log_at_trx_commit=${variable('innodb_flush_log_at_trx_commit') ?? 'nothing'})`,
        'set innodb_flush_log_at_trx_commit=1 in its configuration',
      ),
    );
  }
  if (feed === 'binlog' && variable('sync_binlog') !== '1') {
    found.push(
      finding(
        'sync-binlog-off',
        `a power cut may lose changes from the binary log of OpenEMR's database server (sync_binlog=${variable('sync_binlog') ?? 'nothing'})`,
        'set sync_binlog=1 in its configuration',
      ),
    );
  }
  return found;
}

function checkServerClock({ skewMs, knowsTimeZones }: ServerFacts): Finding[] {
  const found: Finding[] = [];
  if (Math.abs(skewMs) > SKEW) {
    found.push(
      finding(
        'database-clock',
        `the clock of OpenEMR's database server is ${clockDifference(skewMs)} that of this machine`,
        'let both follow one time source',
      ),
    );
  }
  if (!knowsTimeZones) {
    found.push(
      finding(
        'time-zone-tables-missing',
        "OpenEMR's database server knows no time zones by name",
        'load them with mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql, and restart the server',
      ),
    );
  }
  return found;
}

function isOn(value: string | undefined): boolean {
  return value === 'ON' || value === '1';
}
