// expect: eslint(no-restricted-imports)
import { buildServer } from '../server.ts';

export const build = buildServer;
