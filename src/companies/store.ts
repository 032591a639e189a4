/** What companies and users need of a store. */
import type { Role, StaffRole } from './roles.ts';
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

/** What of companies is listed; what is not given is no bound. */
export interface CompanyFilter {
  /** This one alone. */
  readonly id?: string | undefined;
  /** A part of the name, whatever its case and accents. */
  readonly search?: string | undefined;
  readonly status?: Company['status'] | undefined;
}

export interface UserFilter {
  /** A part of the name, whatever its case and accents; or a whole e-mail address, which is what it is with an `@`. */
  readonly search?: string | undefined;
  /** What they are: staff is neither user nor administrator. */
  readonly role?: Role | undefined;
  readonly status?: User['status'] | undefined;
}

/** A document of which nobody was warned yet. */
export interface DueDocument {
  readonly userId: string;
  readonly expiresAt: number;
}

export interface CompanyStore {
  insert(company: Company): Promise<void>;
  find(id: string): Promise<Company | undefined>;
  /** The bank's own company; undefined before `mtoken bootstrap` made it. */
  findBank(): Promise<Company | undefined>;
  list(page: Page, filter?: CompanyFilter): Promise<Company[]>;
  /** Writes name, status, policies and rules; false where `version` is stale. Raises the version. */
  update(company: Company): Promise<boolean>;
  /**
   * Holds the company's row until the end of the transaction: what is then read of its rules and of its administrators stays true until
   * the commit.
   */
  hold(companyId: string): Promise<void>;
  /** Takes one place of the user limit in one step; false where none is left. */
  takeUserPlace(companyId: string): Promise<boolean>;
  freeUserPlace(companyId: string): Promise<void>;
  /** Makes up to `limit` names searchable that an older server wrote; how many it looked at. */
  foldNames(limit: number): Promise<number>;
}

export interface UserStore {
  /** Throws `already_exists` where the company has a user with that e-mail, however it is written. */
  insert(user: User): Promise<void>;
  find(id: string): Promise<User | undefined>;
  /** Finds across spellings: the address is compared in its canonical form. */
  findByEmail(companyId: string, email: string): Promise<User | undefined>;
  list(companyId: string | undefined, page: Page, filter?: UserFilter): Promise<User[]>;
  /** Those of the company that are invited or active. */
  administrators(companyId: string): Promise<User[]>;
  /** Writes name, role, staff role, permissions, locale, document and status; false where `version` is stale. Raises the version. */
  update(user: User): Promise<boolean>;
  /** Writes the address alone; false where `version` is stale. Throws `already_exists` as `insert` does. Raises the version. */
  changeEmail(user: User): Promise<boolean>;
  /** Makes every `full` of the company's users an `mtoken`; how many it were. */
  lowerPermissions(companyId: string): Promise<number>;
  /** Documents that expire before that instant and of which nobody was warned, the first to expire first. */
  dueDocuments(expiresBefore: number, limit: number): Promise<DueDocument[]>;
  /** Of any number of callers exactly one gets true, and none once the document is another one. */
  markDocumentWarned(document: DueDocument, at: number): Promise<boolean>;
  /** Notes that the user logged in in the browser of that cookie, kept as a keyed hash; true where it is the first time. */
  noteBrowser(userId: string, browser: string, at: number): Promise<boolean>;
  /** When each of the browsers that are remembered was last used. */
  browsers(userId: string): Promise<readonly number[]>;
  /**
   * Writes name and address of a removed user, which the caller has replaced, and erases document, browsers, messages and the names of
   * devices; false where the user is not removed or `version` is stale. Raises the version.
   */
  erase(user: User): Promise<boolean>;
  /** Makes up to `limit` names and addresses searchable that an older server wrote; how many it looked at. */
  foldNames(limit: number): Promise<number>;
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
