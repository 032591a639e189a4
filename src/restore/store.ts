/** What the look for a restored backup needs of a store. */

/** What only the look for a restored backup, and the drill after one, need of the database. */
export interface RestoreStore {
  /** The name that the first server gave to the trail of this database, and a backup holds too; undefined where none has served yet. */
  trailName(): Promise<string | undefined>;
  /** Gives it the name unless it has one; the name that it has. */
  nameTrail(name: string, at: number): Promise<string>;
  /** Notes a key as registered for ever whose device this database does not know. */
  keepKey(key: { readonly thumbprint: string; readonly deviceId: string; readonly purpose: KeyPurpose }): Promise<void>;
}

export type KeyPurpose = 'device' | 'biometric';

/** The newest head of a trail that was seen, and of which trail. */
export interface SeenHead {
  readonly trail: string;
  readonly seq: number;
  readonly hash: string;
}

/** What remembers the head outside of the database, so that a restored backup can be told (decision 0016). */
export interface Witness {
  /** Where it is kept, for people. */
  readonly where: string;
  read(): Promise<SeenHead | undefined>;
  /** Notes a head; never an older one of the same trail. */
  raise(head: SeenHead): Promise<void>;
  /** Notes a head whatever was noted before: for the restore drill alone. */
  replace(head: SeenHead): Promise<void>;
}
