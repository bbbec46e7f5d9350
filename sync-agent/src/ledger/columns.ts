import type { ValueTransformer } from 'typeorm';

/** Ids and digests are hex text in the program and bytes in the table. */
export const hexColumn: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? Buffer.from(value, 'hex') : value),
  from: (value: unknown) => (Buffer.isBuffer(value) ? value.toString('hex') : value),
};

/** UUIDs as 16 bytes. */
export const uuidColumn: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? Buffer.from(value.replaceAll('-', ''), 'hex') : value),
  from: (value: unknown) =>
    Buffer.isBuffer(value)
      ? value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      : value,
};

/** Whole numbers up to 2^53; the driver hands BIGINT over as text. */
export const wholeColumn: ValueTransformer = {
  to: (value: unknown) => value,
  from: (value: unknown) => (typeof value === 'string' ? Number(value) : value),
};

/** JSON as text, so that what is read is exactly what was written. */
export const jsonColumn: ValueTransformer = {
  to: (value: unknown) => (value === null || value === undefined ? value : JSON.stringify(value)),
  from: (value: unknown): unknown => (typeof value === 'string' ? JSON.parse(value) : value),
};
