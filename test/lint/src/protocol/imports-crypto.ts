// expect: eslint(no-restricted-imports)
import { leaf } from '../crypto/imports-capability.ts';

export const wire = leaf;
