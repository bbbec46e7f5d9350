import type { FileKind, FiledDocument } from '../chart/documents.js';

const KINDS: Record<FileKind, string> = { pdf: 'PDF', image: 'Image', text: 'Text', other: 'File' };

const STATES: Record<Exclude<FiledDocument['state'], 'ready'>, string> = {
  waiting: 'On its way from the clinic. It can be opened here in a few minutes.',
  'too-large': 'Too large to be opened here. Please ask the clinic for a copy.',
  missing: 'The clinic’s system has no file for this entry. Please ask the clinic.',
  'no-file': 'There is no file to this entry. Please ask the clinic.',
  'not-offered': 'This clinic does not offer documents for opening here. Please ask for a copy.',
};

/** Words of the page of documents. */
export const documentsText = {
  title: 'Documents',
  lead: 'What the clinic has filed in your record. Opening a document is noted in the access history.',
  none: 'The clinic has filed no documents in your record.',
  noneStale: 'No documents had come when the clinic was last heard.',
  more: (n: number) => `Show ${String(Math.min(n, 50))} more`,
  unnamed: 'Document without a name',
  kind: (kind: FileKind) => KINDS[kind],
  state: (state: Exclude<FiledDocument['state'], 'ready'>) => STATES[state],
  open: 'Open',
  opensInNewTab: 'opens in a new tab',
  save: 'Save',
  show: 'Show',
  hide: 'Hide',
  notShown: 'This image cannot be shown. It may still be on its way, or is no image.',
};
