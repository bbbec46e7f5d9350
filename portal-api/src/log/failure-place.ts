const FRAMES = 6;

/** What may be said of a failure nobody planned for: class, code and the first places of its stack, without its message. */
export interface FailurePlace {
  kind: string;
  code?: string;
  at: string[];
}

export function placeOf(failure: unknown): FailurePlace {
  if (!(failure instanceof Error)) {
    return { kind: typeof failure, at: [] };
  }
  const code = failureCode(failure);
  const at = (failure.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    kind: failure.constructor.name,
    ...(code === undefined ? {} : { code }),
    at: at.slice(0, FRAMES).map((line) => line.trim()),
  };
}

/** Fixed words of drivers, of Node and of ours. */
export function failureCode(failure: unknown): string | undefined {
  const code: unknown = typeof failure === 'object' && failure !== null && 'code' in failure ? failure.code : undefined;
  return typeof code === 'string' && /^[\w-]{1,60}$/.test(code) ? code : undefined;
}
