/** Settles as the work does; when that takes longer than `limit` milliseconds, an error says what was awaited. */
export async function within<T>(limit: number, what: string, work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    over.reject(new Error(`waited ${String(limit / 1_000)} s in vain for ${what}`));
  }, limit);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
