/**
 * Calls `action` for each item with at most `concurrency` calls in progress; returns their results in
 * order. After a failure nothing more is begun; it is thrown once the calls in progress have ended.
 */
export async function runAhead<T, R>(
  items: readonly T[],
  concurrency: number,
  action: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (!failure && next < items.length) {
      const index = next++;
      try {
        results[index] = await action(items[index] as T);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  if (failure) throw (failure as { readonly error: unknown }).error;
  return results;
}
