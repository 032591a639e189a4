/** The data keys that seal what is stored: those of the configuration, or in development one that is made once. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { generatedKeyText, readDataKeyText } from '../config/data-key-file.ts';
import type { DataKey } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';

/** Id of the key that development makes. */
const developmentKeyId = 'development';

/** The keys, primary first. `onGenerated` is told where one was made. Throws `internal` where the file holds something else. */
export async function dataKeysOf(
  { dataKeys, dataDir }: Pick<Config, 'dataKeys' | 'dataDir'>,
  onGenerated: (path: string) => void,
): Promise<readonly DataKey[]> {
  if (dataKeys.length > 0) return dataKeys;
  const path = join(dataDir, 'data.key');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // `wx`: of several processes that start at once one makes the key and all read the same.
  const isMade = await writeFile(path, generatedKeyText(randomBytes(32)), { mode: 0o600, flag: 'wx' }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    },
  );
  if (isMade) onGenerated(path);
  const result = readDataKeyText(await readFile(path, 'utf8'));
  if (result.outcome === 'unfit') throw new AuthError('internal', { detail: `${path} holds no data key` });
  return [{ id: developmentKeyId, key: result.key }];
}
