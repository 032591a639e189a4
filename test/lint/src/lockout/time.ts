// expect: eslint(no-restricted-properties)
export const isExpired = (at: number): boolean => Date.now() > at;
