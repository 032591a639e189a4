// expect: eslint(no-console)
export const tell = (text: string): void => console.log(text);
