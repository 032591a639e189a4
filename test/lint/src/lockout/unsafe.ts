// expect: typescript(no-unsafe-member-access)
export const idOf = (text: string): unknown => JSON.parse(text).id;
