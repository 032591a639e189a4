/** How the pages look as a bank's own: name, logo and colours, each judged before anything starts. */
import { leastContrast, pageContrast, readable, type Theme, textOn, tintContrast } from './colours.ts';
import { judgeLogo, type Logo, maxLogoBytes } from './logo.ts';
import type { ConfigProblem, ConfigSources } from './problem.ts';
import { type SettingValues, settings } from './settings.ts';

/** A colour, and the colour of text on it; `#rrggbb`. */
export interface BrandColour {
  readonly accent: string;
  readonly onAccent: string;
}

export interface Brand {
  readonly name: string;
  readonly logo: Logo | undefined;
  /** Where the bank has a colour of its own: for both themes. */
  readonly colours: Readonly<Record<Theme, BrandColour>> | undefined;
}

/** What the settings say; a colour that cannot be read, or a picture that is more than a picture, becomes a problem. */
export function readBrand(values: SettingValues, sources: ConfigSources, problems: ConfigProblem[]): Brand {
  const { brandName, brandLogo, brandColour, brandColourDark } = values;
  if (brandColour !== undefined) problems.push(...colourProblems(settings.brandColour.name, brandColour, 'light'));
  if (brandColourDark !== undefined)
    problems.push(...colourProblems(settings.brandColourDark.name, brandColourDark, 'dark'));
  if (brandColour === undefined && brandColourDark !== undefined) {
    const expected = `${settings.brandColour.name} beside it: this one is for dark mode alone`;
    problems.push({ name: settings.brandColourDark.name, expected, found: 'it alone' });
  }
  return {
    name: brandName,
    logo: brandLogo === undefined ? undefined : readLogo(brandLogo, sources, problems),
    colours:
      brandColour === undefined
        ? undefined
        : {
            light: withText(brandColour),
            dark: withText(brandColourDark ?? readable(brandColour, 'dark', tintContrast)),
          },
  };
}

const withText = (accent: string): BrandColour => ({ accent, onAccent: textOn(accent) });

function colourProblems(name: string, colour: string, theme: Theme): ConfigProblem[] {
  const reached = pageContrast(colour, theme);
  if (reached >= leastContrast) return [];
  const expected = `a colour that can be read on the ${theme} page (contrast of ${leastContrast}:1, WCAG 2.2), such as ${readable(colour, theme)}`;
  // Rounded down: 4.49 is not 4.5.
  return [{ name, expected, found: `${colour} (${(Math.floor(reached * 100) / 100).toFixed(2)}:1)` }];
}

function readLogo(path: string, sources: ConfigSources, problems: ConfigProblem[]): Logo | undefined {
  const { name } = settings.brandLogo;
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(Buffer.from(sources.readFile(path, 'latin1'), 'latin1'));
  } catch {
    problems.push({ name, expected: 'a file that can be read', found: path });
    return undefined;
  }
  const result = judgeLogo(bytes);
  if (result.outcome === 'logo') return result.logo;
  const expected = `a PNG, WebP or plain SVG file (a drawing alone, in UTF-8, with a viewBox) of at most ${maxLogoBytes / 1024} KiB`;
  problems.push({ name, expected, found: `${result.found} in ${path}` });
  return undefined;
}
