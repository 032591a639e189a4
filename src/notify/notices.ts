/** What people are told, as data: one entry an event, with what its text needs and no secret but where said. */

export type Notice =
  /** Carries the confirmation code, and only to the user's own address; the activation code goes another way. */
  | {
      readonly event: 'activation.created';
      readonly userId: string;
      readonly confirmationCode: string;
      readonly expiresAt: number;
    }
  /** Carries the activation code, and only to the user's own address; the confirmation code goes another way. */
  | {
      readonly event: 'activation.invited';
      readonly userId: string;
      readonly activationText: string;
      readonly expiresAt: number;
    }
  | {
      readonly event: 'device.registered';
      readonly userId: string;
      readonly deviceName: string;
      readonly isPending: boolean;
    }
  | { readonly event: 'device.approved'; readonly userId: string; readonly deviceName: string }
  | { readonly event: 'device.refused'; readonly userId: string; readonly deviceName: string }
  | {
      readonly event: 'device.deactivated';
      readonly userId: string;
      readonly deviceName: string;
      readonly reason: string;
    }
  | { readonly event: 'mpin.last_attempt'; readonly userId: string; readonly deviceName: string }
  | { readonly event: 'mpin.blocked'; readonly userId: string; readonly deviceName: string }
  | { readonly event: 'mpin.changed'; readonly userId: string; readonly deviceName: string }
  | { readonly event: 'biometrics.enabled'; readonly userId: string; readonly deviceName: string }
  | {
      readonly event: 'login.after_failures';
      readonly userId: string;
      readonly deviceName: string;
      readonly failures: number;
    }
  /** A phone waits for an administrator's word; without a phone, an act that this user asked for waits until that time. */
  | { readonly event: 'approval.wanted'; readonly userId: string; readonly deviceName: string }
  | { readonly event: 'approval.wanted'; readonly userId: string; readonly expiresAt: number }
  /** Goes to the address that was theirs until now, too. */
  | { readonly event: 'contact.changed'; readonly userId: string; readonly formerAddress: string }
  | {
      readonly event: 'browser.new';
      readonly userId: string;
      readonly clientName: string;
      readonly browserName: string;
    }
  /** The user is an administrator, or an operator of the bank, from now on. */
  | { readonly event: 'administrator.added'; readonly userId: string }
  | { readonly event: 'policy.changed'; readonly companyId: string }
  | { readonly event: 'document.expires'; readonly userId: string; readonly expiresAt: number }
  | {
      readonly event: 'login.reported';
      readonly userId: string;
      readonly clientName: string;
      readonly browserName: string;
    };

/** A notice and the phone that it came from, where it came from one: whoever holds that one knows. */
export type NoticeFrom = Notice & { readonly fromDeviceId?: string | undefined };

export type NoticeEvent = Notice['event'];
