// expect: eslint(no-restricted-imports)
import { port } from '../store/ports.ts';

export const value = port;
