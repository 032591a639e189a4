/** What the admin API takes and answers. Made from docs/openapi.json by `npm run docs`: change the endpoints, not this file. */

export interface Acceptances {
  readonly current: string | null;
  readonly items: readonly {
    readonly version: string;
    readonly language: string;
    /** of the text's UTF-8 bytes, 64 hex digits */
    readonly sha256: string;
    readonly deviceId: string;
    /** epoch-milliseconds */
    readonly acceptedAt: number;
  }[];
}

export interface Activation {
  readonly activationId: string;
  readonly delivery: 'shown' | 'email';
  /** of `shown`: for the QR code */
  readonly activationText?: string;
  /** of `shown`, and shown this once; the confirmation code goes by e-mail */
  readonly code?: string;
  /** of `email`, and shown this once; the activation goes by e-mail */
  readonly confirmationCode?: string;
  /** epoch-milliseconds */
  readonly expiresAt: number;
}

export interface Approval {
  readonly id: string;
  readonly companyId: string;
  /** by its name in the table of permissions */
  readonly permission: string;
  /** what that is, in words */
  readonly means: string;
  /** method and path of the act */
  readonly endpoint: string;
  readonly requestedBy: {
    readonly id: string;
    readonly name: string;
  };
  readonly subject: {
    readonly id: string;
    readonly name: string;
  } | null;
  readonly reason: string | null;
  readonly status: 'pending' | 'claimed' | 'done' | 'failed' | 'refused' | 'withdrawn' | 'expired';
  readonly decidedBy: {
    readonly id: string;
    readonly name: string;
  } | null;
  readonly decidedAt: number | null;
  readonly decisionReason: string | null;
  /** why an approved act was not done: an error code, device_ended, interrupted or restored */
  readonly problem: string | null;
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** epoch-milliseconds */
  readonly expiresAt: number;
  readonly settledAt: number | null;
}

export interface ApprovalPage {
  readonly items: readonly Approval[];
  readonly next: string | null;
}

export interface ApprovalWithRequest {
  readonly id: string;
  readonly companyId: string;
  /** by its name in the table of permissions */
  readonly permission: string;
  /** what that is, in words */
  readonly means: string;
  /** method and path of the act */
  readonly endpoint: string;
  readonly requestedBy: {
    readonly id: string;
    readonly name: string;
  };
  readonly subject: {
    readonly id: string;
    readonly name: string;
  } | null;
  readonly reason: string | null;
  readonly status: 'pending' | 'claimed' | 'done' | 'failed' | 'refused' | 'withdrawn' | 'expired';
  readonly decidedBy: {
    readonly id: string;
    readonly name: string;
  } | null;
  readonly decidedAt: number | null;
  readonly decisionReason: string | null;
  /** why an approved act was not done: an error code, device_ended, interrupted or restored */
  readonly problem: string | null;
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** epoch-milliseconds */
  readonly expiresAt: number;
  readonly settledAt: number | null;
  /** null a month after it ended */
  readonly request: {
    readonly params: unknown;
    readonly query: unknown;
    readonly body: unknown;
  } | null;
}

export interface Approved {
  readonly id: string;
  readonly companyId: string;
  /** by its name in the table of permissions */
  readonly permission: string;
  /** what that is, in words */
  readonly means: string;
  /** method and path of the act */
  readonly endpoint: string;
  readonly requestedBy: {
    readonly id: string;
    readonly name: string;
  };
  readonly subject: {
    readonly id: string;
    readonly name: string;
  } | null;
  readonly reason: string | null;
  readonly status: 'pending' | 'claimed' | 'done' | 'failed' | 'refused' | 'withdrawn' | 'expired';
  readonly decidedBy: {
    readonly id: string;
    readonly name: string;
  } | null;
  readonly decidedAt: number | null;
  readonly decisionReason: string | null;
  /** why an approved act was not done: an error code, device_ended, interrupted or restored */
  readonly problem: string | null;
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** epoch-milliseconds */
  readonly expiresAt: number;
  readonly settledAt: number | null;
  readonly result: unknown;
}

export interface AuditPage {
  readonly items: readonly AuditRecord[];
  readonly next: number | null;
}

export interface AuditRecord {
  readonly seq: number;
  /** epoch-milliseconds */
  readonly at: number;
  readonly event: string;
  readonly actor: string;
  readonly companyId?: string;
  readonly userId?: string;
  readonly deviceId?: string;
  readonly orderId?: string;
  readonly clientId?: string;
  readonly address?: string;
  readonly requestId?: string;
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
  readonly previousHash: string;
  readonly hash: string;
}

export interface Checkpoint {
  readonly seq: number;
  /** epoch-milliseconds */
  readonly at: number;
  /** compact JWS, signed by a key of the server */
  readonly statement: string;
}

export interface Client {
  readonly id: string;
  readonly kind: 'portal' | 'admin';
  readonly name: string;
  readonly companyId: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: 'active' | 'disabled';
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** rises with every change; also the ETag */
  readonly version: number;
}

export interface ClientPage {
  readonly items: readonly Client[];
  readonly next: string | null;
}

export interface ClientWebhook {
  readonly clientId: string;
  /** shown this once */
  readonly secret: string;
  readonly overlapUntil: number | null;
}

export interface ClientWithSecret {
  readonly id: string;
  readonly kind: 'portal' | 'admin';
  readonly name: string;
  readonly companyId: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: 'active' | 'disabled';
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** rises with every change; also the ETag */
  readonly version: number;
  /** shown this once; absent where the client has keys of its own */
  readonly secret?: string;
  /** signs what its signing_webhook_uri is sent; shown this once, where it was made */
  readonly webhookSecret?: string;
}

export interface Company {
  readonly id: string;
  readonly name: string;
  readonly status: 'active' | 'suspended' | 'closed';
  readonly userLimit: number;
  readonly deviceLimit: number;
  /** false: an administrator approves every registration */
  readonly selfActivation: boolean;
  readonly mpinLength: number;
  readonly rules: CompanyRules;
  /** true for the bank's own company */
  readonly isBank: boolean;
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** rises with every change; also the ETag */
  readonly version: number;
}

export interface CompanyPage {
  readonly items: readonly Company[];
  readonly next: string | null;
}

export interface CompanyRules {
  /** acts that take two people */
  readonly fourEyes: readonly string[];
  readonly permissions: 'mtoken' | 'full';
  readonly sessionsPerUser: number;
  readonly sessionMinutes: number;
  readonly networks: readonly string[];
  readonly hours: {
    readonly days: readonly number[];
    readonly from: string;
    readonly until: string;
    readonly timeZone: string;
  } | null;
  readonly emailDomains: readonly string[];
  /** what is signed by several people; empty: everything by one */
  readonly approvers: readonly {
    readonly templates: readonly string[];
    readonly currency?: string;
    /** minor units */
    readonly from?: number;
    readonly needed: number;
  }[];
  readonly risk: RiskRules;
}

export interface Deactivated {
  readonly deactivated: number;
}

export interface DeadLetter {
  readonly id: string;
  readonly kind:
    | 'email'
    | 'backchannel_logout'
    | 'backchannel_request'
    | 'backchannel_ping'
    | 'webhook'
    | 'portal_webhook'
    | 'push';
  readonly recipient: string;
  readonly about: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
  /** epoch-milliseconds */
  readonly createdAt: number;
}

export interface DeadLetterPage {
  readonly items: readonly DeadLetter[];
  readonly next: string | null;
}

export interface Device {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly companyId: string;
  readonly name: string;
  readonly platform: string;
  readonly appVersion: string;
  readonly status: 'pending' | 'active' | 'blocked' | 'deactivated' | 'refused';
  readonly attestationLevel: string;
  readonly hasBiometrics: boolean;
  readonly attemptsLeft: number;
  /** epoch-milliseconds */
  readonly createdAt: number;
  readonly activatedAt: number | null;
  readonly lastUsedAt: number | null;
  /** the network that it was used from last, such as 192.0.2.0/24 */
  readonly place: string | null;
  readonly endedAt: number | null;
  readonly endedReason: string | null;
}

export interface DevicePage {
  readonly items: readonly Device[];
  readonly next: string | null;
}

export interface Health {
  /** false: load balancers send nobody here */
  readonly isReady: boolean;
  readonly components: readonly {
    readonly name: string;
    readonly isHealthy: boolean;
    readonly durationMs: number;
  }[];
}

export interface Key {
  readonly kid: string;
  readonly use: 'sig' | 'enc';
  readonly alg: string;
  readonly status: 'next' | 'active' | 'retiring' | 'retired';
  /** epoch-milliseconds */
  readonly createdAt: number;
}

export interface KeyList {
  readonly items: readonly Key[];
}

export interface KeySteps {
  readonly steps: readonly {
    readonly kid: string;
    readonly alg: string;
    readonly from: 'next' | 'active' | 'retiring' | 'retired' | 'none';
    readonly to: 'next' | 'active' | 'retiring' | 'retired';
  }[];
}

export interface Me {
  readonly kind: 'person' | 'machine';
  readonly userId: string | null;
  readonly clientId: string | null;
  readonly name: string;
  readonly role: 'operator' | 'support' | 'auditor' | 'administrator' | null;
  readonly companyId: string | null;
  readonly companyName: string | null;
  readonly language: string | null;
  readonly provedAt: number | null;
  /** true: a proof for one act is there that nobody has used */
  readonly isConfirmed: boolean;
  /** by the name of the permission; one that is not there is not given */
  readonly permissions: Readonly<
    Record<
      string,
      {
        readonly reach: 'all' | 'own';
        readonly proof: 'session' | 'fresh' | 'confirmed';
      }
    >
  >;
}

export interface Notifications {
  readonly kinds: readonly {
    readonly kind:
      | 'email'
      | 'backchannel_logout'
      | 'backchannel_request'
      | 'backchannel_ping'
      | 'webhook'
      | 'portal_webhook'
      | 'push';
    readonly pending: number;
    readonly dead: number;
  }[];
  readonly oldestPendingAt: number | null;
}

export interface Problem {
  /** stable */
  readonly type: string;
  /** for people */
  readonly title: string;
  readonly status: number;
  /** for people: what is wrong with this request */
  readonly detail?: string;
  /** the request id, by which the server's log finds the cause */
  readonly instance: string;
  /** with `proof_required`: `fresh` or `confirmed` */
  readonly proof?: string;
  /** as `Retry-After` */
  readonly retryAfterSeconds?: number;
}

export interface Resent {
  readonly resent: number;
}

export interface RiskRules {
  readonly newDevice: {
    readonly action: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
    readonly hours: number;
  };
  readonly newPayee: {
    readonly action: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
  };
  readonly amount: {
    readonly action: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
    readonly limits: readonly {
      readonly currency: string;
      /** minor units */
      readonly amount: number;
    }[];
  };
  readonly unusualHour: {
    readonly action: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
    readonly hours: {
      readonly days: readonly number[];
      readonly from: string;
      readonly until: string;
      readonly timeZone: string;
    } | null;
  };
  readonly declines: {
    readonly action: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
    readonly count: number;
  };
  readonly reported: {
    readonly action: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
    readonly hours: number;
  };
  readonly delaySeconds: number;
}

export interface Terms {
  /** the highest is in force */
  readonly seq: number;
  readonly version: string;
  readonly publishedBy: string;
  /** epoch-milliseconds */
  readonly publishedAt: number;
  readonly texts: readonly {
    readonly language: string;
    readonly title: string;
    readonly text: string;
    /** of the text's UTF-8 bytes, 64 hex digits */
    readonly sha256: string;
  }[];
}

export interface TermsPage {
  readonly items: readonly TermsSummary[];
  readonly next: number | null;
}

export interface TermsSummary {
  /** the highest is in force */
  readonly seq: number;
  readonly version: string;
  readonly publishedBy: string;
  /** epoch-milliseconds */
  readonly publishedAt: number;
}

export interface User {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  readonly role: 'user' | 'administrator';
  readonly staffRole: 'operator' | 'support' | 'auditor' | null;
  readonly permissions: 'mtoken' | 'full';
  readonly locale: string;
  readonly language: string | null;
  readonly document: {
    readonly reference: string;
    readonly expiresAt: number | null;
  } | null;
  readonly status: 'invited' | 'active' | 'suspended' | 'removed';
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** rises with every change; also the ETag */
  readonly version: number;
}

export interface UserPage {
  readonly items: readonly User[];
  readonly next: string | null;
}

export interface Webhook {
  readonly id: string;
  readonly companyId: string | null;
  readonly name: string;
  readonly url: string;
  /** empty: all */
  readonly events: readonly (
    | 'registration.finished'
    | 'device.approved'
    | 'device.refused'
    | 'device.deactivated'
    | 'mpin.blocked'
    | 'mpin.changed'
    | 'order.reported'
    | 'user.created'
    | 'user.updated'
    | 'user.suspended'
    | 'user.restored'
    | 'user.removed'
    | 'user.email_changed'
    | 'user.erased'
    | 'company.created'
    | 'company.updated'
    | 'company.suspended'
    | 'company.restored'
    | 'company.closed'
  )[];
  readonly status: 'active' | 'disabled';
  readonly overlapUntil: number | null;
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** rises with every change; also the ETag */
  readonly version: number;
}

export interface WebhookPage {
  readonly items: readonly Webhook[];
  readonly next: string | null;
}

export interface WebhookTrial {
  readonly isDelivered: boolean;
  /** the receiver's status, or why there is none */
  readonly answer: string;
}

export interface WebhookWithSecret {
  readonly id: string;
  readonly companyId: string | null;
  readonly name: string;
  readonly url: string;
  /** empty: all */
  readonly events: readonly (
    | 'registration.finished'
    | 'device.approved'
    | 'device.refused'
    | 'device.deactivated'
    | 'mpin.blocked'
    | 'mpin.changed'
    | 'order.reported'
    | 'user.created'
    | 'user.updated'
    | 'user.suspended'
    | 'user.restored'
    | 'user.removed'
    | 'user.email_changed'
    | 'user.erased'
    | 'company.created'
    | 'company.updated'
    | 'company.suspended'
    | 'company.restored'
    | 'company.closed'
  )[];
  readonly status: 'active' | 'disabled';
  readonly overlapUntil: number | null;
  /** epoch-milliseconds */
  readonly createdAt: number;
  /** rises with every change; also the ETag */
  readonly version: number;
  /** shown this once */
  readonly secret: string;
}

export interface Operations {
  /** See who one is and what one may do. */
  readonly getMe: { readonly input: {}; readonly reply: Me };
  /** Create a company. */
  readonly createCompany: {
    readonly input: {
      readonly body: {
        readonly name: string;
        readonly userLimit?: number;
        readonly deviceLimit?: number;
        readonly selfActivation?: boolean;
        readonly mpinLength?: number;
        readonly rules?: {
          readonly fourEyes?: readonly string[];
          readonly permissions?: 'mtoken' | 'full';
          readonly sessionsPerUser?: number;
          readonly sessionMinutes?: number;
          readonly networks?: readonly string[];
          readonly hours?: null | {
            readonly days: readonly number[];
            readonly from: string;
            readonly until: string;
            readonly timeZone: string;
          };
          readonly emailDomains?: readonly string[];
          readonly approvers?: readonly {
            readonly templates: readonly string[];
            readonly currency?: string;
            readonly from?: number;
            readonly needed: number;
          }[];
          readonly risk?: {
            readonly newDevice?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly hours?: number;
            };
            readonly newPayee?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
            };
            readonly amount?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly limits?: readonly {
                readonly currency: string;
                readonly amount: number;
              }[];
            };
            readonly unusualHour?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly hours?: null | {
                readonly days: readonly number[];
                readonly from: string;
                readonly until: string;
                readonly timeZone: string;
              };
            };
            readonly declines?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly count?: number;
            };
            readonly reported?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly hours?: number;
            };
            readonly delaySeconds?: number;
          };
        };
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: Company;
  };
  /** List and search companies. */
  readonly listCompanies: {
    readonly input: {
      readonly query?: {
        readonly search?: string;
        readonly status?: 'active' | 'suspended' | 'closed';
        readonly after?: string;
        readonly limit?: number;
      };
    };
    readonly reply: CompanyPage;
  };
  /** Look at a company. */
  readonly getCompany: { readonly input: { readonly params: { readonly companyId: string } }; readonly reply: Company };
  /** Change a company's name, policies and rules. */
  readonly changeCompany: {
    readonly input: {
      readonly params: { readonly companyId: string };
      readonly body: {
        readonly version?: number;
        readonly name?: string;
        readonly userLimit?: number;
        readonly deviceLimit?: number;
        readonly selfActivation?: boolean;
        readonly mpinLength?: number;
        readonly rules?: {
          readonly fourEyes?: readonly string[];
          readonly permissions?: 'mtoken' | 'full';
          readonly sessionsPerUser?: number;
          readonly sessionMinutes?: number;
          readonly networks?: readonly string[];
          readonly hours?: null | {
            readonly days: readonly number[];
            readonly from: string;
            readonly until: string;
            readonly timeZone: string;
          };
          readonly emailDomains?: readonly string[];
          readonly approvers?: readonly {
            readonly templates: readonly string[];
            readonly currency?: string;
            readonly from?: number;
            readonly needed: number;
          }[];
          readonly risk?: {
            readonly newDevice?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly hours?: number;
            };
            readonly newPayee?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
            };
            readonly amount?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly limits?: readonly {
                readonly currency: string;
                readonly amount: number;
              }[];
            };
            readonly unusualHour?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly hours?: null | {
                readonly days: readonly number[];
                readonly from: string;
                readonly until: string;
                readonly timeZone: string;
              };
            };
            readonly declines?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly count?: number;
            };
            readonly reported?: {
              readonly action?: 'off' | 'warn' | 'step-up' | 'delay' | 'deny';
              readonly hours?: number;
            };
            readonly delaySeconds?: number;
          };
        };
      };
      readonly ifMatch?: string;
    };
    readonly reply: Company;
  };
  /** Suspend a company: every login of its users ends, nothing is lost. */
  readonly suspendCompany: {
    readonly input: {
      readonly params: { readonly companyId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Company;
  };
  /** Restore a suspended company. */
  readonly restoreCompany: {
    readonly input: {
      readonly params: { readonly companyId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Company;
  };
  /** Close a company for good: its users are removed and their devices end. */
  readonly closeCompany: {
    readonly input: {
      readonly params: { readonly companyId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Company;
  };
  /** List and search users. */
  readonly listUsers: {
    readonly input: {
      readonly query?: {
        readonly companyId?: string;
        readonly search?: string;
        readonly role?: 'user' | 'administrator' | 'operator' | 'support' | 'auditor';
        readonly status?: 'invited' | 'active' | 'suspended' | 'removed';
        readonly after?: string;
        readonly limit?: number;
      };
    };
    readonly reply: UserPage;
  };
  /** Create a user of a company. */
  readonly createUser: {
    readonly input: {
      readonly body: {
        readonly companyId: string;
        readonly name: string;
        readonly email: string;
        readonly role?: 'user' | 'administrator';
        readonly permissions?: 'mtoken' | 'full';
        readonly locale?: string;
        readonly language?: string;
        readonly document?: {
          readonly reference: string;
          readonly expiresAt: null | number;
        };
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: User;
  };
  /** Look at a user. */
  readonly getUser: { readonly input: { readonly params: { readonly userId: string } }; readonly reply: User };
  /** Change a user's name, role, permissions, languages or document. */
  readonly changeUser: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly version?: number;
        readonly name?: string;
        readonly role?: 'user' | 'administrator';
        readonly permissions?: 'mtoken' | 'full';
        readonly locale?: string;
        readonly language?: null | string;
        readonly document?: null | {
          readonly reference: string;
          readonly expiresAt: null | number;
        };
      };
      readonly ifMatch?: string;
    };
    readonly reply: User;
  };
  /** Change a user's e-mail address; the old one is told too. */
  readonly changeUserEmail: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly version: number;
        readonly email: string;
      };
    };
    readonly reply: User;
  };
  /** Suspend a user: logins end, devices stop, nothing is lost. */
  readonly suspendUser: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: User;
  };
  /** Restore a suspended user. */
  readonly restoreUser: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: User;
  };
  /** Remove a user for good. */
  readonly removeUser: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: User;
  };
  /** Create a member of the bank's staff. */
  readonly createStaff: {
    readonly input: {
      readonly body: {
        readonly name: string;
        readonly email: string;
        readonly staffRole: 'operator' | 'support' | 'auditor';
        readonly permissions?: 'mtoken' | 'full';
        readonly locale?: string;
        readonly language?: string;
        readonly document?: {
          readonly reference: string;
          readonly expiresAt: null | number;
        };
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: User;
  };
  /** Change the role of a member of the bank's staff; their logins end. */
  readonly changeStaffRole: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly version: number;
        readonly staffRole: 'operator' | 'support' | 'auditor';
      };
    };
    readonly reply: User;
  };
  /** Export everything that is held of a person. */
  readonly exportPersonalData: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: string;
  };
  /** Erase a removed user's name, address and document for good. */
  readonly erasePersonalData: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: User;
  };
  /** Make a one-time activation: one of its two codes is in the answer, the other goes to the user by e-mail. */
  readonly createActivation: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body?: {
        readonly delivery?: 'shown' | 'email';
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: Activation;
  };
  /** List devices. */
  readonly listDevices: {
    readonly input: {
      readonly query?: {
        readonly companyId?: string;
        readonly userId?: string;
        readonly status?: 'pending' | 'active' | 'blocked' | 'deactivated' | 'refused';
        readonly after?: string;
        readonly limit?: number;
      };
    };
    readonly reply: DevicePage;
  };
  /** Look at a device. */
  readonly getDevice: { readonly input: { readonly params: { readonly deviceId: string } }; readonly reply: Device };
  /** Approve a pending registration. */
  readonly approveDevice: {
    readonly input: { readonly params: { readonly deviceId: string }; readonly body?: Readonly<Record<string, never>> };
    readonly reply: Device;
  };
  /** Refuse a pending registration. */
  readonly refuseDevice: {
    readonly input: {
      readonly params: { readonly deviceId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Device;
  };
  /** End a device at once, for good. */
  readonly deactivateDevice: {
    readonly input: {
      readonly params: { readonly deviceId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Device;
  };
  /** End every device of a user at once, for good. */
  readonly deactivateUserDevices: {
    readonly input: {
      readonly params: { readonly userId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Deactivated;
  };
  /** End every device of a company, for good. */
  readonly deactivateCompanyDevices: {
    readonly input: {
      readonly params: { readonly companyId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Deactivated;
  };
  /** Register a portal or a machine. */
  readonly createClient: {
    readonly input: {
      readonly body: {
        readonly id: string;
        readonly kind: 'portal' | 'admin';
        readonly name: string;
        readonly companyId?: string;
        readonly metadata: Readonly<Record<string, unknown>>;
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: ClientWithSecret;
  };
  /** List portals and machines, without their logos. */
  readonly listClients: {
    readonly input: { readonly query?: { readonly after?: string; readonly limit?: number } };
    readonly reply: ClientPage;
  };
  /** Look at a portal or machine. */
  readonly getClient: { readonly input: { readonly params: { readonly clientId: string } }; readonly reply: Client };
  /** Change a portal or machine. */
  readonly changeClient: {
    readonly input: {
      readonly params: { readonly clientId: string };
      readonly body: {
        readonly version?: number;
        readonly name?: string;
        readonly metadata?: Readonly<Record<string, unknown>>;
      };
      readonly ifMatch?: string;
    };
    readonly reply: ClientWithSecret;
  };
  /** Make a new secret of a portal’s signing webhook. */
  readonly rotateClientWebhook: {
    readonly input: {
      readonly params: { readonly clientId: string };
      readonly body?: {
        readonly overlapHours?: number;
      };
    };
    readonly reply: ClientWebhook;
  };
  /** Disable a portal or machine: its logins and tokens stop. */
  readonly disableClient: {
    readonly input: { readonly params: { readonly clientId: string }; readonly body?: Readonly<Record<string, never>> };
    readonly reply: Client;
  };
  /** List the server's keys. */
  readonly listKeys: { readonly input: {}; readonly reply: KeyList };
  /** Move the server's keys on. */
  readonly rotateKeys: {
    readonly input: {
      readonly body?: {
        readonly immediately?: boolean;
        readonly withoutOverlap?: boolean;
      };
    };
    readonly reply: KeySteps;
  };
  /** Search the audit trail. */
  readonly searchAudit: {
    readonly input: {
      readonly query?: {
        readonly companyId?: string;
        readonly userId?: string;
        readonly deviceId?: string;
        readonly orderId?: string;
        readonly clientId?: string;
        readonly event?: string;
        readonly actor?: string;
        readonly from?: number;
        readonly until?: number;
        readonly order?: 'oldest' | 'newest';
        readonly after?: number;
        readonly limit?: number;
      };
    };
    readonly reply: AuditPage;
  };
  /** Export the audit trail as a file. */
  readonly exportAudit: {
    readonly input: {
      readonly query?: {
        readonly companyId?: string;
        readonly userId?: string;
        readonly deviceId?: string;
        readonly orderId?: string;
        readonly clientId?: string;
        readonly event?: string;
        readonly actor?: string;
        readonly from?: number;
        readonly until?: number;
        readonly format?: 'jsonl' | 'csv';
      };
    };
    readonly reply: undefined;
  };
  /** Fetch the last signed head of the audit trail. */
  readonly getAuditCheckpoint: { readonly input: {}; readonly reply: Checkpoint };
  /** Count what waits and what was given up. */
  readonly getNotifications: { readonly input: {}; readonly reply: Notifications };
  /** List what was given up. */
  readonly listDeadLetters: {
    readonly input: { readonly query?: { readonly after?: string; readonly limit?: number } };
    readonly reply: DeadLetterPage;
  };
  /** Send again what was given up: all, or all of a kind. */
  readonly resendDeadLetters: {
    readonly input: {
      readonly body: {
        readonly kind:
          | 'all'
          | 'email'
          | 'backchannel_logout'
          | 'backchannel_request'
          | 'backchannel_ping'
          | 'webhook'
          | 'portal_webhook'
          | 'push';
      };
    };
    readonly reply: Resent;
  };
  /** Send one again that was given up. */
  readonly resendDeadLetter: {
    readonly input: {
      readonly params: { readonly messageId: string };
      readonly body?: Readonly<Record<string, never>>;
    };
    readonly reply: Resent;
  };
  /** Register an address that is told of events. */
  readonly createWebhook: {
    readonly input: {
      readonly body: {
        readonly name: string;
        readonly url: string;
        readonly companyId?: string;
        readonly events?: readonly (
          | 'registration.finished'
          | 'device.approved'
          | 'device.refused'
          | 'device.deactivated'
          | 'mpin.blocked'
          | 'mpin.changed'
          | 'order.reported'
          | 'user.created'
          | 'user.updated'
          | 'user.suspended'
          | 'user.restored'
          | 'user.removed'
          | 'user.email_changed'
          | 'user.erased'
          | 'company.created'
          | 'company.updated'
          | 'company.suspended'
          | 'company.restored'
          | 'company.closed'
        )[];
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: WebhookWithSecret;
  };
  /** List webhooks. */
  readonly listWebhooks: {
    readonly input: { readonly query?: { readonly after?: string; readonly limit?: number } };
    readonly reply: WebhookPage;
  };
  /** Look at a webhook. */
  readonly getWebhook: { readonly input: { readonly params: { readonly webhookId: string } }; readonly reply: Webhook };
  /** Make a new secret of a webhook. */
  readonly rotateWebhook: {
    readonly input: {
      readonly params: { readonly webhookId: string };
      readonly body?: {
        readonly overlapHours?: number;
      };
    };
    readonly reply: WebhookWithSecret;
  };
  /** Send a test to a webhook now. */
  readonly testWebhook: {
    readonly input: {
      readonly params: { readonly webhookId: string };
      readonly body?: Readonly<Record<string, never>>;
    };
    readonly reply: WebhookTrial;
  };
  /** Tell a webhook nothing any more. */
  readonly disableWebhook: {
    readonly input: {
      readonly params: { readonly webhookId: string };
      readonly body?: Readonly<Record<string, never>>;
    };
    readonly reply: Webhook;
  };
  /** Tell a webhook again, from now on. */
  readonly enableWebhook: {
    readonly input: {
      readonly params: { readonly webhookId: string };
      readonly body?: Readonly<Record<string, never>>;
    };
    readonly reply: Webhook;
  };
  /** See the server's health. */
  readonly getHealth: { readonly input: {}; readonly reply: Health };
  /** List all versions of the terms, the newest first. */
  readonly listTerms: {
    readonly input: { readonly query?: { readonly after?: number; readonly limit?: number } };
    readonly reply: TermsPage;
  };
  /** Publish terms, which every registration has to accept from then on. */
  readonly publishTerms: {
    readonly input: {
      readonly body: {
        readonly version: string;
        readonly texts: readonly {
          readonly language: string;
          readonly title: string;
          readonly text: string;
        }[];
      };
      readonly idempotencyKey?: string;
    };
    readonly reply: Terms;
  };
  /** Read the terms in force, in all languages. */
  readonly getCurrentTerms: { readonly input: {}; readonly reply: Terms };
  /** Read a version of the terms, in all languages. */
  readonly getTerms: { readonly input: { readonly params: { readonly version: string } }; readonly reply: Terms };
  /** See which terms a user accepted, and when. */
  readonly listAcceptances: {
    readonly input: { readonly params: { readonly userId: string } };
    readonly reply: Acceptances;
  };
  /** List acts that take two people. */
  readonly listApprovals: {
    readonly input: {
      readonly query?: {
        readonly companyId?: string;
        readonly status?: 'pending' | 'claimed' | 'done' | 'failed' | 'refused' | 'withdrawn' | 'expired';
        readonly after?: string;
        readonly limit?: number;
      };
    };
    readonly reply: ApprovalPage;
  };
  /** Look at an act that takes two people, and at the very request. */
  readonly getApproval: {
    readonly input: { readonly params: { readonly approvalId: string } };
    readonly reply: ApprovalWithRequest;
  };
  /** Agree to an act of somebody else, which is done at once. */
  readonly approveAct: {
    readonly input: {
      readonly params: { readonly approvalId: string };
      readonly body?: Readonly<Record<string, never>>;
    };
    readonly reply: Approved;
  };
  /** Refuse an act of somebody else. */
  readonly refuseAct: {
    readonly input: {
      readonly params: { readonly approvalId: string };
      readonly body: {
        readonly reason: string;
      };
    };
    readonly reply: Approval;
  };
  /** Take back what you asked for yourself. */
  readonly withdrawAct: {
    readonly input: {
      readonly params: { readonly approvalId: string };
      readonly body?: Readonly<Record<string, never>>;
    };
    readonly reply: Approval;
  };
}

/** Where each operation is sent, below `/admin/v1`. */

export const operations = {
  getMe: { method: 'GET', path: '/me', creates: false },
  createCompany: { method: 'POST', path: '/companies', creates: true },
  listCompanies: { method: 'GET', path: '/companies', creates: false },
  getCompany: { method: 'GET', path: '/companies/{companyId}', creates: false },
  changeCompany: { method: 'PATCH', path: '/companies/{companyId}', creates: false },
  suspendCompany: { method: 'POST', path: '/companies/{companyId}/suspend', creates: false },
  restoreCompany: { method: 'POST', path: '/companies/{companyId}/restore', creates: false },
  closeCompany: { method: 'POST', path: '/companies/{companyId}/close', creates: false },
  listUsers: { method: 'GET', path: '/users', creates: false },
  createUser: { method: 'POST', path: '/users', creates: true },
  getUser: { method: 'GET', path: '/users/{userId}', creates: false },
  changeUser: { method: 'PATCH', path: '/users/{userId}', creates: false },
  changeUserEmail: { method: 'POST', path: '/users/{userId}/email', creates: false },
  suspendUser: { method: 'POST', path: '/users/{userId}/suspend', creates: false },
  restoreUser: { method: 'POST', path: '/users/{userId}/restore', creates: false },
  removeUser: { method: 'POST', path: '/users/{userId}/remove', creates: false },
  createStaff: { method: 'POST', path: '/staff', creates: true },
  changeStaffRole: { method: 'POST', path: '/users/{userId}/staff', creates: false },
  exportPersonalData: { method: 'POST', path: '/users/{userId}/personal-data', creates: false },
  erasePersonalData: { method: 'POST', path: '/users/{userId}/erase', creates: false },
  createActivation: { method: 'POST', path: '/users/{userId}/activations', creates: true },
  listDevices: { method: 'GET', path: '/devices', creates: false },
  getDevice: { method: 'GET', path: '/devices/{deviceId}', creates: false },
  approveDevice: { method: 'POST', path: '/devices/{deviceId}/approve', creates: false },
  refuseDevice: { method: 'POST', path: '/devices/{deviceId}/refuse', creates: false },
  deactivateDevice: { method: 'POST', path: '/devices/{deviceId}/deactivate', creates: false },
  deactivateUserDevices: { method: 'POST', path: '/users/{userId}/deactivate-devices', creates: false },
  deactivateCompanyDevices: { method: 'POST', path: '/companies/{companyId}/deactivate-devices', creates: false },
  createClient: { method: 'POST', path: '/clients', creates: true },
  listClients: { method: 'GET', path: '/clients', creates: false },
  getClient: { method: 'GET', path: '/clients/{clientId}', creates: false },
  changeClient: { method: 'PATCH', path: '/clients/{clientId}', creates: false },
  rotateClientWebhook: { method: 'POST', path: '/clients/{clientId}/webhook/rotate', creates: false },
  disableClient: { method: 'POST', path: '/clients/{clientId}/disable', creates: false },
  listKeys: { method: 'GET', path: '/keys', creates: false },
  rotateKeys: { method: 'POST', path: '/keys/rotate', creates: false },
  searchAudit: { method: 'GET', path: '/audit', creates: false },
  exportAudit: { method: 'GET', path: '/audit/export', creates: false },
  getAuditCheckpoint: { method: 'GET', path: '/audit/checkpoint', creates: false },
  getNotifications: { method: 'GET', path: '/notifications', creates: false },
  listDeadLetters: { method: 'GET', path: '/notifications/dead', creates: false },
  resendDeadLetters: { method: 'POST', path: '/notifications/resend', creates: false },
  resendDeadLetter: { method: 'POST', path: '/notifications/{messageId}/resend', creates: false },
  createWebhook: { method: 'POST', path: '/webhooks', creates: true },
  listWebhooks: { method: 'GET', path: '/webhooks', creates: false },
  getWebhook: { method: 'GET', path: '/webhooks/{webhookId}', creates: false },
  rotateWebhook: { method: 'POST', path: '/webhooks/{webhookId}/rotate', creates: false },
  testWebhook: { method: 'POST', path: '/webhooks/{webhookId}/test', creates: false },
  disableWebhook: { method: 'POST', path: '/webhooks/{webhookId}/disable', creates: false },
  enableWebhook: { method: 'POST', path: '/webhooks/{webhookId}/enable', creates: false },
  getHealth: { method: 'GET', path: '/health', creates: false },
  listTerms: { method: 'GET', path: '/terms', creates: false },
  publishTerms: { method: 'POST', path: '/terms', creates: true },
  getCurrentTerms: { method: 'GET', path: '/terms/current', creates: false },
  getTerms: { method: 'GET', path: '/terms/versions/{version}', creates: false },
  listAcceptances: { method: 'GET', path: '/users/{userId}/acceptances', creates: false },
  listApprovals: { method: 'GET', path: '/approvals', creates: false },
  getApproval: { method: 'GET', path: '/approvals/{approvalId}', creates: false },
  approveAct: { method: 'POST', path: '/approvals/{approvalId}/approve', creates: false },
  refuseAct: { method: 'POST', path: '/approvals/{approvalId}/refuse', creates: false },
  withdrawAct: { method: 'POST', path: '/approvals/{approvalId}/withdraw', creates: false },
} as const satisfies Record<
  keyof Operations,
  { readonly method: string; readonly path: string; readonly creates: boolean }
>;
