/** Colours as WCAG 2.2 compares them: contrast, the text that a colour carries, and the nearest colour that can be read. */

/** Least contrast of text to what is behind it (1.4.3, AA). */
export const leastContrast = 4.5;

/** What text stands on in the pages, as `src/web/design/tokens.css` says; a test compares. */
export const pageGrounds = {
  light: { ground: '#f3f5f8', card: '#ffffff', notice: '#eef1f5' },
  dark: { ground: '#0f1217', card: '#191e26', notice: '#242c37' },
} as const;

export type Theme = keyof typeof pageGrounds;

/** `#rrggbb`. */
type Colour = string;

const channels = (colour: Colour): number[] => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** Relative luminance, 0 for black to 1 for white. */
function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of two colours, 1 to 21. */
export function contrast(one: Colour, other: Colour): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** The least contrast of a colour to anything that it stands on in the pages of a theme. */
export function pageContrast(colour: Colour, theme: Theme): number {
  return Math.min(...Object.values(pageGrounds[theme]).map((ground) => contrast(colour, ground)));
}

/** Contrast of a tint that nobody chose: text of the least contrast looks as if it were switched off in the dark (1.4.6, AAA). */
export const tintContrast = 7;

/** Text on a surface of this colour: white where that can be read, black otherwise; one of the two always can. */
export function textOn(colour: Colour): '#ffffff' | '#000000' {
  return contrast(colour, '#ffffff') >= leastContrast ? '#ffffff' : '#000000';
}

/** The colour itself where it has `least` contrast in the theme's pages; otherwise the first that has, on the way to black or to white. */
export function readable(colour: Colour, theme: Theme, least = leastContrast): Colour {
  const end = theme === 'light' ? 0 : 255;
  for (let part = 0; part <= 100; part += 1) {
    const mixed = channels(colour).map((channel) => Math.round(channel + ((end - channel) * part) / 100));
    const candidate = `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
    if (pageContrast(candidate, theme) >= least) return candidate;
  }
  return theme === 'light' ? '#000000' : '#ffffff';
}
