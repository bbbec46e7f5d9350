import { Logger } from '@nestjs/common';
import type { FeedLog } from '../openemr/change-feed.js';

/** The process's log as the feed writes to it. */
export function feedLog(): FeedLog {
  const log = new Logger('change-feed');
  return {
    info: (entry) => {
      log.log(entry);
    },
    warn: (entry) => {
      log.warn(entry);
    },
    error: (entry) => {
      log.error(entry);
    },
  };
}
