/** The phone commands alone, for tests that run them as a process of their own. */
import { phoneCommand } from '../../../src/cli/phone/command.ts';

await phoneCommand().parseAsync();
