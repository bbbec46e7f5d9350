/** The gateway's pages do not go on: they claim to be in order and are not, or have no end. */
export class HoldingsOutOfOrder extends Error {
  readonly code = 'holdings-out-of-order';
  readonly logLevel = 'error';
  constructor() {
    super("the gateway's account of what it holds is not in order; the next comparison begins anew");
  }
}

/** End of a page: null when nothing comes behind it. @throws HoldingsOutOfOrder */
export function lastOf(ids: readonly string[], after: string | null, more: boolean): string | null {
  const ordered = ids.every((id, index) => id > (ids[index - 1] ?? after ?? ''));
  const last = ids.at(-1) ?? null;
  if (!ordered || (more && last === null)) {
    throw new HoldingsOutOfOrder();
  }
  return more ? last : null;
}
