/** The screens that take a code: from the camera, from a picture, as text. */

import { button, element, field, form } from '../design/dom.ts';
import type { App } from './app.ts';
import { type Camera, cameraProblem, openCamera, readPicture } from './camera.ts';

interface CodeTaker {
  /** What to do with a text; what it throws is said on the screen, and scanning goes on. */
  readonly onText: (text: string) => Promise<void>;
  /** What to do after `onText` succeeded. */
  readonly next: () => void;
  readonly paste: () => void;
  /** Where a short code does as well. */
  readonly typed?: () => void;
  readonly back: () => void;
  readonly isPrivate: boolean;
}

/** Shows what the camera sees and takes the first code that fits. */
export function showScan(app: App, taker: CodeTaker): void {
  const { t } = app;
  const scanner = createScanner(app, taker);
  const picture = element('input', {
    id: 'picture',
    class: 'only-heard',
    attributes: { type: 'file', accept: 'image/*', tabindex: '-1', 'aria-hidden': 'true' },
  });
  picture.addEventListener('change', () => void takePicture(app, picture, scanner.take));
  app.show({
    name: 'scan',
    title: t('scan.title'),
    isPrivate: taker.isPrivate,
    content: [
      scanner.finder,
      scanner.controls,
      element(
        'div',
        { class: 'row' },
        button(t('scan.picture'), () => picture.click(), 'quiet'),
        button(t('scan.paste'), taker.paste, 'quiet'),
      ),
      taker.typed && button(t('scan.typed'), taker.typed, 'quiet'),
      picture,
      button(t('act.back'), taker.back, 'quiet'),
    ],
    onLeave: scanner.stop,
  });
  scanner.start();
}

async function takePicture(app: App, input: HTMLInputElement, take: (text: string) => void): Promise<void> {
  const [file] = input.files ?? [];
  input.value = '';
  if (file === undefined) return;
  try {
    const text = await readPicture(file);
    if (text === undefined) app.say(app.t('scan.noCode'));
    else take(text);
  } catch {
    app.say(app.t('scan.badPicture'));
  }
}

interface Scanner {
  readonly finder: HTMLElement;
  readonly controls: HTMLElement;
  readonly start: () => void;
  readonly stop: () => void;
  readonly take: (text: string) => void;
}

function createScanner(app: App, taker: CodeTaker): Scanner {
  const video = element('video', { attributes: { playsinline: '', 'aria-label': app.t('scan.video') } });
  video.muted = true;
  const finder = element('div', { class: 'finder' }, video);
  const controls = element('div', { class: 'row controls' });
  let camera: Camera | undefined;
  let turn = 0;
  let lastText: string | undefined;
  let isTaking = false;
  const take = (text: string): void => {
    lastText = text;
    isTaking = true;
    const retry = (): void => take(text);
    void app
      .run(() => taker.onText(text), taker.next, { retry })
      .finally(() => {
        isTaking = false;
      });
  };
  const stop = (): void => {
    turn += 1;
    camera?.stop();
    camera = undefined;
  };
  const open = async (id?: string): Promise<void> => {
    stop();
    const mine = turn;
    try {
      // The code just refused stays in the picture for a while: it is not taken again and again.
      const onText = (text: string): void => {
        if (text !== lastText && !isTaking) take(text);
      };
      const opened = await openCamera(video, { id, onText });
      // The person may have gone elsewhere meanwhile: the camera must not stay on.
      if (mine !== turn) return opened.stop();
      camera = opened;
      finder.hidden = false;
      showControls(app, { camera, controls, open });
    } catch (error) {
      if (mine !== turn) return;
      app.say(app.t(`scan.${cameraProblem(error)}`));
      finder.hidden = true;
    }
  };
  const onVisibility = (): void => {
    if (document.visibilityState === 'hidden') stop();
    else if (camera === undefined) void open();
  };
  return {
    finder,
    controls,
    take,
    start: () => {
      document.addEventListener('visibilitychange', onVisibility);
      void open();
    },
    stop: () => {
      document.removeEventListener('visibilitychange', onVisibility);
      stop();
    },
  };
}

interface Controls {
  readonly camera: Camera;
  readonly controls: HTMLElement;
  readonly open: (id: string) => Promise<void>;
}

function showControls(app: App, { camera, controls, open }: Controls): void {
  const { t } = app;
  const { setTorch, cameras, activeId } = camera;
  controls.replaceChildren();
  if (setTorch !== undefined) {
    const torch = button(t('scan.torch'), () => void switchTorch(app, torch, setTorch), 'quiet');
    torch.setAttribute('aria-pressed', 'false');
    controls.append(torch);
  }
  if (cameras.length < 2) return;
  const select = element('select', { id: 'camera' });
  for (const [index, { id, label }] of cameras.entries()) {
    const option = element('option', { text: label || t('scan.cameraNumber', { number: index + 1 }) });
    option.value = id;
    option.selected = id === activeId;
    select.append(option);
  }
  select.addEventListener('change', () => void open(select.value));
  controls.append(
    element(
      'div',
      { class: 'field' },
      element('label', { text: t('scan.camera'), attributes: { for: 'camera' } }),
      select,
    ),
  );
}

async function switchTorch(
  app: App,
  torch: HTMLButtonElement,
  setTorch: (isOn: boolean) => Promise<void>,
): Promise<void> {
  const isOn = torch.getAttribute('aria-pressed') !== 'true';
  try {
    await setTorch(isOn);
    torch.setAttribute('aria-pressed', String(isOn));
  } catch {
    app.say(app.t('scan.torchOff'));
  }
}

/** Takes a code as text. */
export function showPaste(app: App, taker: Omit<CodeTaker, 'paste' | 'typed'>): void {
  const { t } = app;
  const { row, input } = field({
    name: 'code-text',
    label: t('paste.label'),
    attributes: { inputmode: 'url', maxlength: '512' },
  });
  const submit = (): void => {
    void app.run(() => taker.onText(input.value), taker.next, { retry: submit });
  };
  app.show({
    name: 'paste',
    title: t('paste.title'),
    isPrivate: taker.isPrivate,
    content: [
      form(submit, row, element('button', { text: t('act.continue'), attributes: { type: 'submit' } })),
      button(t('act.back'), taker.back, 'quiet'),
    ],
  });
}
