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
  const [track] = stream.getVideoTracks();
  video.srcObject = stream;
  await video.play();
  const stopReading = readFrames(video, options.onText);
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

function readFrames(video: HTMLVideoElement, onText: (text: string) => void): () => void {
  let isOver = false;
  const look = async (): Promise<void> => {
    while (!isOver) {
      const text = video.videoWidth === 0 ? undefined : read(video, video.videoWidth, video.videoHeight);
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

/** Widths at which a picture is looked at: photographs of screens read better when they are smaller. */
const pictureWidths = [1600, 800, 2400];

/** The text of the QR code in a picture file; `undefined` where there is none. Throws where the file is no picture. */
export async function readPicture(file: Blob): Promise<string | undefined> {
  const picture = await createImageBitmap(file);
  try {
    for (const longest of pictureWidths) {
      const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
      const text = read(picture, Math.round(picture.width * scale), Math.round(picture.height * scale));
      if (text !== undefined) return text;
    }
    return undefined;
  } finally {
    picture.close();
  }
}

const canvas = document.createElement('canvas');

function read(source: CanvasImageSource, width: number, height: number): string | undefined {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null || width === 0 || height === 0) return undefined;
  context.drawImage(source, 0, 0, width, height);
  try {
    return decode(context.getImageData(0, 0, width, height));
  } catch {
    // No code in it.
    return undefined;
  }
}
