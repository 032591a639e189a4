import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextPicture } from '../../../src/cli/phone/watch.ts';

describe('waiting for a screenshot', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mtoken-watch-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('takes the next picture and none that was there before', async () => {
    await writeFile(join(folder, 'old.png'), 'old');
    const next = nextPicture(folder);
    await writeFile(join(folder, 'notes.txt'), 'no picture');
    await writeFile(join(folder, 'new.PNG'), 'new');
    expect(await next).toBe(join(folder, 'new.PNG'));
  });

  it('takes a picture that is written under another name and renamed', async () => {
    const next = nextPicture(folder);
    await writeFile(join(folder, '.partial.png'), 'picture');
    await rename(join(folder, '.partial.png'), join(folder, 'screenshot.png'));
    expect(await next).toBe(join(folder, 'screenshot.png'));
  });

  it('says so where there is no such folder, and where nothing comes', async () => {
    await expect(nextPicture(join(folder, 'absent'))).rejects.toThrow('no readable folder');
    await expect(nextPicture(folder, 20)).rejects.toThrow('no screenshot came');
  });
});
