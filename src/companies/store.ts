/** What companies and users need of a store. */
import type { StaffRole } from './roles.ts';
import type { CompanyRules } from './rules.ts';

export interface Company {
  readonly id: string;
  readonly name: string;
  readonly status: 'active' | 'suspended' | 'closed';
  /** How many users that are not removed the company may have. */
  readonly userLimit: number;
  /** How many devices that are not ended a user may have. */
  readonly deviceLimit: number;
  /** False: a corporate administrator must approve every registration. */
  readonly selfActivation: boolean;
  /** Fewest digits of an mPIN, 5 to 8. */
  readonly mpinLength: number;
  readonly rules: CompanyRules;
  /** True for the one company whose users are the bank's own people. */
  readonly isBank: boolean;
  readonly createdAt: number;
  readonly version: number;
}

/** The identity document by which a user is linked to an individual. */
export interface UserDocument {
  /** As the company knows it: a number, a file, a record. 1 to 64 characters, kept sealed. */
  readonly reference: string;
  /** Epoch-milliseconds; the administrators are warned thirty days before. */
  readonly expiresAt: number | undefined;
}

export interface User {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  readonly role: 'user' | 'administrator';
  /** Only of users of the bank's own company: what they are there. */
  readonly staffRole: StaffRole | undefined;
  readonly permissions: 'mtoken' | 'full';
  /** As portals are told it. */
  readonly locale: string;
  /** In which mtoken writes to them, one of `texts/languages.ts`; undefined: nobody has chosen. */
  readonly language: string | undefined;
  readonly document: UserDocument | undefined;
  readonly status: 'invited' | 'active' | 'suspended' | 'removed';
  readonly createdAt: number;
  readonly version: number;
}

export interface Page {
  /** Rows with an id greater than this one. */
  readonly after?: string;
  /** 1 to 200. */
  readonly limit: number;
}

export interface CompanyStore {
  insert(company: Company): Promise<void>;
  find(id: string): Promise<Company | undefined>;
  /** The bank's own company; undefined before `mtoken bootstrap` made it. */
  findBank(): Promise<Company | undefined>;
  list(page: Page): Promise<Company[]>;
  /** Writes name, status, policies and rules; false where `version` is stale. Raises the version. */
  update(company: Company): Promise<boolean>;
  /** Takes one place of the user limit in one step; false where none is left. */
  takeUserPlace(companyId: string): Promise<boolean>;
  freeUserPlace(companyId: string): Promise<void>;
}

export interface UserStore {
  /** Throws `already_exists` where the company has a user with that e-mail, however it is written. */
  insert(user: User): Promise<void>;
  find(id: string): Promise<User | undefined>;
  /** Finds across spellings: the address is compared in its canonical form. */
  findByEmail(companyId: string, email: string): Promise<User | undefined>;
  list(companyId: string | undefined, page: Page): Promise<User[]>;
  administrators(companyId: string): Promise<User[]>;
  /** Writes name, role, staff role, permissions, locale, document and status; false where `version` is stale. Raises the version. */
  update(user: User): Promise<boolean>;
  /**
   * Writes the language alone and leaves the version: a phone that sets it can be in nobody's way. False where it is that already, or
   * the user is removed or unknown.
   */
  setLanguage(userId: string, language: string | undefined): Promise<boolean>;
  /**
   * Holds the user's row until the end of the transaction. Whatever ends a device takes the user before the device, as a removal
   * and a registration must: transactions that wait for each other crosswise would be aborted, the emergency one among them.
   */
  hold(userId: string): Promise<void>;
  /** Takes one place of `limit` devices in one step; false where none is left. */
  takeDevicePlace(userId: string, limit: number): Promise<boolean>;
  freeDevicePlace(userId: string): Promise<void>;
}
