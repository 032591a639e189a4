/** Makes docs/openapi.json and the types of the admin client from the list of endpoints; tests compare both. */
import { openApiDocument } from '../../src/admin/openapi.ts';
import { adminEndpoints } from '../../src/admin/routes.ts';

/** Every endpoint. The list is data: nothing of its dependencies is touched until an endpoint is called. */
export const listedEndpoints = adminEndpoints({} as Parameters<typeof adminEndpoints>[0]);

/** The text of docs/openapi.json. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(listedEndpoints), null, 2)}\n`;
}
