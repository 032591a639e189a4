/** Writes the documents that are made from the code: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationDocument } from '../src/config/document.ts';
import { adminOperationsText } from '../test/docs/admin-operations.ts';
import { openApiText } from '../test/docs/openapi.ts';
import { withPermissionTable } from '../test/docs/permission-table.ts';
import { withWorkedExample } from '../test/docs/render.ts';
import { protocolSchemas } from '../test/docs/schemas.ts';

const protocol = new URL('../docs/protocol.md', import.meta.url);
const administration = new URL('../docs/administration.md', import.meta.url);

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationDocument());
writeFileSync(new URL('../docs/protocol.schema.json', import.meta.url), protocolSchemas());
writeFileSync(protocol, withWorkedExample(readFileSync(protocol, 'utf8')));
writeFileSync(administration, withPermissionTable(readFileSync(administration, 'utf8')));

const openApi = openApiText();
writeFileSync(new URL('../docs/openapi.json', import.meta.url), openApi);
writeFileSync(new URL('../src/admin-client/operations.ts', import.meta.url), adminOperationsText(openApi));
