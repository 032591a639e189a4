/** Reads the data keys from their files. */
import type { DataKey } from '../crypto/sealing.ts';
import { readDataKeyText } from './data-key-file.ts';
import type { KeyFile } from './kinds.ts';
import type { ConfigProblem, ConfigSources } from './problem.ts';
import { settings } from './settings.ts';

/** A data key and what its file told about it. */
export interface FiledDataKey extends DataKey {
  readonly isGenerated: boolean;
}

/** The keys in their order; a file that cannot be read or holds no key becomes a problem, and its bytes are never told. */
export function readDataKeyFiles(
  files: readonly KeyFile[],
  sources: ConfigSources,
  problems: ConfigProblem[],
): FiledDataKey[] {
  return files.flatMap(({ id, path }) => {
    let text: string;
    try {
      text = sources.readFile(path);
    } catch {
      problems.push({ name: settings.dataKeyFiles.name, expected: 'a file that can be read', found: path });
      return [];
    }
    const result = readDataKeyText(text);
    if (result.outcome === 'key') return [{ id, key: result.key, isGenerated: result.isGenerated }];
    const expected = '32 bytes as base64 or as 64 hex digits in every file';
    problems.push({ name: settings.dataKeyFiles.name, expected, found: `something else in ${path}` });
    return [];
  });
}
