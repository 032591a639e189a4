// expect: typescript(no-misused-promises)
export function endAll(ids: readonly string[], end: (id: string) => Promise<void>): void {
  ids.forEach(async (id) => {
    await end(id);
  });
}
