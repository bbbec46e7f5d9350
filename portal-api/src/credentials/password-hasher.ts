import { availableParallelism } from 'node:os';
import { Algorithm, hashRaw } from '@node-rs/argon2';
import { Injectable } from '@nestjs/common';
import { Busy } from '../problems/request.problems.js';
import { normalisePassword } from './password.js';

/** How many password checks may wait beside the running ones. */
const QUEUE = 50;

/**
 * argon2id with 64 MiB, t=3, p=1, 32 bytes: as many at once as there are processors, so that a flood of sign-ins costs
 * waiting time and never memory. What does not fit the queue is refused before any work.
 */
@Injectable()
export class PasswordHasher {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** @throws Busy */
  async hash(password: string, salt: Uint8Array): Promise<Buffer> {
    await this.enter();
    try {
      return await hashRaw(normalisePassword(password), {
        algorithm: Algorithm.Argon2id,
        memoryCost: 64 * 1024,
        timeCost: 3,
        parallelism: 1,
        outputLen: 32,
        salt,
      });
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.running < availableParallelism()) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= QUEUE) {
      throw new Busy();
    }
    await new Promise<void>((start) => this.waiting.push(start));
  }

  /** The place goes to the first in the queue without being free in between. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) {
      this.running -= 1;
    } else {
      next();
    }
  }
}
