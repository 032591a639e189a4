// expect: eslint(no-restricted-imports)
import { value } from '../lockout/imports-port-value.ts';

export const leaf = value;
