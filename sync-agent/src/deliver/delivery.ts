/** What a delivery comes to in the ledger, committed together with the rows it wrote in OpenEMR. */
export interface Effect {
  /** REFUSED is an answer like DONE: the stream goes on */
  state: 'DONE' | 'REFUSED';
  reason: string | null;
  /** ids and codes; never content */
  effect: Readonly<Record<string, string | number | boolean>>;
}
