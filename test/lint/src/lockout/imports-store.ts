// expect: eslint(no-restricted-imports)
import { memoryStore } from '../store/memory.ts';

export const store = memoryStore;
