/**
 * Whether a print is being prepared. What is drawn only for it comes too late to hear `beforeprint` itself, and so begins
 * unfolded and whole. This module listens first: whatever imports it listens later.
 */
export const printing = { isPrepared: false };

addEventListener('beforeprint', () => {
  printing.isPrepared = true;
});
addEventListener('afterprint', () => {
  printing.isPrepared = false;
});
