import { describe, expect, it } from '@jest/globals';
import type { PendingWishView } from 'portal-api/http';
import { resultRelease, waitingIn } from './release-wish.js';

const pending = (wish: PendingWishView['payload']['wish'], resultId: string | null = null): PendingWishView => ({
  submissionId: `s-${wish}`,
  createdAt: '2026-11-23T10:00:00.000Z',
  state: 'saved',
  payload: { wish, resultId, wishedAt: '2026-11-23T10:00:00.000Z' },
});
const one = { id: 'r1', since: '2026-11-22T10:00:00.000Z' };

describe('how new results are handled', () => {
  it('is what the chart says, and unknown where it says nothing', () => {
    expect(resultRelease({ years: [] }, [])).toEqual({
      ...{ current: 'at-once', underWay: null, waiting: [], asked: new Set() },
    });
    expect(resultRelease({ years: [], wish: { waiting: [one] } }, [])).toMatchObject({
      ...{ current: 'wait', waiting: [one] },
    });
    expect(resultRelease(null, []).current).toBeNull();
  });

  it('tells the last choice on its way, and each result that was asked for', () => {
    const release = resultRelease({ years: [], wish: { waiting: [one] } }, [
      pending('wait'),
      pending('at-once'),
      pending('show', 'r1'),
    ]);
    expect(release).toMatchObject({ current: 'wait', underWay: 'at-once' });
    expect(release.asked).toEqual(new Set(['r1']));
  });

  it('counts what a file of the chart lacks, and nothing where there is no wish', () => {
    expect(waitingIn({ years: [], wish: { waiting: [one, one] } })).toBe(2);
    expect([{ years: [] }, null, 'x', { wish: null }, { wish: { waiting: 7 } }].map(waitingIn)).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });
});
