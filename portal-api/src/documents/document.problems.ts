import { Problem } from '../problems/problem.js';

/** The document is listed and its bytes have not come yet. Normal for minutes after it was filed, and after a restore. */
export class DocumentNotReady extends Problem {
  readonly code = 'document-not-ready';
  readonly status = 503;
  readonly title = 'The document is on its way from the clinic.';
  readonly level = 'info';
  override readonly retryAfter = 30;
}

/** The list says that there are no bytes to this document, and why. */
export class DocumentNotOffered extends Problem {
  readonly code = 'document-not-offered';
  readonly status = 404;
  readonly title = 'This document cannot be opened here.';
  readonly level = 'debug';
}
