/** The types of `authorization_details` that ask for a signature: apart from the provider, so that a command loads nothing of it. */
import { type TemplateName, templateFields, templateVersion } from '../protocol/templates/templates.ts';

/** The template by the type of a detail that asks for it. A change of what a template holds is another version, and so another type. */
export const templateOfType: ReadonlyMap<string, TemplateName> = new Map(
  (Object.keys(templateFields) as TemplateName[]).map((name) => [
    `urn:mtoken:signing:${name}:v${templateVersion}`,
    name,
  ]),
);

/** Every type of detail that there is. */
export const detailTypes: readonly string[] = [...templateOfType.keys()];
