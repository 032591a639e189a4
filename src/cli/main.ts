#!/usr/bin/env node
/** `mtoken`: the operator's command and the simulated phone. */
import { execute } from './execute.ts';
import { outliveReader } from './output.ts';

outliveReader();
const exit = await execute(process.argv.slice(2));
// A command that did what it was asked may still have set a code of its own.
if (exit !== 0) process.exitCode = exit;
