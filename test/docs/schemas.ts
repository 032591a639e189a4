/** Makes docs/protocol.schema.json: every message of the app protocol as JSON Schema, for apps in other languages; a test compares. */
import * as biometrics from '../../src/protocol/biometrics.ts';
import * as devices from '../../src/protocol/devices.ts';
import * as envelope from '../../src/protocol/envelope.ts';
import * as inbox from '../../src/protocol/inbox.ts';
import * as orders from '../../src/protocol/orders.ts';
import * as registration from '../../src/protocol/registration.ts';
import * as session from '../../src/protocol/session.ts';
import * as user from '../../src/protocol/user.ts';

/** The text of the document. */
export function protocolSchemas(): string {
  const schemas = { ...envelope, ...registration, ...session, ...biometrics, ...orders, ...inbox, ...devices, ...user };
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'mtoken app protocol, version 1: the messages that docs/protocol.md names',
    $defs: Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => (one < other ? -1 : 1))),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
