/** Draws a frame as a QR code: black on white also in dark mode, a quiet zone of four modules, error correction M. */
// The package has no types for this part; whoever compiles this file needs ours.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./qrcode-core.d.ts" />
import { create } from 'qrcode/lib/core/qrcode.js';

const quietZone = 4;
const svgNamespace = 'http://www.w3.org/2000/svg';

/** The dark modules as one SVG path in module units, and the width with the quiet zone. */
export function qrPath(text: string): { readonly path: string; readonly width: number } {
  const { modules } = create(text, { errorCorrectionLevel: 'M' });
  let path = '';
  for (let row = 0; row < modules.size; row += 1) {
    let column = 0;
    while (column < modules.size) {
      const start = column;
      while (column < modules.size && modules.get(row, column) !== 0) column += 1;
      const run = column - start;
      if (run > 0) path += `M${start + quietZone} ${row + quietZone}h${run}v1h-${run}z`;
      column += 1;
    }
  }
  return { path, width: modules.size + 2 * quietZone };
}

/** Puts the code for `text` into the element. The old one stays until the new one is ready, so that it is never blank. */
export function drawQr(element: HTMLElement, text: string): void {
  if (element.dataset['frame'] === text) return;
  const { path, width } = qrPath(text);
  const svg = document.createElementNS(svgNamespace, 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${width}`);
  svg.setAttribute('shape-rendering', 'crispEdges');
  svg.setAttribute('aria-hidden', 'true');
  const ground = document.createElementNS(svgNamespace, 'rect');
  ground.setAttribute('width', String(width));
  ground.setAttribute('height', String(width));
  ground.setAttribute('fill', '#fff');
  const dark = document.createElementNS(svgNamespace, 'path');
  dark.setAttribute('d', path);
  dark.setAttribute('fill', '#000');
  svg.append(ground, dark);
  element.replaceChildren(svg);
  // What the code shows anyway, for tests and for tools that read instead of looking.
  element.dataset['frame'] = text;
}
