/** The camera and pictures as a source of QR codes. Pictures stay in memory and go nowhere (P-26). */
import decode from 'qr/decode.js';

/** Why there is no camera. */
export type CameraProblem = 'denied' | 'absent' | 'busy';

export interface Camera {
  /** Every camera of the phone, once one was allowed. */
  readonly cameras: readonly { readonly id: string; readonly label: string }[];
  readonly activeId: string | undefined;
  /** Switches the light; `undefined` where there is none. */
  readonly setTorch: ((isOn: boolean) => Promise<void>) | undefined;
  readonly stop: () => void;
}

/** Members of the torch, which the types of browsers lack. */
type TorchCapabilities = MediaTrackCapabilities & { readonly torch?: boolean };
type TorchConstraints = MediaTrackConstraintSet & { readonly torch: boolean };

/** Opens a camera, the one at the back unless told another, and calls `onText` with every code that it sees, also the same again. */
export async function openCamera(
  video: HTMLVideoElement,
  options: { readonly id: string | undefined; readonly onText: (text: string) => void },
): Promise<Camera> {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  const which =
    options.id === undefined ? { facingMode: { ideal: 'environment' } } : { deviceId: { exact: options.id } };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...size, ...which } });
  try {
    return await watch(video, stream, options.onText);
  } catch (error) {
    // Who left the screen meanwhile took the picture away: the camera must not stay on.
    for (const one of stream.getTracks()) one.stop();
    throw error;
  }
}

async function watch(video: HTMLVideoElement, stream: MediaStream, onText: (text: string) => void): Promise<Camera> {
  const [track] = stream.getVideoTracks();
  video.srcObject = stream;
  await video.play();
  const stopReading = readFrames(video, onText);
  const devices = await navigator.mediaDevices.enumerateDevices();
  const cameras = devices
    .filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '')
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
  const capabilities: TorchCapabilities = track?.getCapabilities?.() ?? {};
  const setTorch = async (torch: boolean): Promise<void> =>
    track?.applyConstraints({ advanced: [{ torch } as TorchConstraints] });
  return {
    cameras,
    activeId: track?.getSettings().deviceId,
    setTorch: capabilities.torch === true ? setTorch : undefined,
    stop: () => {
      stopReading();
      for (const one of stream.getTracks()) one.stop();
      video.srcObject = null;
    },
  };
}

/** What a failed {@link openCamera} means. */
export function cameraProblem(error: unknown): CameraProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'absent';
}

/** Pause between two looks, so that a slow phone keeps up with the person. */
const restMs = 40;
/** Browsers that do not paint the page never tell of a new frame. */
const frameWaitMs = 200;

/**
 * How a picture is looked at, one way after the other. A code that is held still may be unreadable one way, frame after frame, and
 * plain another: a little blur takes away what screens and cameras make of sharp edges (moiré, sharpening, dithering).
 */
const looks = [
  { scale: 1, blur: false },
  { scale: 1, blur: true },
  { scale: 0.6, blur: false },
  { scale: 0.75, blur: true },
] as const;

function readFrames(video: HTMLVideoElement, onText: (text: string) => void): () => void {
  let isOver = false;
  const look = async (): Promise<void> => {
    for (let turn = 0; !isOver; turn += 1) {
      const { scale, blur } = looks[turn % looks.length] ?? looks[0];
      const [width, height] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
      const text = read(video, { width, height, blur, timeLimit: restMs });
      if (text !== undefined) onText(text);
      await nextFrame(video);
      await new Promise<void>((resolve) => {
        setTimeout(resolve, restMs);
      });
    }
  };
  void look();
  return () => {
    isOver = true;
  };
}

async function nextFrame(video: HTMLVideoElement): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, frameWaitMs);
    video.requestVideoFrameCallback?.(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Photographs of screens read better when they are smaller. */
const longestPicture = 1600;
const pictureTimeMs = 500;

/** The text of the QR code in a picture file; `undefined` where there is none. Throws where the file is no picture. */
export async function readPicture(file: Blob): Promise<string | undefined> {
  const picture = await createImageBitmap(file);
  try {
    const most = Math.min(1, longestPicture / Math.max(picture.width, picture.height));
    for (const { scale, blur } of looks) {
      const [width, height] = [Math.round(picture.width * most * scale), Math.round(picture.height * most * scale)];
      const text = read(picture, { width, height, blur, timeLimit: pictureTimeMs });
      if (text !== undefined) return text;
    }
    return undefined;
  } finally {
    picture.close();
  }
}

const canvas = document.createElement('canvas');

interface Look {
  readonly width: number;
  readonly height: number;
  readonly blur: boolean;
  /** Milliseconds for second tries; the decoder's own limit is too short for a slow phone. */
  readonly timeLimit: number;
}

function read(source: CanvasImageSource, { width, height, blur, timeLimit }: Look): string | undefined {
  if (width === 0 || height === 0) return undefined;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) return undefined;
  context.filter = blur ? 'blur(1.2px)' : 'none';
  context.drawImage(source, 0, 0, width, height);
  try {
    return decode(context.getImageData(0, 0, width, height), { timeLimit });
  } catch {
    // No code in it.
    return undefined;
  }
}
