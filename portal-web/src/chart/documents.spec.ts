import { describe, expect, it } from '@jest/globals';
import { fileKind, fileSize, readDocuments } from './documents.js';

const reference = {
  resourceType: 'DocumentReference',
  id: 'a',
  category: [{ text: 'Lab Report' }],
  date: '2026-11-22T10:00:00-05:00',
  content: [{ attachment: { title: 'x.pdf', contentType: 'application/pdf', size: 3, creation: '2026-11-20' } }],
};

describe('the list of documents', () => {
  it('has each document with what the section says of its bytes', () => {
    const resources = ['a', 'b', 'c', 'd'].map((id) => ({ ...reference, id }));
    const contents = [
      { documentId: 'a', state: 'held', size: 2_000 },
      { documentId: 'b', state: 'waiting' },
      { documentId: 'c', state: 'none', reason: 'too-large' },
    ];
    expect(readDocuments(resources, contents).map(({ id, state, size }) => [id, state, size])).toEqual([
      ['a', 'ready', 2_000],
      ['b', 'waiting', 3],
      ['c', 'too-large', 3],
      ['d', 'waiting', 3],
    ]);
    expect(readDocuments(resources, contents)[0]).toMatchObject({
      name: 'x.pdf',
      category: 'Lab Report',
      date: '2026-11-20',
    });
  });

  it.each([
    ['no content', { ...reference, content: undefined }],
    ['a content of another shape', { ...reference, content: 'x', category: 5, date: {} }],
    ['an attachment of another shape', { ...reference, content: [{ attachment: [] }] }],
  ])('survives %s', (_what, odd) => {
    expect(readDocuments([odd, null, 7, { resourceType: 'Organization', id: 'o' }], [null, 'x', {}])).toMatchObject([
      { id: 'a', name: '', state: 'waiting' },
    ]);
  });
});

describe('a file', () => {
  it.each([
    ['application/pdf', 'pdf'],
    ['image/JPEG', 'image'],
    ['text/plain; charset=utf-8', 'text'],
    ['text/xml', 'xml'],
    ['application/xml; charset=utf-8', 'xml'],
    ['text/html', 'other'],
    ['', 'other'],
  ])('of type %j is called %s', (type, kind) => {
    expect(fileKind(type)).toBe(kind);
  });

  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KB'],
    [200_000, '195 KB'],
    [1_500_000, '1.4 MB'],
    [52_428_800, '50 MB'],
  ])('of %d bytes has %s', (bytes, words) => {
    expect(fileSize(bytes, String)).toBe(words);
  });
});
