import type { ValueTransformer } from 'typeorm';

interface BinaryColumn {
  type: 'binary';
  length: number;
  transformer: ValueTransformer;
}

/** Hex strings in TypeScript, bytes in the table: half the size, and compared without a collation. */
export const hexColumn: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? hexBytes(value) : value),
  from: (value: unknown) => (Buffer.isBuffer(value) ? value.toString('hex') : value),
};

/** UUIDs in their usual writing in TypeScript, 16 bytes in the table. */
export const uuidColumn: ValueTransformer = {
  to: (value: unknown) => (typeof value === 'string' ? uuidBytes(value) : value),
  from: (value: unknown) => (Buffer.isBuffer(value) ? uuidText(value) : value),
};

/** `@PrimaryColumn(binary(16))`: hex outside, `BINARY(length)` inside. @param length bytes */
export function binary(length: number): BinaryColumn {
  return { type: 'binary', length, transformer: hexColumn };
}

export function uuid(): BinaryColumn {
  return { type: 'binary', length: 16, transformer: uuidColumn };
}

/** For statements written in SQL, where TypeORM's transformers do not apply. */
export function hexBytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

export function uuidBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

export function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
