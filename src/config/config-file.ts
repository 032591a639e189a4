/** The optional configuration file: a JSON object with the names of the environment's settings. */
import { parseStrictJson } from '../crypto/strict-json.ts';
import type { ConfigProblem, ConfigSources } from './problem.ts';

/** The file's values as texts; an empty map where `MTOKEN_CONFIG` is not set. Problems are appended. */
export function readConfigFile(sources: ConfigSources, problems: ConfigProblem[]): Map<string, string> {
  const path = sources.env['MTOKEN_CONFIG'];
  if (path === undefined || path === '') return new Map();
  const refuse = (expected: string, found: string): Map<string, string> => {
    problems.push({ name: 'MTOKEN_CONFIG', expected, found });
    return new Map();
  };
  let text: string;
  try {
    text = sources.readFile(path);
  } catch {
    return refuse('a file that can be read', path);
  }
  let content: unknown;
  try {
    content = parseStrictJson(text);
  } catch {
    return refuse('a file with a JSON object, no name twice', `${path}, which is not that`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return refuse('a JSON object', `${path}, which holds something else`);
  }
  return new Map(Object.entries(content).flatMap(([name, value]) => entry(name, value, problems)));
}

function entry(name: string, value: unknown, problems: ConfigProblem[]): [string, string][] {
  if (typeof value === 'string') return [[name, value]];
  if (typeof value === 'number' || typeof value === 'boolean') return [[name, String(value)]];
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return [[name, value.join(',')]];
  problems.push({ name, expected: 'a string, number, boolean or list of strings in the file', found: typeof value });
  return [];
}
