// expect: typescript(return-await)
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return work();
  } catch {
    return undefined;
  }
}
