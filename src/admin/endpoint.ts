/** What an endpoint of the admin API is, as data: the lists in this folder are served, permitted and documented from it. */
import type { Readable } from 'node:stream';
import type { Static, TSchema } from 'typebox';
import type { Actor } from '../companies/actor.ts';
import type { AdminIdentity } from './identity.ts';
import type { PermissionName } from './permissions.ts';

/** A call whose token, scope and schema were right. */
export interface AdminCall<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly actor: Actor;
  /** The actor as they logged in. */
  readonly caller: AdminIdentity;
}

export interface AdminEndpoint {
  /** Unique, a verb and its object: the operationId of the OpenAPI document, by which the typed client calls it. */
  readonly name: string;
  /** What it does, in one sentence without a full stop. */
  readonly summary: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Below `/admin/v1`. */
  readonly path: string;
  /** Who may call it, and what they must have shown before. */
  readonly permission: PermissionName;
  readonly params: TSchema | undefined;
  readonly query: TSchema | undefined;
  readonly body: TSchema | undefined;
  /** Longest body in bytes; 64 KiB where undefined. */
  readonly bodyLimit: number | undefined;
  /** 200 unless told. */
  readonly status: number;
  /** What `answer` gives; undefined where that is a file. */
  readonly reply: TSchema | undefined;
  /** Content types of the file, where `answer` gives a `StreamedAnswer`. */
  readonly files: readonly string[] | undefined;
  readonly answer: (call: AdminCall<unknown, unknown, unknown>) => Promise<unknown>;
}

/** A file that is made while it is read. An error in it cuts the connection, so that nobody takes a part for the whole. */
export interface StreamedAnswer {
  /** Content type. */
  readonly type: string;
  readonly fileName: string;
  readonly body: Readable;
}

interface Declaration<P extends TSchema, Q extends TSchema, B extends TSchema> {
  readonly name: string;
  readonly summary: string;
  readonly method: AdminEndpoint['method'];
  readonly path: string;
  readonly permission: PermissionName;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly bodyLimit?: number;
  readonly status?: number;
  /** Of protocol/admin-views.ts; left out by a file alone. */
  readonly reply?: TSchema;
  readonly files?: readonly string[];
  readonly answer: (call: AdminCall<Static<P>, Static<Q>, Static<B>>) => Promise<unknown>;
}

/** Declares an endpoint with the types of its schemas. */
export function adminEndpoint<P extends TSchema, Q extends TSchema, B extends TSchema>(
  declared: Declaration<P, Q, B>,
): AdminEndpoint {
  return {
    name: declared.name,
    summary: declared.summary,
    method: declared.method,
    path: declared.path,
    permission: declared.permission,
    params: declared.params,
    query: declared.query,
    body: declared.body,
    bodyLimit: declared.bodyLimit,
    status: declared.status ?? 200,
    reply: declared.reply,
    files: declared.files,
    answer: (call) => declared.answer(call as AdminCall<Static<P>, Static<Q>, Static<B>>),
  };
}
