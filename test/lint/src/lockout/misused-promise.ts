// expect: typescript(no-misused-promises)
async function isBlocked(): Promise<boolean> {
  return false;
}

export function mayTry(): boolean {
  if (isBlocked()) return false;
  return true;
}
