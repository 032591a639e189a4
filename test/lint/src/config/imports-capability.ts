// expect: eslint(no-restricted-imports)
import { code } from '../lockout/random.ts';

export const setting = code;
