/** A fake camera that sees what a page shows: each screenshot is a frame of Motion JPEG, taken up when the camera is opened. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

export interface FakeCamera {
  /** For {@link launchChromium}. */
  readonly flags: readonly string[];
  /** Holds the camera in front of the page. */
  readonly pointAt: (page: Page) => Promise<void>;
}

export function fakeCamera(directory: string): FakeCamera {
  const file = join(directory, 'camera.mjpeg');
  return {
    flags: ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${file}`],
    pointAt: async (page) => {
      await writeFile(`${file}.new`, await page.screenshot({ type: 'jpeg', quality: 90 }));
      await rename(`${file}.new`, file);
    },
  };
}
