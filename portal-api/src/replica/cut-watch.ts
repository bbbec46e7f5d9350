import { Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { sessionEndedBy, verifyCut, type Cut } from 'sync-contract/cut';
import { Signed, StatementRefused } from 'sync-contract/signed';
import { PortalConfig } from '../config.js';
import { KeyringService } from '../keys/keyring.service.js';
import { SwitchedOff } from '../problems/request.problems.js';

/** Pause between two looks at the table, milliseconds: so long at most a session outlives a cut. */
const LOOK_EVERY = 400;
/** An older look does not count any more: whoever asks looks first. */
const LOOK_HOLDS = 800;
const LOOKED_AT = 16;

/**
 * Whether the inside has cut this DMZ off. The table is looked at all the time, so that no event has to arrive; the
 * newest verified statement is remembered, so that a row that is taken away changes nothing while the process lives.
 */
@Injectable()
export class CutWatch implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(CutWatch.name);
  private readonly work: (() => unknown)[] = [];
  private readonly complained = new Set<string>();
  private newest: Cut | null = null;
  private lookedAt = -Infinity;
  private looking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly keyring: KeyringService,
    private readonly config: PortalConfig,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => {
      // That the database is away is heard from every request; here it is asked again.
      this.look().catch(() => undefined);
    }, LOOK_EVERY).unref();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** `work` is called as soon as this process learns of a cut, and of each newer one. */
  onCut(work: () => unknown): void {
    this.work.push(work);
  }

  /** Whether a session that began then is over. */
  async ends(startedAt: Date): Promise<boolean> {
    await this.lookUnlessJustDone();
    return sessionEndedBy(this.newest, startedAt);
  }

  /** @throws SwitchedOff while the DMZ is cut off */
  async assertOn(): Promise<void> {
    await this.lookUnlessJustDone();
    if (this.isCut) {
      throw new SwitchedOff();
    }
  }

  /** By the last look. */
  get isCut(): boolean {
    return this.newest?.state === 'cut';
  }

  private async lookUnlessJustDone(): Promise<void> {
    if (performance.now() - this.lookedAt > LOOK_HOLDS) {
      await this.look();
    }
  }

  private async look(): Promise<void> {
    this.looking ??= this.read().finally(() => {
      this.looking = undefined;
    });
    await this.looking;
  }

  private async read(): Promise<void> {
    const began = performance.now();
    const rows = await this.dataSource.query<{ signed: string }[]>(
      `SELECT signed FROM cut_statement WHERE issued_at >= ? ORDER BY issued_at DESC LIMIT ${String(LOOKED_AT)}`,
      [new Date(this.newest?.issuedAt ?? 0)],
    );
    for (const { signed } of rows) {
      const cut = await this.verify(signed);
      if (cut !== null && (this.newest === null || cut.issuedAt > this.newest.issuedAt)) {
        this.newest = cut;
        this.announce(cut);
      }
    }
    this.lookedAt = began;
  }

  private async verify(stored: string): Promise<Cut | null> {
    try {
      const signed = Signed.parse(JSON.parse(stored));
      await this.keyring.know(signed.kid);
      return verifyCut(signed, this.config.siteId, this.keyring.signer);
    } catch (error: unknown) {
      if (!this.complained.has(stored)) {
        this.complained.add(stored);
        const reason = error instanceof StatementRefused ? error.message : 'it is not a signed statement';
        this.logger.error(`a stored statement that the DMZ is cut off is ignored: ${reason}`);
      }
      return null;
    }
  }

  private announce({ state }: Cut): void {
    this.logger.warn(state === 'cut' ? 'the inside has cut this DMZ off' : 'the inside trusts this DMZ again');
    if (state === 'cut') {
      for (const work of this.work) {
        work();
      }
    }
  }
}
