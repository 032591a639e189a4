// expect: eslint(no-restricted-imports)
import { randomBytes } from 'node:crypto';

export const bytes = randomBytes;
