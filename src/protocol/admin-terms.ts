/** Wire schemas of the terms, and of who accepted them. */
import { Type } from 'typebox';
import { PlainText, strict } from './common.ts';
import { longestTerms, TermsVersion } from './registration.ts';

const Language = Type.String({ pattern: '^[a-z]{2,3}$' });

/** English (`en`) is required. Each text is kept byte by byte: lines end with a line feed alone. */
export const TermsPublish = strict({
  version: TermsVersion,
  texts: Type.Array(
    strict({
      language: Language,
      title: PlainText(200),
      text: Type.String({ minLength: 1, maxLength: longestTerms }),
    }),
    { minItems: 1, maxItems: 40 },
  ),
});
export const TermsList = strict({
  after: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});
export const termsParams = strict({ version: TermsVersion });

const Text = Type.String();
const Time = Type.Integer({ description: 'epoch-milliseconds' });
const Sha256 = Type.String({ description: "of the text's UTF-8 bytes, 64 hex digits" });
const terms = {
  seq: Type.Integer({ description: 'the highest is in force' }),
  version: Text,
  publishedBy: Text,
  publishedAt: Time,
};

export const TermsSummaryView = Type.Object(terms, { additionalProperties: false, title: 'TermsSummary' });
export const TermsPage = Type.Object(
  { items: Type.Array(TermsSummaryView), next: Type.Union([Type.Integer(), Type.Null()]) },
  { additionalProperties: false, title: 'TermsPage' },
);
export const TermsView = Type.Object(
  { ...terms, texts: Type.Array(strict({ language: Text, title: Text, text: Text, sha256: Sha256 })) },
  { additionalProperties: false, title: 'Terms' },
);
export const AcceptancesView = Type.Object(
  {
    /** The version in force; null where there is none. */
    current: Type.Union([Text, Type.Null()]),
    items: Type.Array(strict({ version: Text, language: Text, sha256: Sha256, deviceId: Text, acceptedAt: Time })),
  },
  { additionalProperties: false, title: 'Acceptances' },
);
