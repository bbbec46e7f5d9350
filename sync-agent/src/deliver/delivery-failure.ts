/**
 * The item can never be delivered as it is. Its stream stops until a person decides; the sentence is what that person
 * reads, and holds nothing of the item's content.
 */
export class PermanentDeliveryFailure extends Error {
  readonly code = 'delivery-permanent';
  readonly logLevel = 'error';
}

/**
 * Nothing was written and the same item will be tried again: something outside the item is missing. Normal while the
 * clinic's set-up is incomplete; the sentence says what to set.
 */
export class TransientDeliveryFailure extends Error {
  readonly code = 'delivery-transient';
  readonly logLevel = 'warn';
}
