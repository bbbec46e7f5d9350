import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import type { Account, LedgerAddress } from '../config.js';
import { binlogFileName, feedConnection } from './binlog-stream.js';
import type { BinlogPosition } from './snapshot.js';

/** How the binary log has to be written for the feed to read it. */
export const BINLOG_SETTINGS = { binlog_format: 'ROW', binlog_row_metadata: 'FULL', binlog_row_image: 'FULL' } as const;

/** The server's binary log cannot be followed as it is set. The message names what to set. */
export class BinlogNotUsable extends Error {
  readonly code = 'binlog-not-usable';
  readonly logLevel = 'error';
  constructor(sentence: string) {
    super(
      `${sentence}. Set log_bin, binlog_format=ROW, binlog_row_metadata=FULL and binlog_row_image=FULL for OpenEMR's MariaDB and ` +
        'restart it; or set FEED=polling, which needs no binary log and notices changes later',
    );
  }
}

/** What the feed's account sees of the server before it starts to read. */
export interface BinlogFacts {
  file: { base: string; digits: number };
  /** behind the last event */
  end: BinlogPosition;
  /** start of the server by its own clock, UTC seconds since 1970 */
  serverStart: number;
  /** a crash of the server or its machine cannot have lost committed events */
  syncsBinlog: boolean;
  /** GTIDs of the last transactions before this position; null where no event ends */
  gtidAt(position: BinlogPosition): Promise<string | null>;
  /** whether the binlog still holds this position, and it is the one where `gtid` was the last transaction */
  holds(position: BinlogPosition, gtid: string | null): Promise<boolean>;
}

/** A server that does not answer for so long is asked again over another connection, milliseconds. */
const SILENCE = 15_000;

const Variables = z.object({
  log_bin: z.coerce.number(),
  format: z.string(),
  metadata: z.string(),
  image: z.string(),
  sync: z.coerce.number(),
  now: z.coerce.number(),
});
const Master = z.array(z.object({ File: z.string(), Position: z.coerce.number() })).max(1);
const Logs = z.array(z.object({ Log_name: z.string(), File_size: z.coerce.number() }));
const Uptime = z.tuple([z.object({ Value: z.coerce.number() })]);
const Gtid = z.tuple([z.object({ gtid: z.string().nullable() })]);

/** Runs `use` with what the server says now. @throws BinlogNotUsable, or the driver's error */
export async function withBinlogFacts<T>(
  address: LedgerAddress,
  feed: Account,
  use: (facts: BinlogFacts) => Promise<T>,
): Promise<T> {
  const connection = await createConnection(feedConnection(address, feed));
  try {
    connection.on('error', () => undefined);
    return await use(await readFacts(connection));
  } finally {
    connection.destroy();
  }
}

async function readFacts(connection: Connection): Promise<BinlogFacts> {
  const [variables] = Variables.array()
    .length(1)
    .parse(
      await select(
        connection,
        `SELECT @@log_bin AS log_bin, @@GLOBAL.binlog_format AS format, @@GLOBAL.binlog_row_metadata AS metadata,
                @@GLOBAL.binlog_row_image AS image, @@GLOBAL.sync_binlog AS sync, UNIX_TIMESTAMP() AS now`,
      ),
    );
  if (variables?.log_bin !== 1) {
    throw new BinlogNotUsable("OpenEMR's database server writes no binary log");
  }
  if (variables.format !== BINLOG_SETTINGS.binlog_format) {
    throw new BinlogNotUsable(`OpenEMR's database server logs changes with binlog_format=${variables.format}`);
  }
  if (variables.metadata !== BINLOG_SETTINGS.binlog_row_metadata) {
    throw new BinlogNotUsable(`OpenEMR's database server runs with binlog_row_metadata=${variables.metadata}`);
  }
  if (variables.image !== BINLOG_SETTINGS.binlog_row_image) {
    throw new BinlogNotUsable(`OpenEMR's database server runs with binlog_row_image=${variables.image}`);
  }
  const [master] = Master.parse(await select(connection, 'SHOW MASTER STATUS'));
  const name = /^(.*)\.(\d+)$/.exec(master?.File ?? '');
  if (master === undefined || name === null) {
    throw new BinlogNotUsable("OpenEMR's database server names no binary log");
  }
  const file = { base: name[1] ?? '', digits: (name[2] ?? '').length };
  const end = { file: Number(name[2]), offset: master.Position };
  const [{ Value: uptime }] = Uptime.parse(await select(connection, "SHOW GLOBAL STATUS LIKE 'Uptime'"));
  const gtidAt = async (position: BinlogPosition): Promise<string | null> => {
    const [{ gtid }] = Gtid.parse(
      await select(connection, 'SELECT BINLOG_GTID_POS(?, ?) AS gtid', [
        binlogFileName(file, position.file),
        position.offset,
      ]),
    );
    return gtid;
  };
  return {
    file,
    end,
    serverStart: variables.now - uptime,
    syncsBinlog: variables.sync === 1,
    gtidAt,
    holds: async (position, gtid) => {
      const logs = Logs.parse(await select(connection, 'SHOW BINARY LOGS'));
      const log = logs.find(({ Log_name }) => Log_name === binlogFileName(file, position.file));
      if (log === undefined || position.offset > log.File_size) {
        return false;
      }
      const there = await gtidAt(position);
      return there !== null && (gtid === null || there === gtid || there.split(',').includes(gtid));
    },
  };
}

async function select(connection: Connection, sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: SILENCE }, values);
  return rows;
}
