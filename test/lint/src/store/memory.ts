// expect nothing: what others import
export const memoryStore = 1;
