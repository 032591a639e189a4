// expect nothing: what others import
export const buildServer = 1;
