// expect: typescript(only-throw-error)
export function refuse(): never {
  throw 'blocked';
}
