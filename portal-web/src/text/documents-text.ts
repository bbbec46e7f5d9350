import type { FileKind, FiledDocument } from '../chart/documents.js';
import { ccdText } from './ccd-text.js';

const KINDS: Record<FileKind, string> = { pdf: 'PDF', image: 'Image', text: 'Text', xml: 'XML', other: 'File' };

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
  name: ({ name, ccd }: Pick<FiledDocument, 'name' | 'ccd'>) =>
    ccd !== null ? ccdText.name : name === '' ? 'Document without a name' : name,
  kind: (kind: FileKind) => KINDS[kind],
  /** why it cannot be opened or saved; null when it can. @param stale as of `ccdText.state` */
  state: ({ state, ccd }: Pick<FiledDocument, 'state' | 'ccd'>, stale: boolean) =>
    state === 'ready' ? null : ccd === null ? STATES[state] : ccdText.state(state, stale),
  open: 'Open',
  opensInNewTab: 'opens in a new tab',
  save: 'Save',
  show: 'Show',
  hide: 'Hide',
  notShown: 'This image cannot be shown. It may still be on its way, or is no image.',
};
