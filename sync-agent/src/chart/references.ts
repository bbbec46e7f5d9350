/** Ids that the references in `value` point to. */
export function idsIn(value: unknown): string[] {
  const found: string[] = [];
  someObject(value, (each) => {
    const id = idOf(each);
    if (id !== undefined) {
      found.push(id);
    }
    return false;
  });
  return found;
}

/** The id at the end of a reference. */
export function idOf({ reference }: Record<string, unknown>): string | undefined {
  return typeof reference === 'string' && reference.includes('/') ? reference.split('/').at(-1) : undefined;
}

/** Whether `test` holds for an object anywhere in `value`. */
export function someObject(value: unknown, test: (each: Record<string, unknown>) => boolean): boolean {
  if (Array.isArray(value)) {
    return value.some((each) => someObject(each, test));
  }
  return isRecord(value) && (test(value) || Object.values(value).some((part) => someObject(part, test)));
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
